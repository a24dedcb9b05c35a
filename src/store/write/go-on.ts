/** `record --append`: goes on with a recording, begins the first one, and moves aside what it cannot go on with. */
import { lstatSync } from 'node:fs'
import { usageError, UserError } from '../../errors.ts'
import { Discontinued, type Obstacle } from '../file/discontinued.ts'
import { HEADER_BYTES, readHeader } from '../file/header.ts'
import { readStart } from '../file/read-start.ts'
import { isInUse, leftovers } from '../file/side-files.ts'
import { isGzip } from '../file/unzip.ts'
import type { RecordingMeta } from '../format/meta.ts'
import { FORMAT, UNFINISHED_ID } from '../format/schema.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { moveAside } from './move-aside.ts'
import { appendRecording, createRecording, type RecordingWriter, type WriterOptions } from './writer.ts'

/**
 * What is moved aside is said by `warn`.
 * @throws UserError (exit 2) for a file that is no recording, or that another program has open
 */
export function goOnRecording(file: string, meta: RecordingMeta, options: WriterOptions): RecordingWriter {
  const result = beforeOpening(file) ?? appended(file, meta, options)
  if (result !== 'nothing' && !isObstacle(result)) return result
  if (result !== 'nothing') {
    const to = moveAside(file, result, new Date())
    options.warn?.(`"${file}" ${result.why} and cannot be continued: it is now "${to}"`)
  }
  return createRecording(file, meta, options)
}

const isObstacle = (result: Obstacle | RecordingWriter): result is Obstacle => 'label' in result

/** What SQLite need not open; null: it must. */
function beforeOpening(file: string): Obstacle | 'nothing' | null {
  const found = lstatSync(file, { throwIfNoEntry: false })
  const beside = leftovers(file)
  if (found === undefined)
    return beside === null ? 'nothing' : damaged(`is gone, what lay beside it ("${file}${beside}") is not,`)
  if (!found.isFile()) return null
  const start = readable(file, PAGE_SIZE)
  if (start === null || isGzip(start)) return null
  if (found.size === 0) return damaged('is empty')
  if (isTorn(start)) return damaged('was torn off at its first write')
  if (beside === '-journal') return damaged('was left in the middle of a change')
  return inHeader(start, file)
}

const damaged = (why: string): Obstacle => ({ label: 'damaged', why })

/** Whoever opens it says why it may not be read. */
function readable(file: string, length: number): Buffer | null {
  try {
    return readStart(file, length)
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}

const MAGIC = Buffer.from('SQLite format 3\0', 'latin1')

/** A power cut leaves zeros where a page was not written yet, and the beginning of a page. Less than a header does not tell whose file it is. */
const isTorn = (start: Buffer): boolean =>
  start.every((byte) => byte === 0) ||
  (start.length < HEADER_BYTES && start.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, start.length)))

function inHeader(start: Buffer, file: string): Obstacle | null {
  if (start.length >= HEADER_BYTES && start.readUInt32BE(68) === UNFINISHED_ID) {
    if (isInUse(file))
      throw usageError(`"${file}" is being written by another program`, 'Wait until it is done.')
    return damaged('was never finished')
  }
  const { format } = headerOf(start, file)
  // SQLite writes our application id before it writes the format.
  if (format === 0) return damaged('was never begun')
  if (start.length < PAGE_SIZE) return damaged('is cut off in its first page')
  return format === FORMAT ? null : { label: `format-${format}`, why: `is of format ${format}` }
}

function headerOf(start: Buffer, file: string): { readonly format: number } {
  try {
    return readHeader(start.subarray(0, HEADER_BYTES), file)
  } catch (error) {
    if (error instanceof UserError)
      throw usageError(error.message, 'It is not touched: choose another name for --out.')
    throw error
  }
}

function appended(file: string, meta: RecordingMeta, options: WriterOptions): RecordingWriter | Obstacle {
  try {
    return appendRecording(file, meta, options)
  } catch (error) {
    if (error instanceof Discontinued) return error
    throw error
  }
}
