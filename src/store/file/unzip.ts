/** Unzips a recording into memory. The limit follows from the compressed size, not from what the file claims. */
import { constants, gunzipSync } from 'node:zlib'
import { recordingError, type UserError } from '../../errors.ts'
import { HEADER_BYTES } from './header.ts'

/** The highest ratio that is accepted. A recording shrinks to a fifth, an idle one to a thirtieth; only zeros shrink to a thousandth. */
const MAX_RATIO = 100
const ALWAYS_ALLOWED = 64 * 2 ** 20
const MAX_BYTES = 2 ** 31
/** The largest zipped file that is read, bytes. */
export const MAX_ZIPPED = MAX_BYTES - 1

export const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

export interface Unzipped {
  readonly bytes: Buffer
  /** what of the zip could not be read, in words */
  readonly damage: readonly string[]
}

/** Bytes that are not gzipped come back as they are. Of a zip that is cut off, damaged or has a tail, what inflates. @throws UserError (exit 5) */
export function unzip(zip: Buffer, file: string): Unzipped {
  if (!isGzip(zip)) return { bytes: zip, damage: [] }
  const maxOutputLength = Math.min(MAX_BYTES, ALWAYS_ALLOWED + MAX_RATIO * zip.length)
  try {
    return inflated(zip, maxOutputLength)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(file, zip.length)
    const why = error instanceof Error ? error.message : String(error)
    throw recordingError(
      `"${file}" cannot be unzipped: ${why}`,
      'Check the copy with gzip -t, and copy it again.',
    )
  }
}

function inflated(zip: Buffer, maxOutputLength: number): Unzipped {
  try {
    return { bytes: gunzipSync(zip, { maxOutputLength }), damage: [] }
  } catch (error) {
    if (!isBadZip(error)) throw error
    const length = goodLength(zip, maxOutputLength)
    const bytes = beginningOf(zip.subarray(0, length), maxOutputLength)
    if (bytes.length < HEADER_BYTES) throw error
    return { bytes, damage: [`its zip is not whole: ${bytes.length} bytes inflate (${error.message})`] }
  }
}

const isBadZip = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && (error.code === 'Z_DATA_ERROR' || error.code === 'Z_BUF_ERROR')

/** What a beginning inflates to. */
const beginningOf = (zip: Buffer, maxOutputLength: number): Buffer =>
  gunzipSync(zip, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })

/** The length up to which it inflates, in bytes: zlib tells that something is wrong, not where, and gives nothing then. */
function goodLength(zip: Buffer, maxOutputLength: number): number {
  if (inflates(zip, maxOutputLength)) return zip.length
  let [good, bad] = [0, zip.length]
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (inflates(zip.subarray(0, middle), maxOutputLength)) good = middle
    else bad = middle
  }
  return good
}

function inflates(zip: Buffer, maxOutputLength: number): boolean {
  try {
    beginningOf(zip, maxOutputLength)
    return true
  } catch (error) {
    if (isBadZip(error)) return false
    throw error
  }
}

export const tooLarge = (file: string, size: number): UserError =>
  recordingError(
    `"${file}" is larger than any recording that is zipped to ${size} bytes`,
    'If it is one, unzip it with gunzip and open that.',
  )
