/**
 * Ticks whose rows SQLite no longer finds, put together from the rows that lie in the pages. A row of a tick never changes once it
 * is committed, so any copy of it is the row; the tick's checksum says whether all of them were found.
 */
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { addColumns } from './add-columns.ts'
import { foundColumns, type FoundColumn } from '../format/columns.ts'
import {
  isRefusal,
  isSqlError,
  openScratch,
  orNull,
  type Database,
  type SqlValue,
  type Statement,
} from '../sqlite/database.ts'
import { MAX_SEQ } from '../format/limits.ts'
import { allPages, openPages, rowsOfPage, type RawRow } from './pages.ts'
import { FORMAT, MINUTE_ROWS, ROWS, SCHEMA, TABLES, type TableColumns } from '../format/schema.ts'
import { plainTables, rowsOfSchema, strayRowsOfSchema, type SchemaRow } from './schema-check.ts'

type TickOf = (rowid: number) => number | null

/** Rows of a minute are not wanted: they can be summed again. */
const tickOfRow: TickOf = (id) => (id % ROWS < MINUTE_ROWS ? Math.floor(id / ROWS) : null)
const itself: TickOf = (id) => id

/** Which tick a row belongs to; null for tables whose rows belong to none. */
const TICK_OF: Readonly<Record<string, TickOf | null>> = {
  tick: itself,
  traffic: tickOfRow,
  status: tickOfRow,
  connection: tickOfRow,
  request_chunk: itself,
  backend: null,
  route: null,
  marker: null,
  meta: null,
}

/** A database in memory with whatever rows of the wanted ticks lie in the file. @param file its bytes or its path */
export function recoverTicks(file: Buffer | string, isWanted: (tick: number) => boolean): Database {
  const database = openScratch(emptyTables())
  const pages = openPages(file, PAGE_SIZE)
  try {
    const homes = homesByWidth(makeTables(database, schemaIn(file)))
    database.transaction(() => {
      for (const [number, page] of allPages(pages))
        for (const row of rowsOfPage(page, number, pages)) insertRow(row, homes, isWanted)
    })()
  } finally {
    pages.close()
  }
  return database
}

let empty: Buffer | null = null

/** A recording's tables without a row. Made once: it takes as long as reading a small file. */
function emptyTables(): Buffer {
  if (empty !== null) return empty
  const database = openScratch()
  try {
    database.exec(SCHEMA)
    database.pragma(`user_version = ${FORMAT}`)
    return (empty = database.serialize())
  } finally {
    database.close()
  }
}

/** What names the tables; where the way to it is lost, its rows from wherever they lie, the longest last: columns are added. */
function schemaIn(file: Buffer | string): readonly SchemaRow[] {
  const pages = openPages(file, PAGE_SIZE)
  try {
    const rows = orNull(() => rowsOfSchema(pages)) ?? strayRowsOfSchema(pages)
    return rows.toSorted((a, b) => (a.sql ?? '').length - (b.sql ?? '').length)
  } finally {
    pages.close()
  }
}

/** A table that rows may belong to. */
interface Home {
  readonly tickOf: TickOf | null
  readonly columns: readonly FoundColumn[]
  /** a row that was written before columns were added has no more than these */
  readonly least: number
  readonly insert: (values: readonly SqlValue[]) => void
}

/** With the columns that the file has, where what names them can be read, and with ours that it lacks. */
function makeTables(database: Database, schema: readonly SchemaRow[]): readonly Home[] {
  const first = new Map(Object.keys(TICK_OF).map((table) => [table, firstColumns(database, table)]))
  for (const { name, sql } of plainTables(schema)) if (!OWN.has(sql)) replaceTable(database, name, sql)
  addColumns(database)
  return [...first].map(([table, names]) => {
    const columns = foundColumns(database, table)
    const least = 1 + columns.findLastIndex(({ name }) => names.includes(name))
    return { tickOf: TICK_OF[table] ?? null, columns, least, insert: inserter(database, table, columns) }
  })
}

/** Those that every file has. */
function firstColumns(database: Database, table: string): readonly string[] {
  const tables: Readonly<Record<string, TableColumns>> = TABLES
  const later = tables[table]?.later ?? []
  return foundColumns(database, table).flatMap(({ name }) => (later.includes(name) ? [] : [name]))
}

/** As `plainTables` gives them: most files have just these. */
const OWN: ReadonlySet<string> = new Set(SCHEMA.split(';').map((sql) => sql.replace(/\s+/g, ' ').trim()))

/** Where SQLite would not make it, it is not the file's: ours stays. */
function replaceTable(database: Database, name: string, sql: string): void {
  try {
    database.transaction(() => database.exec(`DROP TABLE ${name}; ${sql}`))()
  } catch (error) {
    if (!isSqlError(error)) throw error
  }
}

/** By the number of its columns a row tells where it may belong. */
function homesByWidth(homes: readonly Home[]): ReadonlyMap<number, readonly Home[]> {
  const byWidth = new Map<number, Home[]>()
  for (const home of homes) {
    for (let width = home.least; width <= home.columns.length; width++)
      byWidth.set(width, [...(byWidth.get(width) ?? []), home])
  }
  return byWidth
}

function insertRow(
  row: RawRow,
  homes: ReadonlyMap<number, readonly Home[]>,
  isWanted: (tick: number) => boolean,
): void {
  if (row.rowid >= MAX_SEQ * ROWS) return
  for (const { tickOf, columns, insert } of homes.get(row.columns) ?? []) {
    const tick = tickOf?.(row.rowid)
    if (tick === null || (tick !== undefined && !isWanted(tick))) continue
    // The cell of a row's own number is empty.
    const values = row.values().map((value, i) => (isRowNumber(columns[i]!) ? row.rowid : value))
    if (values.every((value, i) => isOfType(value, columns[i]!))) insert(values)
  }
}

const isRowNumber = ({ isKey, type }: FoundColumn): boolean => isKey && type === 'INTEGER'

/** SQLite would make a text of a number: a row of status codes would become a backend. */
function isOfType(value: SqlValue, { type, isNullable }: FoundColumn): boolean {
  if (value === null) return isNullable
  switch (type) {
    case 'TEXT':
      return typeof value === 'string'
    case 'BLOB':
      return Buffer.isBuffer(value)
    default:
      return typeof value === 'number' || typeof value === 'bigint'
  }
}

/** Of rows with all columns or with the first of them. What is no row of the table after all is refused. */
function inserter(database: Database, table: string, columns: readonly FoundColumn[]): Home['insert'] {
  const statements: Statement[] = []
  const names = columns.map(({ name }) => `"${name}"`)
  return (values) => {
    const width = values.length
    const places = values.map(() => '?').join(',')
    const statement = (statements[width] ??= database.prepare(
      `INSERT OR IGNORE INTO ${table} (${names.slice(0, width).join(',')}) VALUES (${places})`,
    ))
    try {
      statement.run(...values)
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
  }
}
