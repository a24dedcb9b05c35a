/** Where a result goes: standard output, or a file that is whole or not there at all. */
import { createWriteStream } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemError, usageError } from '../errors.ts'
import { once } from 'node:events'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/**
 * Waits for a slow reader, so that a million rows never wait in memory. Stops when the stream fails, of which src/main.ts tells.
 * @throws the signal's reason when aborted
 */
export async function writeAll(
  chunks: Iterable<string>,
  stream: Writable,
  signal?: AbortSignal,
): Promise<void> {
  for (const batch of batched(chunks)) {
    if (!stream.write(batch) && !(await isDrained(stream))) return
    signal?.throwIfAborted()
  }
}

/**
 * Written beside the target, then renamed: an interrupted run leaves no half file. A device or a pipe is written to: it must not
 * be replaced. @throws UserError, the signal's reason
 */
export async function writeFileWhole(
  path: string,
  chunks: Iterable<string>,
  signal?: AbortSignal,
): Promise<void> {
  const write = async (to: string, flags: string): Promise<void> => {
    const options = signal === undefined ? {} : { signal }
    await pipeline(Readable.from(batched(chunks)), createWriteStream(to, { flags }), options)
  }
  const target = await stat(path).catch(() => null)
  if (target?.isFile() === true) await refuseRecording(path)
  const written =
    target === null || target.isFile()
      ? replaceFile(path, (temporary) => write(temporary, 'wx'))
      : write(path, 'w').catch((error: unknown) => {
          throw asSystemError(path, error)
        })
  await written.catch((error: unknown) => {
    throw signal?.aborted === true ? signal.reason : error
  })
}

/** `--out x.db` where `--format` was meant: the evidence is not replaced by its report. */
async function refuseRecording(path: string): Promise<void> {
  const file = await open(path).catch((error: unknown) => {
    throw asSystemError(path, error)
  })
  try {
    const { buffer } = await file.read(Buffer.alloc(15), 0, 15, 0)
    if (buffer.toString('latin1') !== 'SQLite format 3' && buffer.readUInt16BE() !== GZIP) return
    throw usageError(`"${path}" is a recording and is not overwritten`, 'Choose another name for --out.')
  } finally {
    await file.close()
  }
}

const GZIP = 0x1f8b

/** False when it failed instead. */
const isDrained = (stream: Writable): Promise<boolean> =>
  once(stream, 'drain').then(
    () => true,
    () => false,
  )

function* batched(chunks: Iterable<string>): Iterable<string> {
  let batch = ''
  for (const chunk of chunks) {
    batch += chunk
    if (batch.length < 65_536) continue
    yield batch
    batch = ''
  }
  if (batch !== '') yield batch
}

/** @param write gets a path beside the target; what it leaves there takes the target's place */
export async function replaceFile(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  // A link stays: what it points to is replaced.
  const target = await realpath(path).catch(() => path)
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`)
  try {
    await write(temporary)
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw asSystemError(path, error)
  }
}

/** What the system refuses is no bug of ours: no such folder, no right, no space. */
export function asSystemError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error
  return systemError(
    `"${path}" can't be written: ${error.message}`,
    'Check the folder, its rights and the space left.',
  )
}
