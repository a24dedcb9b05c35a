/** The first hundred bytes of a SQLite file: whose it is, and how it lies on the disk. (sqlite.org/fileformat2.html) */
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { recordingError, type UserError } from '../../errors.ts'
import { APPLICATION_ID, UNFINISHED_ID } from '../format/schema.ts'

export const HEADER_BYTES = 100

export interface Header {
  readonly pageSize: number
  /** pages as the header counts them; a shorter file was cut off */
  readonly pages: number
  /** its last transactions may lie in a -wal beside it */
  readonly isWal: boolean
  readonly applicationId: number
  readonly format: number
}

/** @throws UserError (exit 5) for what is no recording of ours, by its first bytes */
export function readHeader(bytes: Buffer, file: string): Header {
  if (bytes.length === 0) throw foreign(file, 'it is empty', 'The recorder ended before its first write.')
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw foreign(file, 'it is not a SQLite file', 'Recordings are made by upstreamtop record.')
  }
  const pageSize = bytes.readUInt16BE(16)
  const header = {
    pageSize: pageSize === 1 ? 65536 : pageSize,
    pages: bytes.readUInt32BE(28),
    // SQLite goes by the second of them, and writes both.
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
    throw foreign(file, 'it is another program’s SQLite file', 'Recordings are made by upstreamtop record.')
  }
  return header
}

const foreign = (file: string, why: string, remedy: string): UserError =>
  recordingError(`"${file}" is not a recording: ${why}`, remedy)

const UTF8 = 1
/** Bytes 20 to 23: no byte of a page is reserved, and the shares of a page that SQLite asks for. */
const FIXED = Buffer.from([0, 64, 32, 32])
const NEWEST_SCHEMA_FORMAT = 4

/** In words, what SQLite would misread all pages by, or refuse; null where there is nothing. */
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
 * A file that is all there is: no -wal is looked for, and of the pages that the header counts those are believed which are there.
 * Changes `bytes`, its beginning.
 */
export function makePlain(bytes: Buffer, pages: number): void {
  bytes[18] = bytes[19] = 1
  if (bytes.readUInt32BE(28) <= pages) return
  bytes.writeUInt32BE(pages, 28)
  // The count is valid for the change that is named here.
  bytes.copy(bytes, 92, 24, 28)
}
