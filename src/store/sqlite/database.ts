/** The only file that uses better-sqlite3. */
import { isAbsolute } from 'node:path'
import type SqliteDriver from 'better-sqlite3'
import { CorruptRow } from './corrupt-row.ts'
import { Sqlite } from './driver.ts'

export type Database = SqliteDriver.Database
export type SqlValue = number | bigint | string | Buffer | null
export type SqlRow = readonly SqlValue[]
export type Statement = SqliteDriver.Statement<SqlValue[]>
export type Query = SqliteDriver.Statement<SqlValue[], SqlValue[]>

/** How long a writer waits for another one. `mark` holds the lock for milliseconds. */
const BUSY_MS = 5000

export const openWritable = (file: string): Database =>
  hardened(new Sqlite(asPath(file), { fileMustExist: true, timeout: BUSY_MS }))

/** Opens a finished file, or one that is being recorded. @throws SQLITE_CANTOPEN if SQLite would have to write and may not */
export const openReadOnly = (file: string): Database =>
  hardened(new Sqlite(asPath(file), { readonly: true, fileMustExist: true, timeout: BUSY_MS }))

/** How long a recorder waits for one that ends, or for a reader that looks at the lock. */
const LOCK_MS = 500

/** Holds the kernel's exclusive lock on an empty file until it is closed, and writes nothing. null if another process holds it. */
export function lockWhole(file: string): Database | null {
  const database = new Sqlite(asPath(file), { fileMustExist: true, timeout: LOCK_MS })
  try {
    // The page that an empty database begins with stays in memory, and no journal is made for it.
    database.pragma('journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (isBusy(error)) return null
    throw error
  }
}

/** No process holds `lockWhole` of this file. */
export function isFree(file: string): boolean {
  let database: Database | null = null
  try {
    database = new Sqlite(asPath(file), { readonly: true, fileMustExist: true, timeout: 0 })
    scalar(database, 'SELECT count(*) FROM sqlite_schema')
    return true
  } catch (error) {
    return !isBusy(error)
  } finally {
    database?.close()
  }
}

/** SQLite must take the name for a path: `:memory:` and the empty name have another meaning. */
const asPath = (file: string): string => (isAbsolute(file) ? file : `./${file}`)

/** Opens the content of a file. SQLite copies the bytes. */
export const openBytes = (bytes: Buffer): Database => hardened(new Sqlite(bytes, { readonly: true }))

/**
 * Files are untrusted: their schema may call no unsafe functions, and SQLite checks cell sizes and writes no temporary files. The driver
 * turns on defensive mode itself.
 */
function hardened(database: Database): Database {
  database.pragma('trusted_schema = OFF')
  database.pragma('cell_size_check = ON')
  database.pragma('temp_store = MEMORY')
  return database
}

/** A writable database in memory: empty, or a copy of `bytes`. */
export const openScratch = (bytes?: Buffer): Database => new Sqlite(bytes ?? ':memory:')

/** Rows as arrays of cells, which take half the time of objects. */
export const query = (database: Database, sql: string): Query =>
  database.prepare<SqlValue[], SqlValue[]>(sql).raw()

/** The first cell of the first row. */
export function scalar(database: Database, sql: string, ...parameters: SqlValue[]): SqlValue {
  return query(database, sql).get(...parameters)?.[0] ?? null
}

/** The value of an integer cell. @throws CorruptRow for anything else, which a damaged page may hold */
export function integer(cell: SqlValue | undefined): number {
  if (typeof cell === 'number' && Number.isSafeInteger(cell)) return cell
  throw new CorruptRow(`expected an integer, found ${typeof cell}`)
}

export function text(cell: SqlValue | undefined): string {
  if (typeof cell === 'string') return cell
  throw new CorruptRow(`expected text, found ${typeof cell}`)
}

export function bytes(cell: SqlValue | undefined): Buffer {
  if (Buffer.isBuffer(cell)) return cell
  throw new CorruptRow(`expected bytes, found ${typeof cell}`)
}

/** The content of the file is damaged; other parts may still be read. */
export function isDamage(error: unknown): boolean {
  if (error instanceof CorruptRow) return true
  return (
    error instanceof Sqlite.SqliteError &&
    // TOOBIG: a cell claims more bytes than SQLite accepts
    (/^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ|FORMAT|TOOBIG)/.test(error.code) ||
      // sum() over values that are too large to be counts; bytes where a number or text belongs
      ['integer overflow', 'JSON cannot hold BLOB values'].includes(error.message))
  )
}

/** The page of the schema is empty or replaced. */
export const isMissingTable = (error: unknown): boolean =>
  error instanceof Sqlite.SqliteError && /^no such (table|column)/.test(error.message)

export const isSqlError = (error: unknown): boolean => error instanceof Sqlite.SqliteError

/** A value that violates a constraint of its column. */
export const isConstraintError = (error: unknown): boolean =>
  error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT')

/** The disk is full, or the file may not grow. */
export const isFull = (error: unknown): boolean =>
  error instanceof Sqlite.SqliteError &&
  /^SQLITE_(FULL|IOERR_WRITE|IOERR_FSYNC|IOERR_TRUNCATE|IOERR_SHMSIZE)/.test(error.code)

export const isBusy = (error: unknown): boolean =>
  error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')

/** SQLite would have to write beside the file (a -shm, a recovery) and may not. */
export const cannotWriteBeside = (error: unknown): boolean =>
  error instanceof Sqlite.SqliteError && /^SQLITE_(CANTOPEN|READONLY|PERM)/.test(error.code)

/** No rows if their pages are damaged. */
export const emptyIfDamaged = <T>(read: () => T[]): T[] => nullIfDamaged(read) ?? []

/** null if the pages are damaged. */
export function nullIfDamaged<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}
