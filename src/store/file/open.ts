/**
 * Opens a recording as a database in any state: finished, being recorded, left by a killed recorder, copied without its -wal, in a
 * read-only folder, gzipped, cut off, or from standard input. Nothing is ever written beside the file. SQLite never acts on side files
 * (-wal, -shm, -journal) that are not known to belong to the recording.
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { recordingError, usageError, type UserError } from '../../errors.ts'
import { quotedFile } from '../../shell.ts'
import { FORMAT } from '../format/schema.ts'
import {
  cannotWriteBeside,
  integer,
  isBusy,
  isDamage,
  openBytes,
  openReadOnly,
  openWritable,
  scalar,
  type Database,
} from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { damagedError, Discontinued } from './discontinued.ts'
import { HEADER_BYTES, headerProblem, readHeader, type Header } from './header.ts'
import { IN_MEMORY, plain, withImage, type Image } from './image.ts'
import { newerFormat } from './newer.ts'
import type { Patch } from './patch.ts'
import { readStart } from './read-start.ts'
import { recoverTicks } from './recover.ts'
import { journalPatch } from './rollback.ts'
import { foreignObject, foreignSchema, unfillableColumn } from './schema-check.ts'
import {
  fingerprintOf,
  recordedName,
  refuseForeignSideFiles,
  refuseLongName,
  sideFilesOf,
  type SideFiles,
} from './side-files.ts'
import { readStandardInput } from './stdin.ts'
import { isGzip, MAX_ZIPPED, tooLarge, unzip, type Unzipped } from './unzip.ts'
import { walPatch } from './wal.ts'

export interface Opened {
  readonly database: Database
  /** a recorder may be writing to it, so it may grow */
  readonly isLive: boolean
  /** may be inconsistent: a copy without its -wal, or a file that was cut off */
  readonly isSuspect: boolean
  /** SQLite reads the file itself, and no copy of it */
  readonly isInPlace?: boolean
  /** what is damaged, in words */
  readonly damage: readonly string[]
  /** side files that do not belong to it, in words */
  readonly notes: readonly string[]
  /** the content or the path of the file, for reading its pages */
  readonly raw: () => Buffer | string
}

/** @param file a path, or '-' for standard input. @throws UserError (exit 2 if there is no such file, exit 5 if it is no recording) */
export function openForReading(file: string): Opened {
  if (file === '-') return openStream()
  for (let tries = 1; ; tries++) {
    const before = fingerprintOf(file)
    try {
      return openFile(file)
    } catch (error) {
      const isOver = isMissing(error)
        ? tries === TRIES_MISSING
        : tries === TRIES || fingerprintOf(file) === before
      if (isOver) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE)
    }
  }
}

/** A recorder that begins or ends changes several files, one after the other: what was found between two of these steps is looked at again. */
const TRIES = 5
/** It costs little to see that a side file has gone again. */
const TRIES_MISSING = 50
const PAUSE = 20 // ms

/** A missing recording is a UserError: this is a file beside it. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

function openFile(file: string): Opened {
  const start = readOrExplain(file)
  if (isGzip(start)) return openZip(file)
  const header = readHeader(start, file)
  const path = recordedName(file)
  const sideFiles = sideFilesOf(path)
  const isShort = statSync(path).size < header.pages * header.pageSize
  if (sideFiles.isHeld && header.isWal)
    return openLive(path, start, file) ?? openCopy(path, header, sideFiles, file)
  return isShort || header.isWal || sideFiles.any
    ? openCopy(path, header, sideFiles, file)
    : openInPlace(path, start, file)
}

function openStream(): Opened {
  const content = unzip(readStandardInput(checkStart), 'standard input')
  return openContent(content, 'standard input', () => content.bytes)
}

function checkStart(start: Buffer): void {
  if (!isGzip(start)) readHeader(start, 'standard input')
}

/** Unzips again if the pages have to be read: keeping the bytes would double the memory of every reader. */
function openZip(file: string): Opened {
  const size = statSync(file).size
  if (size > MAX_ZIPPED) throw tooLarge(file, size)
  const content = (): Unzipped => unzip(readFileSync(file), file)
  return openContent(content(), file, () => content().bytes)
}

