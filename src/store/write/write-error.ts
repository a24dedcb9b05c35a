/** A failed write as a UserError: no room, no rights. Any other error is a bug and is returned as it is. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemError, usageError, type UserError } from '../../errors.ts'
import { cannotWriteBeside, isFull } from '../sqlite/database.ts'

export function writeError(file: string, error: unknown): unknown {
  if (isFull(error)) return noRoom(file)
  if (!cannotWriteBeside(error)) return error
  // SQLite says the same of a file system without inodes.
  return hasNoFilesLeft(dirname(file))
    ? noRoom(file)
    : usageError(
        `the folder of "${file}" may not be written by you`,
        'SQLite keeps a journal beside a file that it changes: work on a copy in a folder of your own.',
      )
}

export const noRoom = (file: string): UserError =>
  systemError(
    `there is no room on the disk for "${file}"`,
    'Make room (df says how much there is, df -i for how many files), or write to another disk.',
  )

/** The recording, and those that SQLite makes beside it. */
const FILES = 4

/** Some file systems do not count files: they say 0 of 0. */
function hasNoFilesLeft(folder: string): boolean {
  try {
    const { files, ffree } = statfsSync(folder)
    return files > 0 && ffree < FILES
  } catch {
    return false
  }
}
