/** The bytes of a capture file, plain, in gzip or in zstd, or of standard input. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { systemError, usageError } from '../../errors.ts'

export interface CaptureBytes {
  /** in bytes, before they are unpacked; null for standard input */
  readonly size: number | null
  /** of these, how many were read */
  readonly done: () => number
  readonly chunks: AsyncIterable<Uint8Array>
}

const CHUNK = 1 << 18

/** @param file a path, or `-` for `stdin` @throws UserError (exit 2 if there is no such file) */
export async function openCapture(
  file: string,
  stdin: () => AsyncIterable<Uint8Array>,
): Promise<CaptureBytes> {
  const size = file === '-' ? null : await sizeOf(file)
  let done = 0
  async function* raw(): AsyncGenerator<Uint8Array> {
    const stream = file === '-' ? stdin() : createReadStream(file, { highWaterMark: CHUNK })
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      done += chunk.length
      yield chunk
    }
  }
  return { size, done: () => done, chunks: unpacked(raw()) }
}

async function sizeOf(file: string): Promise<number> {
  try {
    const handle = await open(file)
    try {
      const stat = await handle.stat()
      if (stat.isDirectory())
        throw usageError(`--pcap "${file}" is a folder`, 'name a capture of tcpdump or Wireshark')
      return stat.size
    } finally {
      await handle.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      throw usageError(
        `--pcap "${file}": there is no such file`,
        "a capture of 'tcpdump -w', or - for standard input",
      )
    if (code === 'EACCES')
      throw systemError(`--pcap "${file}" may not be read`, 'choose a user who may read it')
    throw error
  }
}

const GZIP = [0x1f, 0x8b]
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]

async function* unpacked(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = await chunks.next()
  if (first.done === true) return
  const begins = (magic: readonly number[]): boolean => magic.every((byte, i) => first.value[i] === byte)
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
