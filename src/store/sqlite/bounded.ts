/**
 * Queries that end, whatever the pages say. A tree of a few pages that point at one another has no end for SQLite, but a file has room for
 * so many rows, and in a table no row comes after one with a greater number.
 */
import { PAGE_SIZE } from './page-size.ts'
import { CorruptRow } from './corrupt-row.ts'
import { integer, query, scalar, type Database, type Query, type SqlRow, type SqlValue } from './database.ts'

/** Bytes that a row takes at least: its length, its number, what its columns are, and the pointer to it. */
const LEAST_ROW = 6

export class BoundedQuery {
  readonly #query: Query
  #limit: number

  /** @param sql with a LIMIT ? as its last parameter; @param leastRow bytes */
  constructor(
    readonly database: Database,
    sql: string,
    readonly leastRow = LEAST_ROW,
  ) {
    this.#query = query(database, sql)
    this.#limit = this.#room()
  }

  /** @throws CorruptRow where there are more rows than the file has room for */
  all(...parameters: SqlValue[]): SqlValue[][] {
    for (;;) {
      const rows = this.#query.all(...parameters, this.#limit)
      if (rows.length < this.#limit) return rows
      this.#raise()
    }
  }

  /** The first cell of the first row, which counts what is limited. @throws as `all` */
  count(...parameters: SqlValue[]): number {
    for (;;) {
      const found = integer(this.#query.get(...parameters, this.#limit)?.[0])
      if (found < this.#limit) return found
      this.#raise()
    }
  }

  /** A recorder may have made the file grow. */
  #raise(): void {
    const room = this.#room()
    if (room <= this.#limit) throw endless()
    this.#limit = room
  }

  #room(): number {
    return Math.ceil((integer(scalar(this.database, 'PRAGMA page_count')) * PAGE_SIZE) / this.leastRow) + 1
  }
}

/** The rows as they come, by their first cell. @throws CorruptRow where one comes again, or out of order */
export function* inOrder(rows: Iterable<SqlRow>): Generator<SqlRow> {
  let last = -Infinity
  for (const row of rows) {
    const number = integer(row[0])
    if (number <= last) throw endless()
    last = number
    yield row
  }
}

const endless = (): CorruptRow => new CorruptRow('the pages of a table repeat themselves')
