/**
 * A file names its columns (docs/FORMAT.md, "Columns are added"). A column that an older file lacks is read as NULL. A column of a newer
 * version has no meaning here, but it is part of the checksum of its row.
 */
import { integer, query, text, type Database, type SqlRow, type SqlValue } from '../sqlite/database.ts'
import { fold, foldCells } from './checksum.ts'
import { TABLES, type TableColumns } from './schema.ts'

/** @param cells of a row, from `at` on. @returns the checksum `hash`, continued with these cells */
export type Fold = (hash: number, cells: SqlRow, at: number) => number

export interface SelectedColumns {
  /** for SELECT: the columns that we know, in our order, then the other columns of the file */
  readonly select: readonly string[]
  /** for cells in the order of `select` */
  readonly fold: Fold
  /** number of columns that every row has; each takes at least one byte in the file */
  readonly minColumns: number
}

/** The result for the last file: most files have the same columns, and a followed file is opened again at each poll. */
const lastRead = new WeakMap<TableColumns, { readonly key: string; readonly columns: SelectedColumns }>()

/** @param ours by default the columns that checksums cover. @throws CorruptRow */
export function columnsIn(
  database: Database,
  table: keyof typeof TABLES,
  ours: TableColumns = TABLES[table],
): SelectedColumns {
  const rows = tableInfo(database, table)
  const key = rows.join()
  const last = lastRead.get(ours)
  if (last?.key === key) return last.columns
  const columns = readAs(rows.map(foundColumn), ours)
  lastRead.set(ours, { key, columns })
  return columns
}

function readAs(found: readonly FoundColumn[], ours: TableColumns): SelectedColumns {
  const names = new Set(found.map(({ name }) => name))
  const others = found.map(({ name }) => name).filter((name) => !isOurs(name, ours))
  return {
    // A missing first column (docs/FORMAT.md) is damage: SQLite reports it.
    select: [
      ...ours.columns.map((name) => (ours.later.includes(name) && !names.has(name) ? 'NULL' : name)),
      ...others.map((name) => `"${name}"`),
    ],
    fold: foldOf([...ours.columns, ...others], found, ours),
    minColumns: ours.columns.length - ours.later.length,
  }
}

/** For writing: cells in the order of our columns. Other columns of the file keep their default, which is in no checksum. */
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

/** The stored columns, in the order of the table. */
export const foundColumns = (database: Database, table: string): readonly FoundColumn[] =>
  tableInfo(database, table).map(foundColumn)

/** cid, name, type, notnull, dflt_value, pk */
const tableInfo = (database: Database, table: string): readonly SqlRow[] =>
  query(database, `PRAGMA table_info("${table}")`).all()

const foundColumn = ([, name, type, notNull, defaultValue, key]: SqlRow): FoundColumn => ({
  name: text(name),
  type: text(type),
  isNullable: notNull === 0,
  default: literal(defaultValue ?? null),
  isKey: integer(key) > 0,
})

/** The value of a DEFAULT; schema-check.ts allows a number, NULL, or text in quotes. */
function literal(sql: SqlValue): SqlValue {
  if (typeof sql !== 'string' || sql === 'NULL') return null
  return sql.startsWith("'") ? sql.slice(1, -1) : Number(sql)
}

const isOurs = (name: string, { columns, keys }: TableColumns): boolean =>
  columns.includes(name) || keys.includes(name)

/**
 * Folds first the columns that every file has, in our order; then the others in the order of the file, each only if it differs from its
 * default. So adding a column changes no checksum of existing rows.
 */
function foldOf(order: readonly string[], found: readonly FoundColumn[], ours: TableColumns): Fold {
  const isFirst = (name: string): boolean => ours.columns.includes(name) && !ours.later.includes(name)
  const first = order.flatMap((name, index) => (isFirst(name) && !ours.keys.includes(name) ? [index] : []))
  const later = found
    .filter(({ name }) => !isFirst(name) && !ours.keys.includes(name) && order.includes(name))
    .map((column) => ({ index: order.indexOf(column.name), defaultValue: column.default }))
  const foldFirst = foldIndexes(first)
  if (later.length === 0) return foldFirst
  return (hash, cells, at) => {
    let folded = foldFirst(hash, cells, at)
    for (const { index, defaultValue } of later) {
      const cell = cells[at + index]!
      if (cell !== defaultValue) folded = fold(folded, cell)
    }
    return folded
  }
}

/** The indexes are mostly consecutive: then one loop is enough. */
function foldIndexes(indexes: readonly number[]): Fold {
  const begin = indexes[0] ?? 0
  if (indexes.every((index, i) => index === begin + i))
    return (hash, cells, at) => foldCells(hash, cells, at + begin, indexes.length)
  return (hash, cells, at) => {
    let folded = hash
    for (const index of indexes) folded = fold(folded, cells[at + index]!)
    return folded
  }
}
