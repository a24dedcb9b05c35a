/** A failed write as a UserError: no room, no rights. Any other error is a bug and is returned as it is. */
import { systemError, usageError } from '../../errors.ts'
import { cannotWriteBeside, isFull } from '../sqlite/database.ts'

export function writeError(file: string, error: unknown): unknown {
  if (isFull(error))
    return systemError(`there is no room on the disk for "${file}"`, 'Make room, or write to another disk.')
  if (cannotWriteBeside(error)) {
    return usageError(
      `the folder of "${file}" may not be written by you`,
      'SQLite keeps a journal beside a file that it changes: work on a copy in a folder of your own.',
    )
  }
  return error
}
