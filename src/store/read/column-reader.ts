/**
 * The rows of several ticks by column, for exports: four statements for many ticks, and no object a row. What it returns is what the
 * frames of these ticks are; for all that is not whole and of today's format it returns null, and frames are read instead.
 */
import type { RequestEvent, WireRow } from '../../frame/model/frame.ts'
import type { SeqRange } from '../../frame/model/recording.ts'
import type { RowColumns, TickColumns, TickHead } from '../../frame/model/tick-columns.ts'
import { fold, SEED } from '../format/checksum.ts'
import { unpackRequests, type Names } from '../format/chunk.ts'
import { columnsIn, type Fold } from '../format/columns.ts'
import {
  bucketsOf,
  bytesOfHex,
  classesOf,
  codesOf,
  grpcOf,
  numbersOf,
  type ByTick,
} from '../format/number-columns.ts'
import { count } from '../format/rows.ts'
import { FORMAT, ROWS_PER_TICK, TABLES } from '../format/schema.ts'
import { tickHead, TickRows, wiresOfTick } from '../format/tick-row.ts'
import { formatOf } from '../format/upgrade.ts'
import type { DimensionReader } from '../names/dimensions.ts'
import { BoundedQuery } from '../sqlite/bounded.ts'
import {
  bytes,
  integer,
  nullIfDamaged,
  query,
  type Database,
  type Query,
  type SqlRow,
} from '../sqlite/database.ts'

/** Ticks and traffic rows that are read at once: some megabytes of cells. */
const MOST_TICKS = 128
const MOST_ROWS = 1024

export class ColumnReader {
  readonly #database: Database
  readonly #names: DimensionReader
  #tables: Tables | null = null
  /** that were read at once the last time */
  #lastTicks = MOST_TICKS

  constructor(database: Database, names: DimensionReader) {
    this.#database = database
    this.#names = names
  }

