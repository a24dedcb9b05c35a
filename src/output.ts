/** Writes a result to a file that is complete or absent. */
import { constants, createWriteStream, existsSync } from 'node:fs'
import { lstat, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemError, usageError } from './errors.ts'
import { interruptible } from './interruption.ts'
import { BYTE_ORDER_MARK, printable } from './render/text.ts'
import { batched } from './report/formats/batches.ts'
import { removeStaleOf, temporaryOf } from './temporary.ts'

/**
 * Writes a temporary file in the same folder, then renames it: an interrupted run leaves no partial file. A device or a pipe is written
 * directly, because it must not be replaced. @throws UserError
 */
export async function writeFileWhole(
  path: string,
  chunks: Iterable<string>,
  signal: AbortSignal,
  bom = false,
): Promise<void> {
  await refuseForeignLink(path)
  const target = await stat(path).catch(() => null)
  if (target?.isFile() === true) await refuseRecording(path)
  if (target === null || target.isFile()) {
    await interruptible(signal, (stop) =>
      replaceFile(path, async (temporary) => {
        const file = createWriteStream(temporary, { flags: 'wx' })
        await pipeline(Readable.from(printed(chunks, bom)), file, { signal: stop }).catch(
          (error: unknown) => {
            throw stop.aborted ? stop.reason : error
          },
        )
      }),
    )
  } else {
    await writeDevice(path, printed(chunks, bom)).catch((error: unknown) => {
      throw asSystemError(path, error)
    })
  }
}

async function writeDevice(path: string, chunks: Iterable<string>): Promise<void> {
  const device = await open(path, constants.O_WRONLY)
  // If the path has become a file meanwhile, it is not written.
  if ((await device.stat()).isFile()) {
    await device.close()
    throw usageError(`"${path}" is another file than a moment ago`, 'Choose another name for --out.')
  }
  await pipeline(Readable.from(chunks), device.createWriteStream())
}

/** The same bytes as on standard output, see src/cli/outlet.ts. */
function* printed(chunks: Iterable<string>, bom: boolean): Iterable<string> {
  if (bom) yield BYTE_ORDER_MARK
  for (const batch of batched(chunks)) yield printable(batch)
}

/** Another user who may create links in this folder must not be able to choose the file that root or this user writes. */
async function refuseForeignLink(path: string): Promise<void> {
  const link = await lstat(path).catch(() => null)
  if (link?.isSymbolicLink() !== true || link.uid === 0 || link.uid === process.geteuid?.()) return
  throw usageError(`"${path}" is a link that somebody else made`, 'Name the file itself.')
}

/** The user may have meant `--format` by `--out x.db`: a report must not replace its recording. */
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

/** @param write gets a temporary path in the target's folder; the file there then replaces the target */
async function replaceFile(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  // A link stays, and its target is replaced. A link that is made after this check is replaced itself.
  const link = await lstat(path).catch(() => null)
  const target = link?.isSymbolicLink() === true ? await realpath(path).catch(() => path) : path
  await removeStaleOf(target)
  const temporary = temporaryOf(target)
  try {
    await write(temporary)
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw asSystemError(path, error)
  }
}

/**
 * Makes a folder and those above it. Of a read-only file system node says ENOENT when it makes several: the first one that is missing,
 * made alone, tells the cause.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    let first = path
    while (!existsSync(dirname(first))) first = dirname(first)
    await mkdir(first)
    await mkdir(path, { recursive: true })
  }
}

/** An error of a system call (no folder, no permission, no space) is no bug of the program. */
export function asSystemError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error
  return systemError(
    `"${path}" can't be written: ${error.message}`,
    'Check the folder, its rights and the space left.',
  )
}
