/** The header of a SQLite file, 100 bytes: its program, its format, and how its pages are stored (sqlite.org/fileformat2.html, section 1.3). */
import { recordingError, type UserError } from '../../errors.ts'
import { APPLICATION_ID, UNFINISHED_ID } from '../format/schema.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'

export const HEADER_BYTES = 100

export interface Header {
  readonly pageSize: number
  /** number of pages according to the header; a shorter file was cut off */
  readonly pages: number
  /** the last transactions may be in a -wal file */
  readonly isWal: boolean
  readonly applicationId: number
  readonly format: number
}

/** @throws UserError (exit 5) if this is not the header of a recording */
export function readHeader(bytes: Buffer, file: string): Header {
  if (bytes.length === 0)
    throw notARecording(file, 'it is empty', 'The recorder ended before its first write.')
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw notARecording(file, 'it is not a SQLite file', 'Recordings are made by upstreamtop record.')
  }
  const pageSize = bytes.readUInt16BE(16)
  const header = {
    pageSize: pageSize === 1 ? 65536 : pageSize,
    pages: bytes.readUInt32BE(28),
    // The format versions for writing and for reading: 1 is rollback mode, 2 is WAL. SQLite writes both and checks the second.
    isWal: bytes[18] !== 1 || bytes[19] !== 1,
    applicationId: bytes.readUInt32BE(68),
    format: bytes.readUInt32BE(60),
  }
  if (header.applicationId === UNFINISHED_ID) {
    throw recordingError(
      `"${file}" is not whole: what wrote it is still at it, or was killed`,
      'If it was, remove the file and make it again.',
    )
  }
  if (header.applicationId !== APPLICATION_ID) {
    throw notARecording(
      file,
      'it is another program’s SQLite file',
      'Recordings are made by upstreamtop record.',
    )
  }
  return header
}

const notARecording = (file: string, why: string, remedy: string): UserError =>
  recordingError(`"${file}" is not a recording: ${why}`, remedy)

const UTF8 = 1
/** Bytes 20 to 23: no reserved bytes per page, and the payload fractions, for which SQLite accepts only these values. */
const FIXED = Buffer.from([0, 64, 32, 32])
const NEWEST_SCHEMA_FORMAT = 4

/** The problem with the header, in words: SQLite would refuse the file or misread its pages. null if there is none. */
export function headerProblem(bytes: Buffer): string | null {
  const schemaFormat = bytes.readUInt32BE(44)
  const isOurs =
    bytes.readUInt16BE(16) === PAGE_SIZE &&
    bytes.compare(FIXED, 0, 4, 20, 24) === 0 &&
    schemaFormat >= 1 &&
    schemaFormat <= NEWEST_SCHEMA_FORMAT &&
    bytes.readUInt32BE(56) === UTF8
  return isOurs ? null : 'its header is damaged'
}

/**
 * Makes the file self-contained: SQLite looks for no -wal, and the header counts only the pages that exist.
 * Changes `bytes`, the beginning of the file.
 */
export function makePlain(bytes: Buffer, pages: number): void {
  bytes[18] = bytes[19] = 1
  if (bytes.readUInt32BE(28) <= pages) return
  bytes.writeUInt32BE(pages, 28)
  // SQLite uses the page count of the header only if these two change counters are equal.
  bytes.copy(bytes, 92, 24, 28)
}
