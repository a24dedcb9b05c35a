/** Reads all of standard input. Another process may have made the pipe non-blocking: then EAGAIN means that there is no data yet. */
import { readSync } from 'node:fs'
import { recordingError } from '../../errors.ts'

const CHUNK = 1 << 20
const PAUSE_MS = 5
/** Bytes that are enough to recognise a recording. */
const START = 100

/** The largest recording that is kept in memory, bytes. */
const MAX_BYTES = 2 ** 31

/** @param check gets the first bytes and throws if this is no recording: other input may never end. @throws UserError (exit 5) for more than 2 GB */
export function readStandardInput(check: (start: Buffer) => void): Buffer {
  const chunks: Buffer[] = []
  let length = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK)
    const read = readSome(chunk)
    if (read === 0) return Buffer.concat(chunks)
    chunks.push(chunk.subarray(0, read))
    length += read
    if (length >= START && length - read < START) check(Buffer.concat(chunks))
    if (length > MAX_BYTES)
      throw recordingError('standard input: more than 2 GB', 'Save it as a file, and open that.')
  }
}

function readSome(chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(0, chunk)
    } catch (error) {
      if (!isAgain(error)) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
}

const isAgain = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN'
