/** The bytes of a capture file, plain, in gzip or in zstd, or of standard input. */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { systemError, usageError } from '../../errors.ts'

export interface CaptureBytes {
  /** in bytes, before they are unpacked; null for standard input */
  readonly size: number | null
  /** of these, how many were read */
  readonly done: () => number
  readonly chunks: AsyncIterable<Uint8Array>
  /** of a file that is not packed, instead of `chunks`: reads its next bytes straight to where they are needed */
  readonly plain: PlainFile | null
}

export interface PlainFile {
  /** @returns how many bytes were read; 0: the end */
  readInto(room: Uint8Array): number
  close(): void
}

/** What stays in a processor's cache between the copy and the reading. */
export const CHUNK = 1 << 18

/** @param file a path, or `-` for `stdin` @throws UserError (exit 2 if there is no such file) */
export function openCapture(file: string, stdin: () => AsyncIterable<Uint8Array>): CaptureBytes {
  let done = 0
  const count = (length: number): number => {
    done += length
    return length
  }
  async function* raw(): AsyncGenerator<Uint8Array> {
    const stream = file === '-' ? stdin() : createReadStream(file, { highWaterMark: CHUNK })
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      count(chunk.length)
      yield chunk
    }
  }
  try {
    const size = file === '-' ? null : sizeOf(file)
    const plain = size === null ? null : plainFile(file, count)
    return { size, done: () => done, chunks: unpacked(raw()), plain }
  } catch (error) {
    throw refused(file, error)
  }
}

/** A stream would give each piece memory of its own, from which it is copied once more: a third of all time. */
function plainFile(file: string, count: (length: number) => number): PlainFile | null {
  const fd = openSync(file, 'r')
  const begin = new Uint8Array(4)
  readSync(fd, begin, 0, begin.length, 0)
  if (beginsWith(begin, GZIP) || beginsWith(begin, ZSTD)) {
    closeSync(fd)
    return null
  }
  return {
    readInto: (room) => count(readSync(fd, room, 0, room.length, null)),
    close: () => closeSync(fd),
  }
}

/** @returns null for a pipe: it has no size, and only a stream may wait for it */
function sizeOf(file: string): number | null {
  const stat = statSync(file)
  if (stat.isDirectory())
    throw usageError(`--pcap "${file}" is a folder`, 'name a capture of tcpdump or Wireshark')
  return stat.isFile() ? stat.size : null
}

function refused(file: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT')
    return usageError(
      `--pcap "${file}": there is no such file`,
      "a capture of 'tcpdump -w', or - for standard input",
    )
  if (code === 'EACCES')
    return systemError(`--pcap "${file}" may not be read`, 'choose a user who may read it')
  return error as Error
}

const GZIP = [0x1f, 0x8b]
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]
const beginsWith = (bytes: Uint8Array, magic: readonly number[]): boolean =>
  magic.every((byte, i) => bytes[i] === byte)

async function* unpacked(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = await chunks.next()
  if (first.done === true) return
  const begins = (magic: readonly number[]): boolean => beginsWith(first.value, magic)
  const all = withFirst(first.value, chunks)
  try {
    if (begins(GZIP)) yield* gunzipped(all)
    else if (begins(ZSTD)) yield* unzstd(all)
    else yield* all
  } catch (error) {
    // What was unpacked until then has been read: a torn archive is a capture that ends early.
    if (!begins(GZIP) && !begins(ZSTD)) throw error
    throw new TornArchive(`it cannot be unpacked any further: ${(error as Error).message}`)
  }
}

/** What was unpacked before is whole. */
export class TornArchive extends Error {}

async function* withFirst(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

async function* gunzipped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK })
  const feeding = (async () => {
    try {
      for await (const chunk of chunks)
        if (!gunzip.write(chunk))
          await new Promise<void>((resolve) => {
            gunzip.once('drain', resolve)
            gunzip.once('close', resolve)
          })
      gunzip.end()
    } catch (error) {
      gunzip.destroy(error as Error)
    }
  })()
  yield* gunzip as AsyncIterable<Uint8Array>
  await feeding
}

async function* unzstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  const decompress = new Decompress((part) => parts.push(part))
  for await (const chunk of chunks) {
    decompress.push(chunk)
    yield* parts
    parts = []
  }
  decompress.push(new Uint8Array(0), true)
  yield* parts
}
