/** Standard input, read whole. It may be a pipe that someone else has made non-blocking: then there is just nothing yet. */
import { readSync } from 'node:fs'

const CHUNK = 1 << 20
const PAUSE_MS = 5

export function readStandardInput(): Buffer {
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK)
    const read = readSome(chunk)
    if (read === 0) return Buffer.concat(chunks)
    chunks.push(chunk.subarray(0, read))
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
