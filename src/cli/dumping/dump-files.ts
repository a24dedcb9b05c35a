/** The files of a folder of dumps: what was left unfinished there, and the oldest. Only files of exactly our names are touched. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { HEADER_BYTES, readHeader } from '../../store/file/header.ts'
import { isInUse, sideFilesOf } from '../../store/file/side-files.ts'
import { dumpsAmong, partsAmong } from '../../triggers/dump-name.ts'

/** Whoever makes one has locked it by then, ms. */
const YOUNG_MS = 10_000
const ENDINGS = ['-wal', '-shm', '-journal', '']

/** Removes what killed recorders have left of dumps of this host. @param now ms since the epoch */
export function removeParts(folder: string, host: string, now: number): void {
  for (const name of partsAmong(readdirSync(folder), host)) {
    const path = join(folder, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isFile() !== true || found.uid !== process.geteuid?.()) continue
    if (isInUse(path) || sideFilesOf(path).isHeld || Math.abs(now - found.mtimeMs) < YOUNG_MS) continue
    for (const ending of ENDINGS) removalProblem(path + ending)
  }
}

export interface Removal {
  readonly removed: readonly string[]
  /** null: all that should be are gone */
  readonly problem: string | null
}

/** Removes the oldest dumps of this host beyond `keep`. The dump is there: nothing here makes it fail. @param newest has just been made: a clock that was set back makes it look old */
export function removeOldest(folder: string, host: string, keep: number, newest: string): Removal {
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    return { removed: [], problem: `"${folder}" could not be read: ${codeOf(error)}` }
  }
  const others = dumpsAmong(names, host).filter(({ name }) => name !== newest)
  const ours = others.map(({ name }) => join(folder, name)).filter(isOurRecording)
  const removed: string[] = []
  let problem: string | null = null
  for (const path of ours.slice(keep - 1)) {
    const left = removalProblem(path)
    if (left === null) removed.push(path)
    else problem ??= left
  }
  return { removed, problem }
}

function removalProblem(path: string): string | null {
  try {
    unlinkSync(path)
    return null
  } catch (error) {
    return `"${path}" could not be removed: ${codeOf(error)}`
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)

/** A plain file of ours, no link, with the header of a recording: in a shared folder others have such names, too. */
function isOurRecording(path: string): boolean {
  const bytes = Buffer.alloc(HEADER_BYTES)
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const found = fstatSync(file)
      if (!found.isFile() || found.uid !== process.geteuid?.()) return false
      readSync(file, bytes, 0, HEADER_BYTES, 0)
    } finally {
      closeSync(file)
    }
    readHeader(bytes, path)
    return true
  } catch {
    return false
  }
}
