/**
 * A copy of a recording as one plain database, with the pages of its -wal or -journal applied. It is in memory. A large copy is a
 * temporary file that is unlinked as soon as it is open: nothing remains, however the process ends.
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemError } from '../../errors.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { HEADER_BYTES, makePlain } from './header.ts'
import type { Patch } from './patch.ts'

/** Files up to this size, in bytes, are read into memory; larger ones are copied. */
export const IN_MEMORY = 64 * 2 ** 20

/** The content, or the path of the copy. */
export type Image = Buffer | string

/** @param use must open the copy before it returns: the file is unlinked afterwards */
export function withImage<T>(file: string, patch: Patch | null, use: (image: Image) => T): T {
  const descriptor = openSync(file, 'r')
  const size = fstatSync(descriptor).size
  closeSync(descriptor)
  return Math.max(size, (patch?.pages ?? 0) * PAGE_SIZE) <= IN_MEMORY
    ? use(plain(patched(readFileSync(file), patch)))
    : inCopy(file, patch, use)
}

/** The bytes as a plain database. Changes `bytes`. */
export function plain(bytes: Buffer): Buffer {
  const pages = Math.floor(bytes.length / PAGE_SIZE)
  if (pages > 0) makePlain(bytes, pages)
  return bytes.subarray(0, pages * PAGE_SIZE)
}

function patched(bytes: Buffer, patch: Patch | null): Buffer {
  if (patch === null) return bytes
  const result = Buffer.alloc(patch.pages * PAGE_SIZE)
  bytes.copy(result)
  for (const [page, content] of patch.content)
    if (page <= patch.pages) content.copy(result, (page - 1) * PAGE_SIZE)
  return result
}

function inCopy<T>(file: string, patch: Patch | null, use: (image: Image) => T): T {
  const copy = copied(file, patch)
  try {
    return use(copy)
  } finally {
    rmSync(dirname(copy), { recursive: true, force: true })
  }
}

/** TMPDIR may be missing or full, and /tmp a small tmpfs. */
const placesForCopies = (): readonly string[] => [...new Set([tmpdir(), '/tmp', '/var/tmp'])]

/** @throws UserError (exit 4) if there is room nowhere */
function copied(file: string, patch: Patch | null): string {
  for (const place of placesForCopies()) {
    const copy = copiedTo(place, file, patch)
    if (copy !== null) return copy
  }
  throw systemError(
    `"${file}" must be copied to be read, and there is no room for it in "${placesForCopies().join('", "')}"`,
    'Set TMPDIR to a folder with room for it.',
  )
}

function copiedTo(place: string, file: string, patch: Patch | null): string | null {
  let folder: string | null = null
  try {
    folder = mkdtempSync(join(place, 'upstreamtop-'))
    const copy = join(folder, 'copy.db')
    copyFileSync(file, copy, constants.COPYFILE_FICLONE)
    chmodSync(copy, 0o600)
    patchFile(copy, patch)
    return copy
  } catch (error) {
    if (folder !== null) rmSync(folder, { recursive: true, force: true })
    if (hasNoRoom(error)) return null
    throw error
  }
}

const hasNoRoom = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EFBIG'].includes(String(error.code))

function patchFile(copy: string, patch: Patch | null): void {
  const descriptor = openSync(copy, 'r+')
  try {
    for (const [page, content] of patch?.content ?? [])
      if (page <= patch!.pages) writeSync(descriptor, content, 0, PAGE_SIZE, (page - 1) * PAGE_SIZE)
    const pages = patch?.pages ?? Math.floor(fstatSync(descriptor).size / PAGE_SIZE)
    ftruncateSync(descriptor, pages * PAGE_SIZE)
    const start = Buffer.alloc(HEADER_BYTES)
    readSync(descriptor, start, 0, HEADER_BYTES, 0)
    makePlain(start, pages)
    writeSync(descriptor, start, 0, HEADER_BYTES, 0)
  } finally {
    closeSync(descriptor)
  }
}
