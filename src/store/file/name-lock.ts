/**
 * One recorder per name, over all pid namespaces that share the folder: a kernel lock on `F-lock`, an empty file beside the recording.
 * Node has no flock; SQLite locks by fcntl, which the kernel gives back when the process ends, however it ends. A process id says
 * nothing in another namespace.
 */
import { closeSync, lstatSync, openSync, rmSync, type Stats } from 'node:fs'
import { systemError, usageError } from '../../errors.ts'
import { isFree, lockWhole, type Database } from '../sqlite/database.ts'
import { openName } from './open-name.ts'
import { statOf } from './side-files.ts'

/** A file with this name may be the one before: it is looked for once more. */
const TRIES = 5

export class NameLock {
  readonly #path: string
  readonly #file: Stats
  readonly #held: Database

  private constructor(path: string, file: Stats, held: Database) {
    this.#path = path
    this.#file = file
    this.#held = held
  }

  /** Nobody has removed it, or moved its folder: then another recorder does not see it. */
  get isInPlace(): boolean {
    const found = lstatSync(this.#path, { throwIfNoEntry: false })
    return found?.ino === this.#file.ino && found.dev === this.#file.dev
  }

  /**
   * @returns `taken` if another process has it; null if no file can be made there: whoever makes the recording says why
   * @throws UserError (exit 2) for a file that no recorder has left, (exit 4) if there is no room for one
   */
  static take(file: string): NameLock | 'taken' | null {
    const path = nameOf(file)
    for (let i = 0; i < TRIES; i++) {
      if (!exists(path)) return null
      const before = lockFile(path)
      if (before === undefined) continue
      const held = lockWhole(path)
      if (held === null) return 'taken'
      // A recorder that ends removes the file while it holds the lock: then this one is of a file without a name.
      if (isSame(before, lockFile(path))) return new NameLock(path, before, held)
      held.close()
    }
    return 'taken'
  }

  release(): void {
    const name = openName(this.#file)
    // Must come first: once it is free, the file may be another recorder's.
    if (name !== null) rmSync(name, { force: true })
    this.#held.close()
  }
}

/** Whether a process, in any namespace, records under this name. Reads, and waits for nothing. */
export function isNameTaken(file: string): boolean {
  const found = statOf(nameOf(file))
  return found !== undefined && isOurs(found) && !isFree(nameOf(file))
}

const nameOf = (file: string): string => `${file}-lock`

/** Makes it if it is not there. @returns false if it cannot be made */
function exists(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o640))
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw systemError(`there is no room on the disk for "${path}"`, 'Make room, or write to another disk.')
    return code === 'EEXIST'
  }
}

function lockFile(path: string): Stats | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !isOurs(found))
    throw usageError(
      `"${path}" is no lock of a recorder`,
      'It is left empty by one that was killed: remove it.',
    )
  return found
}

/** SQLite must find nothing in it to act on. */
const isOurs = (found: Stats): boolean => found.isFile() && found.size === 0

const isSame = (a: Stats, b: Stats | undefined): boolean =>
  a.dev === b?.dev && a.ino === b.ino && a.ctimeMs === b.ctimeMs
