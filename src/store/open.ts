/**
 * A recording as a database, wherever and however it lies: finished, being recorded, killed, copied without its -wal, in a
 * read-only folder, gzipped, cut off, from standard input. Nothing is ever written beside it.
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { recordingError, usageError, type UserError } from '../errors.ts'
import {
  cannotWriteBeside,
  integer,
  isBusy,
  isDamage,
  openBytes,
  openReadOnly,
  openWritable,
  scalar,
  text,
  type Database,
} from './database.ts'
import { quotedFile } from '../shell.ts'
import { HEADER_BYTES, readHeader, withoutWal, type Header } from './header.ts'
import { openCopy, readStart } from './private-copy.ts'
import { FORMAT } from './schema.ts'
import { readStandardInput } from './stdin.ts'

export interface Opened {
  readonly database: Database
  /** a writer may be at it: what is read now may have grown later */
  readonly isLive: boolean
  /** not known to be consistent: a copy without the -wal it had, or one that was cut off */
  readonly isSuspect: boolean
  /** what had to be done to open it, in words */
  readonly damage: readonly string[]
  /** what is on the disk, for a look at its pages: the content, or the path */
  readonly raw: () => Buffer | string
}

/** Up to here a file is read into memory, beyond it is copied. */
const IN_MEMORY = 64 * 2 ** 20

/** @param file a path, or '-' for standard input. @throws UserError (exit 2 not there, exit 5 not ours) */
export function openForReading(file: string): Opened {
  if (file === '-') return fromStream()
  const start = readOrExplain(file)
  if (isGzip(start)) return fromZip(file)
  const header = readHeader(start, file)
  const size = statSync(file).size
  const isShort = size < header.pages * header.pageSize
  const hasWal = header.isWal && existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0
  if (isShort) return (hasWal ? betweenCheckpoints(file) : null) ?? cutOff(file, header, size)
  if (!header.isWal) return finished(file)
  return hasWal ? besideWal(file) : withoutItsWal(file, size)
}

