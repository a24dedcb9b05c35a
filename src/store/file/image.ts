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
import { join } from 'node:path'
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
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-'))
  try {
    const copy = join(folder, 'copy.db')
    copyFileSync(file, copy, constants.COPYFILE_FICLONE)
    chmodSync(copy, 0o600)
    patchFile(copy, patch)
    return use(copy)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

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
