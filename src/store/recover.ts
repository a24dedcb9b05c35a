/**
 * Ticks whose rows SQLite no longer finds, put together from the rows that lie in the pages. A row of a tick never changes once it
 * is committed, so any copy of it is the row; the tick's checksum says whether all of them were found.
 */
import { isRefusal, openScratch, type Database, type SqlValue, type Statement } from './database.ts'
import { MAX_SEQ } from './limits.ts'
import { allPages, openPages, rowsOfPage, type RawRow } from './pages.ts'
import { FORMAT, MINUTE_ROWS, PAGE_SIZE, ROWS, SCHEMA, TICK_COLUMNS } from './schema.ts'
import { CONNECTION_COLUMNS, COUNT_COLUMNS } from './generated/columns.ts'

interface Home {
  readonly table: string
  /** the columns as they are stored */
  readonly columns: readonly string[]
  readonly tickOf: (rowid: number) => number | null
}

/** Rows of a minute are not wanted: they can be summed again. */
const tickOfRow = (id: number): number | null => (id % ROWS < MINUTE_ROWS ? Math.floor(id / ROWS) : null)
const itself = (id: number): number => id

/** By the number of its columns a row tells where it belongs. */
const HOMES: ReadonlyMap<number, readonly Home[]> = new Map([
  [TICK_COLUMNS.length, [{ table: 'tick', columns: TICK_COLUMNS, tickOf: itself }]],
  [
    3 + COUNT_COLUMNS.length,
    [{ table: 'traffic', columns: ['id', 'backend', 'route', ...COUNT_COLUMNS], tickOf: tickOfRow }],
  ],
  [
    2 + CONNECTION_COLUMNS.length,
    [{ table: 'connection', columns: ['id', 'backend', ...CONNECTION_COLUMNS], tickOf: tickOfRow }],
  ],
  [5, [{ table: 'status', columns: ['id', 'backend', 'route', 'code', 'answers'], tickOf: tickOfRow }]],
  [
    4,
    [
      { table: 'backend', columns: ['id', 'address', 'netns', 'name'], tickOf: () => null },
      { table: 'marker', columns: ['id', 'at', 'kind', 'text'], tickOf: () => null },
    ],
  ],
  [2, [{ table: 'meta', columns: ['key', 'value'], tickOf: () => null }]],
  [
    3,
    [
      { table: 'request_chunk', columns: ['tick', 'n', 'packed'], tickOf: itself },
      { table: 'route', columns: ['id', 'method', 'path'], tickOf: () => null },
    ],
  ],
])

/** A database in memory with whatever rows of the wanted ticks lie in the file. @param file its bytes or its path */
export function recoverTicks(file: Buffer | string, isWanted: (tick: number) => boolean): Database {
  const database = openScratch()
  database.exec(SCHEMA)
  database.pragma(`user_version = ${FORMAT}`)
  const insert = inserter(database)
  const pages = openPages(file, PAGE_SIZE)
  try {
    database.transaction(() => {
      for (const [number, page] of allPages(pages))
        for (const row of rowsOfPage(page, number, pages)) insertRow(row, isWanted, insert)
    })()
  } finally {
    pages.close()
  }
  return database
}

/** Their rows belong to no tick. */
const NAMES: ReadonlySet<string> = new Set(['backend', 'route', 'marker'])

type Insert = (home: Home, values: readonly SqlValue[]) => void

function insertRow(row: RawRow, isWanted: (tick: number) => boolean, insert: Insert): void {
  if (row.rowid >= MAX_SEQ * ROWS) return
  for (const home of HOMES.get(row.columns) ?? []) {
    const tick = home.tickOf(row.rowid)
    if (home.table === 'meta') insert(home, row.values())
    else if (NAMES.has(home.table) || (tick !== null && isWanted(tick))) {
      insert(home, [row.rowid, ...row.values().slice(1)])
    }
  }
}

/** What is no row of that table after all (a marker looks like a backend) is refused by its STRICT types. */
function inserter(database: Database): Insert {
  const statements = new Map<string, Statement>()
  return ({ table, columns }, values) => {
    let statement = statements.get(table)
    if (statement === undefined) {
      const places = columns.map(() => '?').join(',')
      statement = database.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(',')}) VALUES (${places})`)
      statements.set(table, statement)
    }
    try {
      statement.run(...values)
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
  }
}
