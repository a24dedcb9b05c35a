/**
 * Recovers ticks that SQLite no longer finds, from rows that are still in the pages. A committed row of a tick never changes, so any
 * copy of it is valid. The checksum of the tick tells whether all its rows were found.
 */
import { foundColumns, type FoundColumn } from '../format/columns.ts'
import { MAX_SEQ } from '../format/limits.ts'
import { FORMAT, FIRST_MINUTE_ROW, laterIn, ROWS_PER_TICK, SCHEMA } from '../format/schema.ts'
import {
  isConstraintError,
  isSqlError,
  openScratch,
  nullIfDamaged,
  type Database,
  type SqlValue,
  type Statement,
} from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { addColumns } from './add-columns.ts'
import { allPages, openPages, rowsOfPage, type RawRow } from './pages.ts'
import { plainTables, rowsOfSchema, strayRowsOfSchema, type SchemaRow } from './schema-check.ts'

type TickOf = (rowid: number) => number | null

/** The rows of a minute are skipped: they can be computed again. */
const tickOfRow: TickOf = (id) =>
  id % ROWS_PER_TICK < FIRST_MINUTE_ROW ? Math.floor(id / ROWS_PER_TICK) : null
const sameAsRowid: TickOf = (id) => id

/** Per table: the tick of a row by its row id; null for tables whose rows belong to no tick. */
const TICK_OF: Readonly<Record<string, TickOf | null>> = {
  tick: sameAsRowid,
  traffic: tickOfRow,
  status: tickOfRow,
  connection: tickOfRow,
  wire_traffic: tickOfRow,
  request_chunk: sameAsRowid,
  backend: null,
  route: null,
  wire: null,
  marker: null,
  meta: null,
}

/** A database in memory with all rows of the wanted ticks that the file still has. @param file its bytes or its path */
export function recoverTicks(file: Buffer | string, isWanted: (tick: number) => boolean): Database {
  const database = openScratch(emptyTables())
  const pages = openPages(file, PAGE_SIZE)
  try {
    // The rows keep their meaning.
    database.pragma(`user_version = ${Math.min(FORMAT, pages.page(1)?.readUInt32BE(60) ?? FORMAT)}`)
    const tables = tablesByWidth(makeTables(database, schemaIn(file)))
    database.transaction(() => {
      for (const [number, page] of allPages(pages))
        for (const row of rowsOfPage(page, number, pages)) insertRow(row, tables, isWanted)
    })()
  } finally {
    pages.close()
  }
  return database
}

let empty: Buffer | null = null

/** The empty tables of a recording. Made once: it takes as long as reading a small file. */
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

/**
 * The rows of the schema; if its tree is damaged, from any page. Old versions of a row may be among them. Columns are only added, so
 * the longest version is the newest: it comes last and replaces the others.
 */
function schemaIn(file: Buffer | string): readonly SchemaRow[] {
  const pages = openPages(file, PAGE_SIZE)
  try {
    const rows = nullIfDamaged(() => rowsOfSchema(pages)) ?? strayRowsOfSchema(pages)
    return rows.toSorted((a, b) => (a.sql ?? '').length - (b.sql ?? '').length)
  } finally {
    pages.close()
  }
}

/** A table into which recovered rows may be inserted. */
interface TargetTable {
  readonly tickOf: TickOf | null
  readonly columns: readonly FoundColumn[]
  /** number of columns in the oldest rows, which were written before any column was added */
  readonly minColumns: number
  readonly insert: (values: readonly SqlValue[]) => void
}

/** Makes the tables with the columns that the file has, if its schema can be read, and with ours that it lacks. */
function makeTables(database: Database, schema: readonly SchemaRow[]): readonly TargetTable[] {
  const first = new Map(Object.keys(TICK_OF).map((table) => [table, firstColumns(database, table)]))
  for (const { name, sql } of plainTables(schema))
    if (!OUR_STATEMENTS.has(sql)) replaceTable(database, name, sql)
  addColumns(database)
  return [...first].map(([table, names]) => {
    const columns = foundColumns(database, table)
    const minColumns = 1 + columns.findLastIndex(({ name }) => names.includes(name))
    return { tickOf: TICK_OF[table] ?? null, columns, minColumns, insert: inserter(database, table, columns) }
  })
}

/** The columns that every file has. */
function firstColumns(database: Database, table: string): readonly string[] {
  const later = laterIn(table)
  return foundColumns(database, table).flatMap(({ name }) => (later.includes(name) ? [] : [name]))
}

/** The statements of our schema, in the form of `plainTables`. Most files have only these. */
const OUR_STATEMENTS: ReadonlySet<string> = new Set(
  SCHEMA.split(';').map((sql) => sql.replace(/\s+/g, ' ').trim()),
)

/** If SQLite refuses the statement, it is not the real one of the file: our table stays. */
function replaceTable(database: Database, name: string, sql: string): void {
  try {
    database.transaction(() => database.exec(`DROP TABLE ${name}; ${sql}`))()
  } catch (error) {
    if (!isSqlError(error)) throw error
  }
}

/** The tables to which a row may belong, by the number of its columns. */
function tablesByWidth(tables: readonly TargetTable[]): ReadonlyMap<number, readonly TargetTable[]> {
  const byWidth = new Map<number, TargetTable[]>()
  for (const table of tables) {
    for (let width = table.minColumns; width <= table.columns.length; width++)
      byWidth.set(width, [...(byWidth.get(width) ?? []), table])
  }
  return byWidth
}

function insertRow(
  row: RawRow,
  tables: ReadonlyMap<number, readonly TargetTable[]>,
  isWanted: (tick: number) => boolean,
): void {
  if (row.rowid >= MAX_SEQ * ROWS_PER_TICK) return
  for (const { tickOf, columns, insert } of tables.get(row.columns) ?? []) {
    const tick = tickOf?.(row.rowid)
    if (tick === null || (tick !== undefined && !isWanted(tick))) continue
    const cells = row.values()
    if (!cells.every((cell, i) => isOfType(cell, columns[i]!))) continue
    insert(cells.map((cell, i) => (isRowNumber(columns[i]!) ? row.rowid : cell)))
  }
}

const isRowNumber = ({ isKey, type }: FoundColumn): boolean => isKey && type === 'INTEGER'

/**
 * SQLite would convert numbers to text, and a row of status codes would become a backend. It stores NULL in the cell of an INTEGER PRIMARY
 * KEY: the value is the row id.
 */
function isOfType(value: SqlValue, column: FoundColumn): boolean {
  if (isRowNumber(column)) return value === null
  const { type, isNullable } = column
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

/** Inserts rows with all columns or only the first ones. A row that violates a constraint belongs to another table: it is skipped. */
function inserter(database: Database, table: string, columns: readonly FoundColumn[]): TargetTable['insert'] {
  const statements: Statement[] = []
  const names = columns.map(({ name }) => `"${name}"`)
  return (values) => {
    const width = values.length
    const placeholders = values.map(() => '?').join(',')
    const statement = (statements[width] ??= database.prepare(
      `INSERT OR IGNORE INTO ${table} (${names.slice(0, width).join(',')}) VALUES (${placeholders})`,
    ))
    try {
      statement.run(...values)
    } catch (error) {
      if (!isConstraintError(error)) throw error
    }
  }
}
