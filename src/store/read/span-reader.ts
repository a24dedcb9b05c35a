/** Reads the rows of one span and computes their checksum: the inverse of span-writer.ts. */
import type {
  Codes,
  ConnectionRow,
  Counts,
  TrafficRow,
  ConnectionCounts,
  WireRow,
} from '../../frame/model/frame.ts'
import { readConnection, readCounts } from '../format/cells.generated.ts'
import { fold, SEED } from '../format/checksum.ts'
import { columnsIn, type Fold } from '../format/columns.ts'
import { checkCode, checkCount } from '../format/limits.ts'
import { count } from '../format/rows.ts'
import { FIRST_WITH_WIRES, ROWS_PER_TICK } from '../format/schema.ts'
import { formatOf } from '../format/upgrade.ts'
import type { DimensionReader } from '../names/dimensions.ts'
import { BoundedQuery } from '../sqlite/bounded.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { integer, type Database, type SqlRow } from '../sqlite/database.ts'

export interface SpanRows {
  readonly traffic: readonly TrafficRow[]
  readonly connections: readonly ConnectionRow[]
  /** null: unknown */
  readonly wires: readonly WireRow[] | null
  readonly hash: number
}

interface RawRows {
  readonly traffic: readonly SqlRow[]
  readonly status: readonly SqlRow[]
  readonly connection: readonly SqlRow[]
  readonly wire: readonly SqlRow[]
}

interface Rows {
  readonly query: BoundedQuery
  readonly fold: Fold
}

export class SpanReader {
  readonly #traffic: Rows
  readonly #status: Rows
  readonly #connection: Rows
  /** null: files of format 1 have none */
  readonly #wire: Rows | null

  constructor(
    database: Database,
    prefix: '' | 'minute_',
    readonly names: DimensionReader,
  ) {
    const rows = (
      table: 'traffic' | 'status' | 'connection' | 'wire_traffic',
      keys: readonly string[],
    ): Rows => {
      const name = `${prefix}${table}` as const
      const { select, fold, minColumns } = columnsIn(database, name)
      const sql = `SELECT ${[...keys, ...select].join(',')} FROM ${name} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`
      return { query: new BoundedQuery(database, sql, keys.length + minColumns), fold }
    }
    this.#traffic = rows('traffic', ['backend', 'route'])
    this.#status = rows('status', ['backend', 'route'])
    this.#connection = rows('connection', ['backend'])
    this.#wire = formatOf(database) < FIRST_WITH_WIRES ? null : rows('wire_traffic', ['backend', 'wire'])
  }

  /** @param wires the number of its wire rows; null: unknown */
  read(span: number, wires: number | null): SpanRows {
    const raw = this.#raw(span, wires)
    const codes = new CodeCursor(raw.status)
    return {
      traffic: raw.traffic.map((row) => ({
        backend: this.names.backend(integer(row[0])).value,
        route: this.names.route(integer(row[1])).value,
        ...this.#counts(row, codes),
      })),
      connections: raw.connection.map((row) => ({
        backend: this.names.backend(integer(row[0])).value,
        ...connectionCounts(row),
      })),
      wires: wires === null ? null : raw.wire.map((row) => this.#wireRow(row)),
      hash: this.#hashOf(raw),
    }
  }

  /** Only the checksum. */
  hash(span: number, wires: number | null): number {
    return this.#hashOf(this.#raw(span, wires))
  }

  /** Most spans have no wire rows: then their table is not read. */
  #raw(span: number, wires: number | null): RawRows {
    const [from, beyond] = [span * ROWS_PER_TICK, (span + 1) * ROWS_PER_TICK]
    return {
      traffic: this.#traffic.query.all(from, beyond),
      status: this.#status.query.all(from, beyond),
      connection: this.#connection.query.all(from, beyond),
      wire: wires === null || wires === 0 ? [] : (this.#wire?.query.all(from, beyond) ?? []),
    }
  }

  #hashOf({ traffic, status, connection, wire }: RawRows): number {
    let hash = SEED
    for (const row of traffic) hash = this.#traffic.fold(this.#foldKeys(hash, row), row, 2)
    for (const row of status) hash = this.#status.fold(this.#foldKeys(hash, row), row, 2)
    for (const row of connection) hash = this.#connection.fold(this.#foldBackend(hash, row), row, 1)
    for (const row of wire) hash = this.#wire!.fold(this.#foldWire(hash, row), row, 2)
    return hash
  }

  #counts(row: SqlRow, codes: CodeCursor): Counts {
    return readCounts(row, 2, codes.of(integer(row[0]), integer(row[1])))
  }

  #wireRow(row: SqlRow): WireRow {
    return {
      backend: this.names.backend(integer(row[0])).value,
      wire: this.names.wire(integer(row[1])).value,
      connects: count(row[2]),
      requests: count(row[3]),
      failures: count(row[4]),
    }
  }

  #foldWire(hash: number, row: SqlRow): number {
    return fold(this.#foldBackend(hash, row), this.names.wire(integer(row[1])).hash)
  }

  #foldBackend(hash: number, row: SqlRow): number {
    return fold(hash, this.names.backend(integer(row[0])).hash)
  }

  #foldKeys(hash: number, row: SqlRow): number {
    return fold(this.#foldBackend(hash, row), this.names.route(integer(row[1])).hash)
  }
}

const connectionCounts = (row: SqlRow): ConnectionCounts => readConnection(row, 1)

/** Traffic and status rows have the same order, so the next status rows are those of the traffic row. */
class CodeCursor {
  #at = 0
  constructor(readonly rows: readonly SqlRow[]) {}

  of(backend: number, route: number): Codes {
    if (this.#at >= this.rows.length) return NO_CODES
    const codes: number[] = []
    for (; this.#at < this.rows.length; this.#at++) {
      const row = this.rows[this.#at]!
      if (row[0] !== backend || row[1] !== route) break
      const code = checkCode(integer(row[2]))
      if (code <= (codes.at(-2) ?? 0)) throw new CorruptRow('status codes are out of order')
      codes.push(code, checkCount(integer(row[3])))
    }
    return codes
  }
}

const NO_CODES: Codes = []
