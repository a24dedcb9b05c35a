/** Where a result goes: standard output, or a file that is whole or not there at all. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemError } from '../errors.ts'
import { once } from 'node:events'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Waits for a slow reader, so that a million rows never wait in memory. @throws the signal's reason when aborted */
export async function writeAll(
  chunks: Iterable<string>,
  stream: Writable,
  signal?: AbortSignal,
): Promise<void> {
  for (const batch of batched(chunks)) {
    if (!stream.write(batch)) await once(stream, 'drain')
    signal?.throwIfAborted()
  }
}

/** Written beside the target, then renamed: an interrupted run leaves no half file. @throws UserError, the signal's reason */
export async function writeFileWhole(
  path: string,
  chunks: Iterable<string>,
  signal?: AbortSignal,
): Promise<void> {
  await replaceFile(path, async (temporary) => {
    const options = signal === undefined ? {} : { signal }
    await pipeline(Readable.from(batched(chunks)), createWriteStream(temporary, { flags: 'wx' }), options)
  }).catch((error: unknown) => {
    throw signal?.aborted === true ? signal.reason : error
  })
}

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
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    await write(temporary)
    await rename(temporary, path)
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
