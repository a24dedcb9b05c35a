/**
 * Queries that end even on a hostile file. If the pages of a tree form a cycle, SQLite follows them without end. But a file of a given
 * size has a limited number of rows, and the rows of a table come in ascending order of their numbers.
 */
import { CorruptRow } from './corrupt-row.ts'
import {
  integer,
  query,
  scalar,
  text,
  type Database,
  type Query,
  type SqlRow,
  type SqlValue,
} from './database.ts'
import { PAGE_SIZE } from './page-size.ts'

/** The smallest row: payload length, row number, record header, and the cell pointer. */
const MIN_ROW_BYTES = 6

export class BoundedQuery {
  readonly #query: Query
  #limit: number

  /** @param sql with a LIMIT ? as its last parameter; @param minRowBytes of a row in its page */
  constructor(
    readonly database: Database,
    sql: string,
    readonly minRowBytes = MIN_ROW_BYTES,
  ) {
    this.#query = query(database, sql)
    this.#limit = this.#mostRows()
  }

  /** @throws CorruptRow if there are more rows than the file has room for */
  all(...parameters: SqlValue[]): SqlValue[][] {
    for (;;) {
      const rows = this.#query.all(...parameters, this.#limit)
      if (rows.length < this.#limit) return rows
      this.#raiseLimit()
    }
  }

  /**
   * For a query of one cell, the array of its limited rows as JSON: SQLite and JSON.parse take two thirds of the time in which the driver
   * makes value after value. @throws as `all`
   */
  json(...parameters: SqlValue[]): SqlValue[][] {
    for (;;) {
      const rows = parsed(text(this.#query.get(...parameters, this.#limit)?.[0]))
      if (rows.length < this.#limit) return rows
      this.#raiseLimit()
    }
  }

  /** The first cell of the first row, for queries that count limited rows. @throws as `all` */
  count(...parameters: SqlValue[]): number {
    for (;;) {
      const found = integer(this.#query.get(...parameters, this.#limit)?.[0])
      if (found < this.#limit) return found
      this.#raiseLimit()
    }
  }

  /** The file may have grown meanwhile. @throws CorruptRow if it has not */
  #raiseLimit(): void {
    const limit = this.#mostRows()
    if (limit <= this.#limit) throw repeatedPages()
    this.#limit = limit
  }

  #mostRows(): number {
    return Math.ceil((integer(scalar(this.database, 'PRAGMA page_count')) * PAGE_SIZE) / this.minRowBytes) + 1
  }
}

/** Bytes where a number belongs may be JSON in SQLite's binary form. */
function parsed(rows: string): SqlValue[][] {
  const cells = JSON.parse(rows) as unknown[][]
  const isCell = (cell: unknown): boolean =>
    typeof cell === 'number' || typeof cell === 'string' || cell === null
  if (!cells.every((row) => row.every(isCell))) throw new CorruptRow('a cell is neither a number nor text')
  return cells as SqlValue[][]
}

/** The same rows. @throws CorruptRow if their first cells do not ascend */
export function* inOrder(rows: Iterable<SqlRow>): Generator<SqlRow> {
  let last = -Infinity
  for (const row of rows) {
    const number = integer(row[0])
    if (number <= last) throw repeatedPages()
    last = number
    yield row
  }
}

const repeatedPages = (): CorruptRow => new CorruptRow('the pages of a table repeat themselves')
