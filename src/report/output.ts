/** Where a result goes: standard output, or a file that is whole or not there at all. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemError } from '../errors.ts'
import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Waits for a slow reader, so that a million rows never wait in memory. */
export async function writeAll(chunks: Iterable<string>, stream: Writable): Promise<void> {
  let batch = ''
  for (const chunk of chunks) {
    batch += chunk
    if (batch.length < 65_536) continue
    if (!stream.write(batch)) await once(stream, 'drain')
    batch = ''
  }
  if (batch !== '')
    await new Promise<void>((done, failed) =>
      stream.write(batch, (error) => (error ? failed(error) : done())),
    )
}

/** Written beside the target, then renamed: an interrupted run leaves no half file. */
export async function writeFileWhole(path: string, chunks: Iterable<string>): Promise<void> {
  await replaceFile(path, async (temporary) => {
    const stream = createWriteStream(temporary, { flags: 'wx' })
    await once(stream, 'open')
    await writeAll(chunks, stream)
    stream.end()
    await once(stream, 'close')
  })
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
