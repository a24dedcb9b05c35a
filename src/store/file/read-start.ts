import { closeSync, openSync, readSync } from 'node:fs'

/** The first `length` bytes of a file, or all of a shorter one. */
export function readStart(file: string, length: number): Buffer {
  const descriptor = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0))
  } finally {
    closeSync(descriptor)
  }
}
