/**
 * Checks that the schema of a file is ours before SQLite opens it. A hostile schema could have a view with an endless query in place of
 * a table, a trigger that discards written rows, or a CHECK or generated column that computes anything. Later versions add only tables
 * and columns of plain values.
 */
import { foundColumns } from '../format/columns.ts'
import { FIRST_WITH_WIRES, laterIn, SCHEMA, WIRE_TABLES } from '../format/schema.ts'
import { formatOf } from '../format/upgrade.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { isDamage, nullIfDamaged, query, type Database, type SqlValue } from '../sqlite/database.ts'
import { allPages, openPages, overlaid, rowsOfPage, rowsOfTable, type Pages } from './pages.ts'

/** By name: the column types of the plain tables, and the statements of the views. */
interface Schema {
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly views: ReadonlyMap<string, string>
  /** the text of each table */
  readonly statements: ReadonlyMap<string, string>
}

/** A row of sqlite_schema: type and name of an object, its root page, and its statement. */
export interface SchemaRow {
  readonly type: string
  readonly name: string
  readonly root: number
  readonly sql: string | null
}

/**
 * The tables named …_copy, and `namespace`, may be missing: earlier recordings lack them. So may those of format 2 in a file of format 1.
 * @param file its content or its path; @param over pages of a -wal. @returns what is not ours, in words, or null
 */
export function foreignSchema(
  file: Buffer | string,
  pageSize: number,
  over: ReadonlyMap<number, Buffer> = new Map(),
): string | null {
  const pages = overlaid(openPages(file, pageSize), over)
  try {
    return problemOf(rowsOfSchema(pages), pages.page(1)?.readUInt32BE(60) ?? 0)
  } catch (error) {
    if (isDamage(error)) return 'the pages that name its tables are damaged'
    throw error
  } finally {
    pages.close()
  }
}

const SCHEMA_ROOT = 1
/** type, name, tbl_name, rootpage, sql */
const SCHEMA_COLUMNS = 5
/** Our schema has 22 objects with indexes; a later version may have more. */
const MAX_OBJECTS = 500

/** @throws CorruptRow if the pages of the schema are damaged */
export function rowsOfSchema(pages: Pages): readonly SchemaRow[] {
  const rows: SchemaRow[] = []
  for (const row of rowsOfTable(SCHEMA_ROOT, pages)) {
    if (rows.length === MAX_OBJECTS) throw new CorruptRow('the schema has too many objects')
    const [type, name, , root, sql] = row.values()
    rows.push(schemaRow([type, name, root, sql]))
  }
  return rows
}

/** Schema rows from all pages, outdated ones too: for a file with a damaged schema tree. */
export function strayRowsOfSchema(pages: Pages): readonly SchemaRow[] {
  const rows: SchemaRow[] = []
  for (const [number, page] of allPages(pages)) {
    for (const row of rowsOfPage(page, number, pages)) {
      const [type, name, , root, sql] = row.columns === SCHEMA_COLUMNS ? row.values() : []
      if (type === 'table' && rows.length < MAX_OBJECTS)
        rows.push(...(nullIfDamaged(() => [schemaRow([type, name, root, sql])]) ?? []))
    }
  }
  return rows
}

/** The same check on the schema as SQLite sees it, with the transactions of a -wal. @returns as foreignSchema @throws CorruptRow */
export function foreignObject(database: Database): string | null {
  const rows = query(database, 'SELECT type, name, rootpage, sql FROM sqlite_schema LIMIT ?').all(MAX_OBJECTS)
  if (rows.length === MAX_OBJECTS) throw new CorruptRow('the schema has too many objects')
  return problemOf(rows.map(schemaRow), formatOf(database))
}

function schemaRow([type, name, root, sql]: readonly (SqlValue | undefined)[]): SchemaRow {
  if (typeof type !== 'string' || typeof name !== 'string' || typeof root !== 'number')
    throw new CorruptRow('a row of the schema has values of a wrong type')
  return { type, name, root, sql: typeof sql === 'string' ? sql : null }
}

function problemOf(rows: readonly SchemaRow[], format: number): string | null {
  const roots = new Set<number>()
  for (const row of rows) {
    if (!isOurs(row)) return `"${row.name}" in its schema (a ${row.type}) is not ours`
    if (row.type === 'view') continue
    if (row.root < 2 || roots.has(row.root)) return `"${row.name}" in its schema has no pages of its own`
    roots.add(row.root)
  }
  const names = new Set(rows.map(({ name }) => name))
  const isOptional = (name: string): boolean =>
    name.endsWith('_copy') ||
    name === 'namespace' ||
    (format < FIRST_WITH_WIRES && WIRE_TABLES.includes(name))
  const missing = [...OURS.tables.keys()].find((name) => !names.has(name) && !isOptional(name))
  return missing === undefined ? null : `the table "${missing}" is missing`
}

