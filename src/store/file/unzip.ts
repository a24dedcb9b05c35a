/** Unzips a recording into memory. The limit follows from the compressed size, not from what the file claims. */
import { gunzipSync } from 'node:zlib'
import { recordingError, type UserError } from '../../errors.ts'

/** The highest ratio that is accepted. A recording shrinks to a fifth, an idle one to a thirtieth; only zeros shrink to a thousandth. */
const MAX_RATIO = 100
const ALWAYS_ALLOWED = 64 * 2 ** 20
const MAX_BYTES = 2 ** 31
/** The largest zipped file that is read, bytes. */
export const MAX_ZIPPED = MAX_BYTES - 1

export const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** Bytes that are not gzipped come back as they are. @throws UserError (exit 5) */
export function unzip(bytes: Buffer, file: string): Buffer {
  if (!isGzip(bytes)) return bytes
  try {
    const maxOutputLength = Math.min(MAX_BYTES, ALWAYS_ALLOWED + MAX_RATIO * bytes.length)
    return gunzipSync(bytes, { maxOutputLength })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(file, bytes.length)
    const why = error instanceof Error ? error.message : String(error)
    throw recordingError(
      `"${file}" cannot be unzipped: ${why}`,
      'Check the copy with gzip -t, and copy it again.',
    )
  }
}

export const tooLarge = (file: string, size: number): UserError =>
  recordingError(
    `"${file}" is larger than any recording that is zipped to ${size} bytes`,
    'If it is one, unzip it with gunzip and open that.',
  )