function openContent({ bytes, damage: ofZip }: Unzipped, file: string, raw: Opened['raw']): Opened {
  const header = readHeader(bytes.subarray(0, HEADER_BYTES), file)
  const damage = [...ofZip, ...cutOff(bytes.length, header)]
  const isSuspect = header.isWal || damage.length > 0
  return openImage(plain(bytes), file, { isLive: false, isSuspect, damage, notes: [], raw })
}

const cutOff = (size: number, { pages, pageSize }: Header): readonly string[] =>
  size < pages * pageSize ? [`cut off: ${size} of ${pages * pageSize} bytes are there`] : []

/** Opens a file that a recorder writes to. null if SQLite would have to write beside it and may not. */
function openLive(path: string, start: Buffer, file: string): Opened | null {
  // Anybody who may write into the folder can lock a -shm and leave a -wal that replaces tables with views.
  if (problemBeside(path, start, file) !== null) return null
  try {
    const opened = openInPlace(path, start, file)
    scalar(opened.database, 'SELECT count(*) FROM sqlite_schema')
    return { ...opened, isLive: true }
  } catch (error) {
    if (isBusy(error)) throw lockedError(file)
    if (!cannotWriteBeside(error) && !isDamage(error)) throw error
    return null
  }
}

function openInPlace(path: string, start: Buffer, file: string): Opened {
  const problem = problemOf(path, start, file)
  const rest = { isLive: false, isSuspect: problem !== null, notes: [], raw: () => path }
  return problem === null
    ? { ...rest, isInPlace: true, database: openReadOnly(path), damage: [] }
    : { ...rest, database: withoutSchema(path, file, problem), damage: [problem] }
}

/** Opens a copy with the side file applied: the transactions of a -wal, or the pages of a -journal from before an unfinished change. */
function openCopy(path: string, header: Header, sideFiles: SideFiles, file: string): Opened {
  const size = statSync(path).size
  const patch = explainDenied(`${path}-wal`, () => patchOf(path, header, size, sideFiles))
  const damage = patch === null ? cutOff(size, header) : []
  // A file in WAL mode without a -wal was copied while it was recorded, or its recorder was killed.
  const isLive = header.isWal && existsSync(`${path}-wal`) && sideFiles.wal === 0
  const isSuspect =
    (header.isWal && patch === null) || size < header.pages * header.pageSize || sideFiles.journal > 0
  const notes =
    patch === null
      ? [...unusedSideFiles(file, header, sideFiles), ...otherNames(path, file, header, sideFiles)]
      : []
  const raw = (): Image => (size <= IN_MEMORY ? withImage(path, patch, (image) => image) : path)
  return withImage(path, patch, (image) => openImage(image, file, { isLive, isSuspect, damage, notes, raw }))
}

function unusedSideFiles(file: string, { isWal }: Header, { wal, journal }: SideFiles): readonly string[] {
  const names = [...(wal > 0 ? [`${file}-wal`] : []), ...(journal > 0 && !isWal ? [`${file}-journal`] : [])]
  return names.map((name) => `"${name}" lies beside it and is not its own: it was not used`)
}

function otherNames(path: string, file: string, { isWal }: Header, { any }: SideFiles): readonly string[] {
  if (!isWal || any || statSync(path).nlink === 1) return []
  return [`"${file}" has another name, a hard link: its last seconds may lie in a -wal beside that`]
}

function patchOf(
  path: string,
  { isWal, pageSize }: Header,
  size: number,
  sideFiles: SideFiles,
): Patch | null {
  const pages = Math.floor(size / pageSize)
  if (pageSize !== PAGE_SIZE) return null
  if (isWal && sideFiles.wal > 0) return walPatch(`${path}-wal`, pageSize, pages)
  const { journal } = sideFiles
  return !isWal && journal > 0 && journal <= IN_MEMORY
    ? journalPatch(`${path}-journal`, pageSize, pages)
    : null
}

function openImage(image: Image, file: string, opened: Omit<Opened, 'database'>): Opened {
  if (image.length === 0) throw nothingIn(file, 'not even its first page is whole')
  const problem = problemOf(image, typeof image === 'string' ? readStart(image, HEADER_BYTES) : image, file)
  if (problem === null) return { ...opened, database: databaseOf(image) }
  const damage = [...opened.damage, problem]
  return { ...opened, database: withoutSchema(image, file, problem), damage, isSuspect: true }
}

