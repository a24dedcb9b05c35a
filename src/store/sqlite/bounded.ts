/**
 * Queries that end even on a hostile file. SQLite follows a tree whose pages point at one another without end. But a file of a given
 * size holds a limited number of rows, and the rows of a table come in ascending order of their numbers.
 */
import { CorruptRow } from './corrupt-row.ts'
import { integer, query, scalar, type Database, type Query, type SqlRow, type SqlValue } from './database.ts'
import { PAGE_SIZE } from './page-size.ts'

/** The smallest row, bytes: payload length, row number, record header, and the cell pointer. */
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

  /** The first cell of the first row, for queries that count limited rows. @throws as `all` */
  count(...parameters: SqlValue[]): number {
    for (;;) {
      const found = integer(this.#query.get(...parameters, this.#limit)?.[0])
      if (found < this.#limit) return found
      this.#raise()
    }
  }

  /** The file may have grown meanwhile. @throws CorruptRow where it has not */
  #raise(): void {
    const room = this.#room()
    if (room <= this.#limit) throw endless()
    this.#limit = room
  }

  #room(): number {
    return Math.ceil((integer(scalar(this.database, 'PRAGMA page_count')) * PAGE_SIZE) / this.leastRow) + 1
  }
}

/** Passes rows on and checks that their first cells ascend. @throws CorruptRow where they do not */
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