function isOurs({ type, name, sql }: SchemaRow): boolean {
  switch (type) {
    case 'table':
      return sql !== null && isPlainTable(name, sql)
    case 'view':
      return sql !== null && OURS.views.get(name) === oneLine(sql)
    case 'index': // SQLite makes it for the key of meta
      return sql === null && name === 'sqlite_autoindex_meta_1'
    default:
      return false
  }
}

/** @returns a column of a later version that is NOT NULL without a DEFAULT, or null. With such a column we cannot write rows. */
export function unfillableColumn(database: Database): string | null {
  for (const [table, ours] of OURS.tables) {
    const column = foundColumns(database, table).find(
      ({ name, isNullable, default: defaultValue }) =>
        !ours.has(name) && !isNullable && defaultValue === null,
    )
    if (column !== undefined) return `${table}.${column.name}`
  }
  return null
}

/** Our tables whose statements in the file are safe to execute. @param rows the schema of the file */
export function plainTables(
  rows: readonly SchemaRow[],
): readonly { readonly name: string; readonly sql: string }[] {
  return rows.flatMap(({ type, name, sql }) =>
    type === 'table' && sql !== null && OURS.tables.has(name) && isPlainTable(name, sql)
      ? [{ name, sql: oneLine(sql) }]
      : [],
  )
}

/** By name of our tables: the text that the last file had, which was ours. A report checks the same texts in each of its files, twice. */
const known = new Map<string, string>()

/** Known columns have our types, no first column is missing (docs/FORMAT.md), and unknown columns have plain values. */
function isPlainTable(name: string, sql: string): boolean {
  // Nearly every table is, and each file of a report has two dozen.
  if (known.get(name) === sql) return true
  if (OURS.statements.get(name) === oneLine(sql)) {
    known.set(name, sql)
    return true
  }
  const found = tableIn(sql)
  if (found?.name !== name) return false
  const ours: ReadonlyMap<string, string> = OURS.tables.get(name) ?? new Map()
  const later = laterIn(name)
  return (
    [...found.columns].every(([column, type]) => (ours.get(column) ?? type) === type) &&
    [...ours.keys()].every((column) => found.columns.has(column) || later.includes(column))
  )
}

const WORD = '[a-z][a-z0-9_]*'
const TABLE = new RegExp(`^CREATE TABLE (${WORD}) ?\\((.*)\\) STRICT$`)
const PLAIN = new RegExp(
  `^(${WORD}) ((?:INTEGER|TEXT|BLOB)(?: PRIMARY KEY| NOT NULL)?)(?: DEFAULT (?:-?\\d+|NULL|'[\\w ]*'))?$`,
)
const COMPUTED = /^(tick|minute) (INTEGER AS \(id >> 20\) VIRTUAL)$/

/** The columns of a table of plain values; null for anything else. */
function tableIn(sql: string): { readonly name: string; readonly columns: Map<string, string> } | null {
  const [, name, body] = TABLE.exec(oneLine(sql)) ?? []
  if (name === undefined || body === undefined) return null
  const columns = new Map<string, string>()
  for (const definition of body.split(',')) {
    const [, column, type] = PLAIN.exec(definition.trim()) ?? COMPUTED.exec(definition.trim()) ?? []
    if (column === undefined || type === undefined || columns.has(column)) return null
    columns.set(column, type)
  }
  return { name, columns }
}

const oneLine = (sql: string): string => sql.replace(/\s+/g, ' ').trim()

const OURS = schemaIn(SCHEMA)

function schemaIn(sql: string): Schema {
  const tables = new Map<string, ReadonlyMap<string, string>>()
  const views = new Map<string, string>()
  const statements = new Map<string, string>()
  for (const statement of sql.split(';').map(oneLine)) {
    const table = tableIn(statement)
    const [, view] = new RegExp(`^CREATE VIEW (${WORD}) `).exec(statement) ?? []
    if (table !== null) {
      tables.set(table.name, table.columns)
      statements.set(table.name, statement)
    } else if (view !== undefined) views.set(view, statement)
    else if (statement !== '')
      throw new Error(`a statement of our schema is neither a table nor a view: ${statement}`)
  }
  return { tables, views, statements }
}