function databaseOf(image: Image): Database {
  const database = typeof image === 'string' ? openReadOnly(image) : openBytes(image)
  // The first read opens all files that SQLite needs. Afterwards the copy can be unlinked.
  scalar(database, 'PRAGMA schema_version')
  return database
}

/** Checks header and schema before SQLite opens the file. @throws UserError (exit 5) for a later format */
function problemOf(image: Image, start: Buffer, file: string): string | null {
  const format = start.readUInt32BE(60)
  if (format > FORMAT) throw newerFormat(file, format, image)
  return headerProblem(start) ?? foreignSchema(image, PAGE_SIZE)
}

/** The same for a file together with its -wal, which SQLite is about to read in place. */
function problemBeside(path: string, start: Buffer, file: string): string | null {
  const { wal } = sideFilesOf(path)
  const pages = Math.floor(statSync(path).size / PAGE_SIZE)
  const patch =
    wal === 0 ? null : explainDenied(`${path}-wal`, () => walPatch(`${path}-wal`, PAGE_SIZE, pages))
  const over = new Map(patch?.content)
  const first = over.get(1) ?? start
  const format = first.readUInt32BE(60)
  if (format > FORMAT) throw newerFormat(file, format, path)
  return headerProblem(first) ?? foreignSchema(path, PAGE_SIZE, over)
}

/** Recovers the rows from the pages, without the file's schema. @throws UserError (exit 5) if no tick is found */
export function withoutSchema(image: Image, file: string, problem: string): Database {
  const database = recoverTicks(image, () => true)
  if (integer(scalar(database, 'SELECT count(*) FROM tick')) > 0) return database
  database.close()
  throw nothingIn(file, problem)
}

const nothingIn = (file: string, why: string): UserError =>
  recordingError(`nothing can be read of "${file}": ${why}`, 'Look for another copy of it.')

/** @throws UserError when it is no recording, is zipped or damaged, or may not be written */
export function openForAppend(file: string): Database {
  const start = readOrExplain(file)
  if (isGzip(start))
    throw usageError(
      `"${file}" is gzipped and cannot be changed`,
      `Unzip it first: gunzip ${quotedFile(file)}`,
    )
  const header = readHeader(start, file)
  try {
    accessSync(file, constants.W_OK)
  } catch {
    throw usageError(`"${file}" may not be written by you`, 'Copy it: upstreamtop cut FILE -o COPY.')
  }
  const path = recordedName(file)
  refuseLongName(path)
  refuseForeignSideFiles(path)
  if (header.format <= FORMAT && problemBeside(path, start, file) !== null) throw damagedError(file)
  const database = openWritable(path)
  try {
    refuseNewer(database, file)
    refuseForeignObjects(database, file)
    refuseUnfillable(database, file)
    return database
  } catch (error) {
    database.close()
    throw isDamage(error) ? damagedError(file) : error
  }
}

/** Checks the schema as SQLite sees it, with the transactions of a -wal. */
function refuseForeignObjects(database: Database, file: string): void {
  if (foreignObject(database) !== null) throw damagedError(file)
}

function refuseUnfillable(database: Database, file: string): void {
  const column = unfillableColumn(database)
  if (column === null) return
  throw new Discontinued(
    `format-${FORMAT}`,
    file,
    `has a column that this version cannot fill: "${column}"`,
    'Record into another file, or go on with the version that wrote this one.',
  )
}

/** @throws UserError (exit 5) with the version that reads the file */
export function refuseNewer(database: Database, file: string): void {
  const format = formatOf(database, file)
  if (format > FORMAT) throw newerFormat(file, format, file)
}

/** This is the first read: it fails if another program holds a lock. */
function formatOf(database: Database, file: string): number {
  try {
    return integer(scalar(database, 'PRAGMA user_version'))
  } catch (error) {
    throw isBusy(error) ? lockedError(file) : error
  }
}

export const lockedError = (file: string): UserError =>
  recordingError(
    `"${file}" is locked by another program`,
    'A recorder never locks it for so long: end what else has it open.',
  )

function explainDenied<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error
    throw usageError(
      `"${path}" may not be read by you`,
      'Ask its owner, or let him cut a copy: upstreamtop cut.',
    )
  }
}

function readOrExplain(file: string): Buffer {
  try {
    // Opening a pipe would block, and a device may never end.
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
