/** A copy in a folder of our own, which is gone from the disk as soon as it is open: nothing is left, however we end. */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { usageError } from '../errors.ts'
import { openWritable, scalar, type Database } from './database.ts'
import { HEADER_BYTES, withoutWal } from './header.ts'

/** @param beside endings of the files that belong to it; @param size to which a file that was cut off is padded */
export function openCopy(file: string, beside: readonly string[], size?: number): Database {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-'))
  try {
    const copy = join(folder, 'copy.db')
    copyFileSync(file, copy, constants.COPYFILE_FICLONE)
    chmodSync(copy, 0o600)
    for (const ending of beside) copyBeside(file + ending, copy + ending)
    if (size !== undefined) truncateSync(copy, size)
    if (beside.length === 0) clearWalFlag(copy)
    const database = openWritable(copy)
    // The first read opens every file that SQLite needs: from here on the names are not.
    scalar(database, 'SELECT count(*) FROM sqlite_schema')
    database.pragma('query_only = 1')
    return database
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** It has the rights that the recording had when it was made, whatever was changed since. */
function copyBeside(from: string, to: string): void {
  try {
    copyFileSync(from, to)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error
    throw usageError(
      `"${from}" may not be read by you`,
      'Ask its owner, or let him cut a copy: upstreamtop cut.',
    )
  }
}

export function readStart(file: string, length: number): Buffer {
  const descriptor = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0))
  } finally {
    closeSync(descriptor)
  }
}

function clearWalFlag(file: string): void {
  const bytes = withoutWal(readStart(file, HEADER_BYTES))
  const descriptor = openSync(file, 'r+')
  try {
    writeSync(descriptor, bytes, 18, 2, 18)
  } finally {
    closeSync(descriptor)
  }
}
