/**
 * What lies beside a recording. SQLite takes a -wal, a -shm and a -journal for its own by their names alone: rolling a foreign journal
 * back deletes the file that it names. So SQLite sees none of them, but beside a recorder that is at it; what they hold is put into a
 * copy by us.
 */
import { lstatSync, readFileSync, type Stats } from 'node:fs'
import { usageError } from '../../errors.ts'

export interface SideFiles {
  /** bytes; 0 where there is none, or none that is a plain file */
  readonly wal: number
  readonly journal: number
  /** a process has the -shm open: a recorder is at it, or another reader beside one */
  readonly isHeld: boolean
  /** any of the three names is taken, by whatever */
  readonly any: boolean
}

export function sideFilesOf(file: string): SideFiles {
  const [wal, shm, journal] = ['-wal', '-shm', '-journal'].map((ending) => lookAt(file + ending))
  const bytes = (found: Stats | undefined): number => (found?.isFile() === true ? found.size : 0)
  return {
    wal: bytes(wal),
    journal: bytes(journal),
    isHeld: shm?.isFile() === true && (wal === undefined || wal.isFile()) && isLocked(shm),
    any: wal !== undefined || shm !== undefined || journal !== undefined,
  }
}

/** Before anything is written into it. @throws UserError (exit 2) where something lies beside it that its last writer has not left */
export function refuseForeign(file: string): void {
  const journal = lookAt(`${file}-journal`)
  if (journal !== undefined)
    throw usageError(
      `beside "${file}" lies "${file}-journal": SQLite would take it for its own and do what it says`,
      'Copy the recording alone, with upstreamtop cut; or remove the journal if it is yours.',
    )
  for (const ending of ['-wal', '-shm']) {
    const found = lookAt(file + ending)
    if (found !== undefined && (!found.isFile() || found.nlink > 1))
      throw usageError(`"${file}${ending}" is a link, or no file`, 'A recorder leaves none: remove it.')
  }
}

/** Before a new file is made. @throws UserError (exit 2) where SQLite would take for its own what another one has left */
export function refuseLeftovers(file: string): void {
  const left = ['-wal', '-shm', '-journal'].find((ending) => lookAt(file + ending) !== undefined)
  if (left === undefined) return
  throw usageError(
    `"${file}${left}" is there already, and belongs to another recording`,
    'Choose another name, or move it away.',
  )
}

const lookAt = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false })

/**
 * Every connection to a database in WAL mode holds a lock on its -shm. The kernel lists locks by inode; of another pid namespace it
 * lists none, and on a system without the list nothing records: then a copy is read.
 */
function isLocked({ ino }: Stats): boolean {
  try {
    return readFileSync('/proc/locks', 'utf8').includes(`:${ino} `)
  } catch {
    return false
  }
}
