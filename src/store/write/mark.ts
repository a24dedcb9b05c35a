/** Adds a marker to a recording, also while it is being recorded: the recorder waits for milliseconds. */
import type { Marker } from '../../frame/model/frame.ts'
import { damagedError } from '../file/discontinued.ts'
import { openForAppend } from '../file/open.ts'
import { isDamage } from '../sqlite/database.ts'
import { writeError } from './write-error.ts'

/** @throws UserError if it is no recording, is zipped, or may not be written */
export function markRecording(file: string, { at, kind, text }: Marker): void {
  const database = openForAppend(file)
  try {
    database.prepare('INSERT INTO marker (at, kind, text) VALUES (?, ?, ?)').run(at, kind, text)
  } catch (error) {
    throw isDamage(error) ? damagedError(file) : writeError(file, error)
  } finally {
    database.close()
  }
}
