/**
 * Ticks whose rows SQLite no longer finds, put together from the rows that lie in the pages. A row of a tick never changes once it
 * is committed, so any copy of it is the row; the tick's checksum says whether all of them were found.
 */
import { isRefusal, openScratch, type Database, type SqlValue, type Statement } from './database.ts'
import { pageSource, pagesOf, rowsOfPage, type RawRow } from './pages.ts'
import { CONNECTION_COLUMNS, COUNT_COLUMNS, PAGE_SIZE, SCHEMA, TICK_COLUMNS } from './schema.ts'

/** By the number of its columns a row tells where it belongs; a minute's rows look like a tick's. */
const TABLES = new Map<number, readonly string[]>([
  [TICK_COLUMNS.length, ['tick']],
  [3 + COUNT_COLUMNS.length, ['traffic', 'minute_traffic']],
  [2 + CONNECTION_COLUMNS.length, ['connection', 'minute_connection']],
  [5, ['status', 'minute_status']],
  [4, ['backend']],
  [3, ['route', 'request_chunk']],
])

/** A database in memory with whatever rows of the wanted ticks lie in the file. @param file its bytes or its path */
export function recoverTicks(file: Buffer | string, isWanted: (tick: number) => boolean): Database {
  const database = openScratch()
  database.exec(SCHEMA)
  const insert = inserter(database)
  const source = pageSource(file, PAGE_SIZE)
  try {
    database.transaction(() => {
      for (const [number, page] of pagesOf(file, PAGE_SIZE))
        insertPage([...rowsOfPage(page, number, source.page)], isWanted, insert)
    })()
  } finally {
    source.close()
  }
  return database
}

type Insert = (table: string, values: readonly SqlValue[]) => void

function insertPage(rows: readonly RawRow[], isWanted: (tick: number) => boolean, insert: Insert): void {
  const isMinutes = jumps(rows)
  for (const row of rows) {
    const tables = TABLES.get(row.columns)
    if (tables === undefined) continue
    if (row.rowid !== null) insertRowid(row, tables, isWanted, insert)
    else if (!isMinutes && typeof row.first === 'number' && isWanted(row.first))
      insert(tables[0]!, row.values())
  }
}

function insertRowid(
  row: RawRow,
  tables: readonly string[],
  isWanted: (tick: number) => boolean,
  insert: Insert,
): void {
  const [, second, third] = row.values()
  const values = [row.rowid, ...row.values().slice(1)]
  if (row.columns === 3) {
    const isChunk = Buffer.isBuffer(third)
    if (isChunk && !isWanted(row.rowid!)) return
    if (isChunk || typeof second === 'string') insert(isChunk ? 'request_chunk' : 'route', values)
  } else if (row.columns === 4) {
    if (typeof second === 'string') insert('backend', values)
  } else if (tables[0] === 'tick' && isWanted(row.rowid!)) insert('tick', values)
}

/** On a page of ticks the key goes up by ones, on one of minutes by sixties. */
function jumps(rows: readonly RawRow[]): boolean {
  const keys = [...new Set(rows.map(({ first }) => Number(first)))]
  return keys.length > 1 && keys.every((key, i) => i === 0 || key - keys[i - 1]! > 30)
}

/** What is no row of that table after all (a marker looks like a backend) is refused by its STRICT types. */
function inserter(database: Database): Insert {
  const statements = new Map<string, Statement>()
  return (table, values) => {
    let statement = statements.get(table)
    if (statement === undefined) {
      statement = database.prepare(
        `INSERT OR IGNORE INTO ${table} VALUES (${values.map(() => '?').join(',')})`,
      )
      statements.set(table, statement)
    }
    try {
      statement.run(...values)
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
  }
}
