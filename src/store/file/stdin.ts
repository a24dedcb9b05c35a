/** Standard input, read whole. It may be a pipe that someone else has made non-blocking: then there is just nothing yet. */
import { readSync } from 'node:fs'
import { recordingError } from '../../errors.ts'

const CHUNK = 1 << 20
const PAUSE_MS = 5
/** Bytes that tell what it is. */
const START = 100

/** As much of a recording as is held in memory. */
const MOST = 2 ** 31

/** @param check looks at the first bytes: what is no recording may never end. @throws UserError (exit 5) for more than 2 GB */
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
    if (length > MOST)
      throw recordingError('standard input: more than 2 GB', 'Save it as a file, and open that.')
  }
}

function readSome(chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(0, chunk)
    } catch (error) {
      if (!isNothingYet(error)) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
}

const isNothingYet = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN'
