/**
 * The files beside a recording. SQLite trusts a -wal, -shm or -journal by its name alone, and rolling back a hostile journal deletes the
 * file that it names. So SQLite reads them only beside a running recorder. Otherwise we apply their pages to a copy.
 */
import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { usageError } from '../../errors.ts'

export interface SideFiles {
  /** bytes; 0 if there is no plain file */
  readonly wal: number
  readonly journal: number
  /** a process has locked the -shm: a recorder is running, perhaps with readers */
  readonly isHeld: boolean
  /** at least one of the three names exists */
  readonly any: boolean
}

export function sideFilesOf(file: string): SideFiles {
  const [wal, shm, journal] = ['-wal', '-shm', '-journal'].map((ending) => statOf(file + ending))
  const bytes = (found: Stats | undefined): number => (found?.isFile() === true ? found.size : 0)
  return {
    wal: bytes(wal),
    journal: bytes(journal),
    isHeld: shm?.isFile() === true && (wal === undefined || wal.isFile()) && isLocked(shm),
    any: wal !== undefined || shm !== undefined || journal !== undefined,
  }
}

/** The file itself, by the name beside which its -wal lies: no link to it, and of its hard links the one that was recorded. */
export function recordedName(file: string): string {
  const path = realpathSync(file)
  const found = statOf(path)
  if (found === undefined || found.nlink === 1 || sideFilesOf(path).any) return path
  const folder = dirname(path)
  const others = filesIn(folder).flatMap((name) =>
    name.endsWith('-wal') ? [join(folder, name.slice(0, -4))] : [],
  )
  return others.find((other) => isSame(statOf(other), found)) ?? path
}

/** A folder may be searchable and not readable. */
function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const isSame = (a: Stats | undefined, b: Stats): boolean => a?.ino === b.ino && a.dev === b.dev

/** Equal as long as neither the file nor one beside it is written, made or removed. */
export function fingerprintOf(file: string): string {
  try {
    const path = recordedName(file)
    return ['', '-wal', '-shm', '-journal']
      .map((ending) => statOf(path + ending))
      .map((found) => (found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeMs}`))
      .join()
  } catch {
    return 'no file'
  }
}

/** As Linux's file systems allow, less the longest name of a side file, bytes. */
const MAX_NAME = 255 - '-journal'.length

/** Call before writing to the file. @throws UserError (exit 2) */
export function refuseLongName(file: string): void {
  if (Buffer.byteLength(basename(file)) > MAX_NAME)
    throw usageError(
      `the name of "${file}" is too long: there is none for the files beside it`,
      `Choose one of at most ${MAX_NAME} bytes.`,
    )
}

/** Call before writing to the file. @throws UserError (exit 2) for a side file that no recorder leaves */
export function refuseForeignSideFiles(file: string): void {
  const journal = statOf(`${file}-journal`)
  if (journal !== undefined)
    throw usageError(
      `beside "${file}" lies "${file}-journal": SQLite would take it for its own and do what it says`,
      'Copy the recording alone, with upstreamtop cut; or remove the journal if it is yours.',
    )
  for (const ending of ['-wal', '-shm']) {
    const found = statOf(file + ending)
    if (found !== undefined && (!found.isFile() || found.nlink > 1))
      throw usageError(`"${file}${ending}" is a link, or no file`, 'A recorder leaves none: remove it.')
  }
}

/** The ending of a side file that lies beside this name; null if there is none. */
export const leftovers = (file: string): '-journal' | '-wal' | '-shm' | null =>
  (['-journal', '-wal', '-shm'] as const).find((ending) => statOf(file + ending) !== undefined) ?? null

/** Some process has locked the file itself. */
export function isInUse(file: string): boolean {
  const found = statOf(file)
  return found !== undefined && isLocked(found)
}

/** Call before creating a file. @throws UserError (exit 2) for side files of another recording with this name */
export function refuseLeftovers(file: string): void {
  const left = leftovers(file)
  if (left === null) return
  throw usageError(
    `"${file}${left}" is there already, and belongs to another recording`,
    'Choose another name, or move it away.',
  )
}

/** A recording's own name may be so long that none can lie beside it. */
export function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENAMETOOLONG') return undefined
    throw error
  }
}

/**
 * Every connection to a database in WAL mode holds a lock on the -shm, and /proc/locks lists locks by inode. Locks of other pid namespaces
 * are not listed; then a copy is read.
 */
function isLocked({ ino }: Stats): boolean {
  try {
    return readFileSync('/proc/locks', 'utf8').includes(`:${ino} `)
  } catch {
    return false
  }
}