/** A checkpoint writes the first page, with the new page count, before the last: until then the -wal has what is missing. */
function betweenCheckpoints(file: string): Opened | null {
  try {
    return { ...besideWal(file), isSuspect: true }
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}

function fromStream(): Opened {
  const bytes = unzip(readStandardInput(), 'standard input')
  return fromBytes(bytes, 'standard input', () => bytes)
}

/** Unzipped once more where its pages must be looked at: holding on to the bytes would double the memory of every reader. */
function fromZip(file: string): Opened {
  const content = (): Buffer => unzip(readFileSync(file), file)
  return fromBytes(content(), file, content)
}

/** @throws UserError when it is not ours, zipped, or may not be written */
export function openForAppend(file: string): Database {
  const start = readOrExplain(file)
  if (isGzip(start))
    throw usageError(
      `"${file}" is gzipped and cannot be changed`,
      `Unzip it first: gunzip ${quotedFile(file)}`,
    )
  readHeader(start, file)
  try {
    accessSync(file, constants.W_OK)
  } catch {
    throw usageError(`"${file}" may not be written by you`, 'Copy it: upstreamtop cut FILE -o COPY.')
  }
  const database = openWritable(file)
  try {
    refuseNewer(database, file)
    return database
  } catch (error) {
    database.close()
    throw isDamage(error) ? damagedError(file) : error
  }
}

/** It is read around, but not written into. */
export const damagedError = (file: string): UserError =>
  recordingError(
    `"${file}" is damaged`,
    `Save what is left with upstreamtop repair ${quotedFile(file)} -o saved.db.`,
  )

/** @throws UserError (exit 5) that names the version which reads it */
export function refuseNewer(database: Database, file: string): void {
  const format = formatOf(database, file)
  if (format <= FORMAT) return
  const reader = text(
    scalar(database, "SELECT value FROM meta WHERE key IN ('readable_by', 'tool') ORDER BY key LIMIT 1"),
  )
  throw recordingError(
    `"${file}" is of format ${format}, this version reads up to format ${FORMAT}`,
    `Open it with ${reader} or later.`,
  )
}

/** The first read: it meets whoever holds the file. */
function formatOf(database: Database, file: string): number {
  try {
    return integer(scalar(database, 'PRAGMA user_version'))
  } catch (error) {
    if (!isBusy(error)) throw error
    throw recordingError(
      `"${file}" is locked by another program`,
      'A recorder never locks it for so long: end what else has it open.',
    )
  }
}

function besideWal(file: string): Opened {
  if (existsSync(`${file}-shm`)) {
    try {
      const database = openReadOnly(file)
      scalar(database, 'SELECT count(*) FROM sqlite_schema')
      return { database, isLive: true, isSuspect: false, damage: [], raw: () => file }
    } catch (error) {
      if (!cannotWriteBeside(error)) throw error
    }
  }
  return { database: openCopy(file, ['-wal']), isLive: false, isSuspect: false, damage: [], raw: () => file }
}

/** Only a recorder that was killed or a copy of a running one leaves a WAL header without a -wal. */
function withoutItsWal(file: string, bytes: number): Opened {
  const database = bytes <= IN_MEMORY ? openBytes(withoutWal(readFileSync(file))) : openCopy(file, [])
  return { database, isLive: existsSync(`${file}-wal`), isSuspect: true, damage: [], raw: () => file }
}

function cutOff(file: string, { pages, pageSize }: Header, size: number): Opened {
  const full = pages * pageSize
  const damage = [`cut off: ${size} of ${full} bytes are there`]
  if (full > IN_MEMORY)
    return { database: openCopy(file, [], full), isLive: false, isSuspect: true, damage, raw: () => file }
  return { ...fromBytes(readFileSync(file), file, () => file), damage }
}

function fromBytes(bytes: Buffer, file: string, raw: Opened['raw']): Opened {
  const { pages, pageSize, isWal } = readHeader(bytes.subarray(0, HEADER_BYTES), file)
  const missing = pages * pageSize - bytes.length
  const padded = missing > 0 ? Buffer.concat([bytes, Buffer.alloc(missing)]) : bytes
  const damage = missing > 0 ? [`cut off: ${bytes.length} of ${padded.length} bytes are there`] : []
  const database = openBytes(withoutWal(padded))
  return { database, isLive: false, isSuspect: isWal || missing > 0, damage, raw }
}

/** A `mark` that was killed leaves a journal beside it: it is rolled back in a copy, the evidence stays as it is. */
function finished(file: string): Opened {
  const database = openReadOnly(file)
  try {
    scalar(database, 'SELECT count(*) FROM sqlite_schema')
    return whole(database, file)
  } catch (error) {
    if (!cannotWriteBeside(error) || !existsSync(`${file}-journal`)) return whole(database, file)
    database.close()
    return whole(openCopy(file, ['-journal']), file)
  }
}

const whole = (database: Database, file: string): Opened => ({
  database,
  isLive: false,
  isSuspect: false,
  damage: [],
  raw: () => file,
})

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

function unzip(bytes: Buffer, file: string): Buffer {
  if (!isGzip(bytes)) return bytes
  try {
    return gunzipSync(bytes)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw recordingError(
      `"${file}" cannot be unzipped: ${why}`,
      'Check the copy with gzip -t, and copy it again.',
    )
  }
}

function readOrExplain(file: string): Buffer {
  try {
    // A pipe would wait for its other end, a device has no end.
    const found = statSync(file)
    if (!found.isFile() && !found.isDirectory())
      throw usageError(`"${file}" is not a file`, 'Name a recording; replay and report read a stream from -.')
    return readStart(file, HEADER_BYTES)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'ENOENT')
      throw usageError(
        `there is no file "${file}"`,
        'Check the name; upstreamtop info FILE says what is in one.',
      )
    if (code === 'ENAMETOOLONG' || code === 'ENOTDIR')
      throw usageError(`"${file}" is not the name of a file`, 'Check the name.')
    if (code === 'EISDIR') throw usageError(`"${file}" is a folder`, 'Name the recording in it.')
    if (code === 'EACCES') throw usageError(`"${file}" may not be read by you`, 'Ask its owner, or copy it.')
    throw error
  }
}
