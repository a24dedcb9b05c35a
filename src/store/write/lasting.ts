/** The recording of `record`: alone under its name. */
import type { Marker, SecondFrame } from '../../frame/model/frame.ts'
import type { RecordingSink } from '../../frame/model/recording.ts'
import { takenError } from '../file/lock.ts'
import { NameLock } from '../file/name-lock.ts'
import { openForReading } from '../file/open.ts'
import { truePath } from '../file/true-path.ts'
import { readMeta, type RecordingMeta } from '../format/meta.ts'
import { goOnRecording } from './go-on.ts'
import { createRecording, type RecordingWriter, type WriterOptions } from './writer.ts'

export interface LastingOptions extends WriterOptions {
  /** go on with a recording that is there */
  readonly append?: boolean | undefined
}

/** @throws UserError (exit 2) if another process records under this name */
export function openLasting(file: string, meta: RecordingMeta, options: LastingOptions): RecordingSink {
  const path = options.append === true ? truePath(file) : file
  const lock = NameLock.take(path)
  if (lock === 'taken') throw taken(file)
  try {
    const writer =
      options.append === true ? goOnRecording(path, meta, options) : createRecording(path, meta, options)
    return new LastingRecording(writer, lock)
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** Its recorder may be about to make it. */
function taken(file: string): Error {
  try {
    const { database } = openForReading(file)
    const meta = readMeta(database)
    database.close()
    return takenError(file, meta)
  } catch {
    return takenError(file, new Map())
  }
}

class LastingRecording implements RecordingSink {
  readonly #writer: RecordingWriter
  readonly #lock: NameLock | null

  constructor(writer: RecordingWriter, lock: NameLock | null) {
    this.#writer = writer
    this.#lock = lock
  }

  append(frame: SecondFrame): void {
    this.#writer.append(frame)
  }

  mark(marker: Marker): void {
    this.#writer.mark(marker)
  }

  close(): void {
    try {
      this.#writer.close()
    } finally {
      this.#lock?.release()
    }
  }
}