  /** The first ticks of the range. null: the first ones are not whole, or of an older format */
  read({ from, to }: SeqRange): TickColumns | null {
    return nullIfDamaged(() => {
      if (formatOf(this.#database) !== FORMAT) return null
      const tables = (this.#tables ??= tablesOf(this.#database))
      let ticks = Math.min(to - from, MOST_TICKS, 2 * this.#lastTicks)
      while (ticks > 1 && rowsIn(tables, from, from + ticks) > MOST_ROWS) ticks = ticks >> 1
      this.#lastTicks = ticks
      return this.#read(tables, from, from + ticks)
    })
  }

  #read(tables: Tables, from: number, to: number): TickColumns | null {
    const ticks = tables.tick.all(from, to).map((row) => tables.ticks.cellsOf(row))
    if (ticks.length !== to - from || ticks.some((cells, i) => cells[0] !== from + i)) return null
    const rowsOf = ({ query, blobs }: Rows): SqlRow[] => {
      const rows = query.json(from * ROWS_PER_TICK, to * ROWS_PER_TICK)
      // In place: checksums and histograms take a list of bytes for a Buffer.
      for (const row of rows)
        for (const at of blobs) row[at] = bytesOfHex(row[at]) as unknown as Buffer | null
      return rows
    }
    const raw: Raw = {
      ticks,
      traffic: byTick(rowsOf(tables.traffic), from, to),
      status: byTick(rowsOf(tables.status), from, to),
      connection: byTick(rowsOf(tables.connection), from, to),
      wire: byTick(ticks.some(hasWires) ? rowsOf(tables.wire) : [], from, to),
      chunks: ticks.map((cells) => tables.chunk.get(cells[0]!) ?? null),
    }
    return ticks.every((_, i) => this.#isWhole(tables, raw, i)) ? this.#columns(raw) : null
  }

  /** As SpanReader computes it. */
  #isWhole(tables: Tables, { ticks, traffic, status, connection, wire, chunks }: Raw, i: number): boolean {
    const { backend, route, wire: wireOf } = this.#names
    let hash = SEED
    const foldAll = (
      { fold: foldRow }: Rows,
      { rows, ends }: ByTick,
      second: ((id: number) => { readonly hash: number }) | null,
    ): void => {
      for (let at = startOf(ends, i); at < ends[i]!; at++) {
        const row = rows[at]!
        hash = fold(hash, backend(integer(row[1])).hash)
        if (second !== null) hash = fold(hash, second(integer(row[2])).hash)
        hash = foldRow(hash, row, second === null ? 2 : 3)
      }
    }
    foldAll(tables.traffic, traffic, route)
    foldAll(tables.status, status, route)
    foldAll(tables.connection, connection, null)
    if (hasWires(ticks[i]!)) foldAll(tables.wire, wire, wireOf)
    const chunk = chunks[i]
    return tables.ticks.matchesChecksum(ticks[i]!, chunk === null ? hash : fold(hash, bytes(chunk![0])))
  }

  #columns({ ticks, traffic, status, connection, wire, chunks }: Raw): TickColumns {
    const heads = ticks.map(tickHead)
    const counts = numbersOf(traffic.rows, TRAFFIC, 3)
    const codes = codesOf(traffic, status, counts.status_2xx!)
    return {
      heads,
      traffic: {
        ...this.#rows(traffic),
        route: traffic.rows.map((row) => this.#names.route(row[2] as number).value),
        numbers: { ...counts, ...classesOf(codes) },
        pairs: {
          codes,
          grpc: grpcOf(traffic.rows, 3 + TRAFFIC.indexOf('grpc')),
          header: bucketsOf(traffic.rows, 3 + TRAFFIC.indexOf('header_buckets')),
          total: bucketsOf(traffic.rows, 3 + TRAFFIC.indexOf('total_buckets')),
        },
      },
      connections: {
        ...this.#rows(connection),
        numbers: numbersOf(connection.rows, CONNECTION, 2),
        pairs: { connect: bucketsOf(connection.rows, 2 + CONNECTION.indexOf('connect_buckets')) },
      },
      wires: ticks.map((cells, i) => this.#wires(cells, wire, i)),
      requests: heads.map((head, i) => this.#requests(head, chunks[i]!)),
    }
  }

  #rows({ rows, ends }: ByTick): Pick<RowColumns, 'perTick' | 'backend'> {
    return {
      perTick: ends.map((end, i) => end - startOf(ends, i)),
      backend: rows.map((row) => this.#names.backend(row[1] as number).value),
    }
  }

  #wires(cells: SqlRow, { rows, ends }: ByTick, i: number): readonly WireRow[] | null {
    if (wiresOfTick(cells) === null) return null
    if (!hasWires(cells)) return []
    return rows.slice(startOf(ends, i), ends[i]).map((row) => ({
      backend: this.#names.backend(integer(row[1])).value,
      wire: this.#names.wire(integer(row[2])).value,
      connects: count(row[3]),
      requests: count(row[4]),
      failures: count(row[5]),
    }))
  }

  #requests({ start }: TickHead, chunk: SqlRow | null): readonly RequestEvent[] {
    if (chunk === null) return []
    const names: Names = {
      backend: (id) => this.#names.backend(id).value,
      route: (id) => this.#names.route(id).value,
    }
    return unpackRequests(bytes(chunk[0]), integer(chunk[1]), start, names)
  }
}

const TRAFFIC = TABLES.traffic.columns
const CONNECTION = TABLES.connection.columns

const hasWires = (cells: SqlRow): boolean => (wiresOfTick(cells) ?? 0) > 0

interface Raw {
  /** cells of TickRows.cellsOf */
  readonly ticks: readonly SqlRow[]
  readonly traffic: ByTick
  readonly status: ByTick
  readonly connection: ByTick
  readonly wire: ByTick
  readonly chunks: readonly (SqlRow | null)[]
}

interface Rows {
  readonly query: BoundedQuery
  readonly fold: Fold
  /** the cells that are read as hex */
  readonly blobs: readonly number[]
}

interface Tables {
  readonly ticks: TickRows
  readonly tick: BoundedQuery
  readonly count: Query
  readonly traffic: Rows
  readonly status: Rows
  readonly connection: Rows
  readonly wire: Rows
  readonly chunk: Query
}

function tablesOf(database: Database): Tables {
  const rows = (
    table: 'traffic' | 'status' | 'connection' | 'wire_traffic',
    keys: readonly string[],
  ): Rows => {
    const { select, fold, minColumns } = columnsIn(database, table)
    const cells = ['id', ...keys, ...select]
    const isBlob = (column: string): boolean => column.endsWith('_buckets')
    const columns = cells.map((column) => (isBlob(column) ? `hex(${column})` : column)).join(',')
    const blobs = cells.flatMap((column, i) => (isBlob(column) ? [i] : []))
    const limited = `SELECT * FROM ${table} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`
    const sql = `SELECT json_group_array(json_array(${columns})) FROM (${limited})`
    return { query: new BoundedQuery(database, sql, keys.length + minColumns), fold, blobs }
  }
  const ticks = new TickRows(database)
  return {
    ticks,
    tick: new BoundedQuery(
      database,
      `SELECT ${ticks.select} FROM tick WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?`,
    ),
    count: query(
      database,
      `SELECT count(*) FROM (SELECT 1 FROM traffic WHERE id >= ? AND id < ? LIMIT ${MOST_ROWS + 1})`,
    ),
    traffic: rows('traffic', ['backend', 'route']),
    status: rows('status', ['backend', 'route']),
    connection: rows('connection', ['backend']),
    wire: rows('wire_traffic', ['backend', 'wire']),
    chunk: query(database, 'SELECT packed, n FROM request_chunk WHERE tick = ?'),
  }
}

/** Counting takes a fiftieth of reading. */
const rowsIn = ({ count: counting }: Tables, from: number, to: number): number =>
  integer(counting.get(from * ROWS_PER_TICK, to * ROWS_PER_TICK)?.[0])

/** @param rows of the ticks [from, to), in the order of their ids, which are their first cells */
function byTick(rows: readonly SqlRow[], from: number, to: number): ByTick {
  const ends: number[] = []
  let end = 0
  for (let seq = from; seq < to; seq++) {
    while (end < rows.length && integer(rows[end]![0]) < (seq + 1) * ROWS_PER_TICK) end++
    ends.push(end)
  }
  return { rows, ends }
}

const startOf = (ends: readonly number[], i: number): number => (i === 0 ? 0 : ends[i - 1]!)
