/**
 * A file names its columns (docs/FORMAT.md, "Columns are added"). A column that an older file lacks is read as NULL. A column of a newer
 * version is not understood here, but it is part of its row's checksum.
 */
import { integer, query, text, type Database, type SqlRow, type SqlValue } from '../sqlite/database.ts'
import { fold, foldCells } from './checksum.ts'
import { TABLES, type TableColumns } from './schema.ts'

/** @param cells of a row, from `at` on. @returns the checksum `hash` continued with them */
export type Fold = (hash: number, cells: SqlRow, at: number) => number

export interface ReadableColumns {
  /** for SELECT: the columns that we know, in our order, then the file's others */
  readonly select: readonly string[]
  /** takes cells in the order of `select` */
  readonly fold: Fold
  /** the columns that every row has; in the file each takes at least one byte */
  readonly least: number
}

/** The result for the last file, kept because most files have the same columns and a followed file is opened again and again. */
const lastRead = new WeakMap<TableColumns, { readonly key: string; readonly columns: ReadableColumns }>()

/** @param ours by default those that checksums are over @throws CorruptRow */
export function columnsIn(
  database: Database,
  table: keyof typeof TABLES,
  ours: TableColumns = TABLES[table],
): ReadableColumns {
  const rows = tableInfo(database, table)
  const key = rows.join()
  const last = lastRead.get(ours)
  if (last?.key === key) return last.columns
  const columns = readAs(rows.map(foundColumn), ours)
  lastRead.set(ours, { key, columns })
  return columns
}

function readAs(found: readonly FoundColumn[], ours: TableColumns): ReadableColumns {
  const names = new Set(found.map(({ name }) => name))
  const others = found.map(({ name }) => name).filter((name) => !isOurs(name, ours))
  return {
    // A missing column of the first format is damage: SQLite reports it.
    select: [
      ...ours.columns.map((name) => (ours.later.includes(name) && !names.has(name) ? 'NULL' : name)),
      ...others.map((name) => `"${name}"`),
    ],
    fold: foldOf([...ours.columns, ...others], found, ours),
    least: ours.columns.length - ours.later.length,
  }
}

/** For writing: takes cells in the order of our columns. Other columns of the file keep their default, which is in no checksum. */
export function foldWritten(
  database: Database,
  table: keyof typeof TABLES,
  ours: TableColumns = TABLES[table],
): Fold {
  return foldOf(ours.columns, foundColumns(database, table), ours)
}

export interface FoundColumn {
  readonly name: string
  readonly type: string
  readonly isNullable: boolean
  /** the value in rows that were written before the column was added */
  readonly default: SqlValue
  readonly isKey: boolean
}

/** The stored columns, in their order. */
export const foundColumns = (database: Database, table: string): readonly FoundColumn[] =>
  tableInfo(database, table).map(foundColumn)

/** cid, name, type, notnull, dflt_value, pk */
const tableInfo = (database: Database, table: string): readonly SqlRow[] =>
  query(database, `PRAGMA table_info("${table}")`).all()

const foundColumn = ([, name, type, notNull, standard, key]: SqlRow): FoundColumn => ({
  name: text(name),
  type: text(type),
  isNullable: notNull === 0,
  default: literal(standard ?? null),
  isKey: integer(key) > 0,
})

/** A DEFAULT as schema-check.ts allows it: a number, NULL, or text in quotes. */
function literal(sql: SqlValue): SqlValue {
  if (typeof sql !== 'string' || sql === 'NULL') return null
  return sql.startsWith("'") ? sql.slice(1, -1) : Number(sql)
}

const isOurs = (name: string, { columns, keys }: TableColumns): boolean =>
  columns.includes(name) || keys.includes(name)

/**
 * Folds first the columns that every file has, in our order; then the others in the file's order, each only where it differs from its
 * default. So adding a column changes no checksum of existing rows.
 */
function foldOf(order: readonly string[], found: readonly FoundColumn[], ours: TableColumns): Fold {
  const isFirst = (name: string): boolean => ours.columns.includes(name) && !ours.later.includes(name)
  const first = order.flatMap((name, place) => (isFirst(name) && !ours.keys.includes(name) ? [place] : []))
  const later = found
    .filter(({ name }) => !isFirst(name) && !ours.keys.includes(name) && order.includes(name))
    .map((column) => ({ place: order.indexOf(column.name), standard: column.default }))
  const foldFirst = foldPlaces(first)
  if (later.length === 0) return foldFirst
  return (hash, cells, at) => {
    let folded = foldFirst(hash, cells, at)
    for (const { place, standard } of later) {
      const cell = cells[at + place]!
      if (cell !== standard) folded = fold(folded, cell)
    }
    return folded
  }
}

/** Places are mostly consecutive: then one loop is enough. */
function foldPlaces(places: readonly number[]): Fold {
  const begin = places[0] ?? 0
  if (places.every((place, i) => place === begin + i))
    return (hash, cells, at) => foldCells(hash, cells, at + begin, places.length)
  return (hash, cells, at) => {
    let folded = hash
    for (const place of places) folded = fold(folded, cells[at + place]!)
    return folded
  }
}
