/** Writes the rows of one span: of a tick into traffic, status, connection and wire_traffic; of a minute into the tables named minute_…. */
import type {
  Backend,
  Counts,
  Route,
  ConnectionCounts,
  WireCounts,
  WireRow,
} from '../../frame/model/frame.ts'
import { writeConnection, writeCounts } from '../format/cells.generated.ts'
import { fold, foldCells, SEED } from '../format/checksum.ts'
import { CONNECTION_COLUMNS, COUNT_COLUMNS, RARE_COLUMNS } from '../format/columns.generated.ts'
import { foldWritten, type Fold } from '../format/columns.ts'
import { FIRST_MINUTE_ROW, ROWS_PER_TICK, WIRE_COLUMNS } from '../format/schema.ts'
import type { DimensionWriter } from '../names/dimensions.ts'
import type { Named } from '../names/known-names.ts'
import { BulkInsert } from '../sqlite/bulk.ts'
import type { Database } from '../sqlite/database.ts'

export interface NamedTraffic {
  readonly backend: Named
  readonly route: Named
  readonly counts: Counts
}

export interface NamedConnection {
  readonly backend: Named
  readonly counts: ConnectionCounts
}

export interface NamedWire {
  readonly backend: Named
  readonly wire: Named
  readonly counts: WireCounts
}

/** The rows of a span. */
export interface NamedRows {
  readonly traffic: NamedTraffic[]
  readonly connections: NamedConnection[]
  /** empty also where they are unknown */
  readonly wires: NamedWire[]
}

export class SpanWriter {
  readonly #traffic: BulkInsert
  readonly #status: BulkInsert
  readonly #connection: BulkInsert
  readonly #wire: BulkInsert
  readonly #foldTraffic: Fold
  readonly #foldConnection: Fold
  readonly #firstRow: number

  constructor(
    database: Database,
    prefix: '' | 'minute_',
    readonly names: DimensionWriter,
  ) {
    this.#firstRow = prefix === '' ? 0 : FIRST_MINUTE_ROW
    const key = ['id', 'backend', 'route']
    this.#traffic = new BulkInsert(database, `${prefix}traffic`, [...key, ...COUNT_COLUMNS], RARE_COLUMNS)
    this.#status = new BulkInsert(database, `${prefix}status`, [...key, 'code', 'answers'])
    this.#connection = new BulkInsert(database, `${prefix}connection`, [
      'id',
      'backend',
      ...CONNECTION_COLUMNS,
    ])
    this.#wire = new BulkInsert(database, `${prefix}wire_traffic`, ['id', 'backend', 'wire', ...WIRE_COLUMNS])
    this.#foldTraffic = foldWritten(database, `${prefix}traffic`)
    this.#foldConnection = foldWritten(database, `${prefix}connection`)
  }

  named = (backend: Backend, route: Route, counts: Counts): NamedTraffic => ({
    backend: this.names.backend(backend),
    route: this.names.route(route),
    counts,
  })

  namedConnection = (backend: Backend, counts: ConnectionCounts): NamedConnection => ({
    backend: this.names.backend(backend),
    counts,
  })

  namedWire = (row: WireRow): NamedWire => ({
    backend: this.names.backend(row.backend),
    wire: this.names.wire(row.wire),
    counts: row,
  })

  /** Sorts the lists by their keys. Returns the checksum of the written rows. @param visit is called for each traffic row */
  write(
    span: number,
    { traffic: rows, connections, wires }: NamedRows,
    visit: (row: NamedTraffic) => void = () => undefined,
  ): number {
    rows.sort((a, b) => a.backend.id - b.backend.id || a.route.id - b.route.id)
    connections.sort((a, b) => a.backend.id - b.backend.id)
    const first = span * ROWS_PER_TICK + this.#firstRow
    let hash = SEED
    let id = first
    for (const row of rows) {
      hash = this.#writeTraffic(hash, id++, row)
      visit(row)
    }
    this.#traffic.flush()
    id = first
    for (const row of rows) {
      const { codes } = row.counts
      if (codes.length === 0 || (codes.length === 2 && codes[0] === 200)) continue
      hash = this.#writeCodes(hash, id, row)
      id += codes.length >> 1
    }
    this.#status.flush()
    id = first
    for (const { backend, counts } of connections) {
      hash = this.#writeConnection(hash, id++, backend, counts)
    }
    this.#connection.flush()
    return wires.length === 0 ? hash : this.#writeWires(hash, first, wires)
  }

  discard(): void {
    for (const insert of [this.#traffic, this.#status, this.#connection, this.#wire]) insert.discard()
  }

  #writeTraffic(hash: number, id: number, { backend, route, counts }: NamedTraffic): number {
    const { cells, at } = this.#traffic
    cells[at] = id
    cells[at + 1] = backend.id
    cells[at + 2] = route.id
    writeCounts(cells, at + 3, counts)
    this.#traffic.next()
    return this.#foldTraffic(foldKeys(hash, backend, route), cells, at + 3)
  }

  #writeCodes(hash: number, first: number, { backend, route, counts: { codes } }: NamedTraffic): number {
    let folded = hash
    for (let i = 0; i < codes.length; i += 2) {
      if (codes[i] === 200) continue
      const { cells, at } = this.#status
      cells[at] = first + (i >> 1)
      cells[at + 1] = backend.id
      cells[at + 2] = route.id
      cells[at + 3] = codes[i]!
      cells[at + 4] = codes[i + 1]!
      this.#status.next()
      folded = foldCells(foldKeys(folded, backend, route), cells, at + 3, 2)
    }
    return folded
  }

  #writeConnection(hash: number, id: number, backend: Named, counts: ConnectionCounts): number {
    const { cells, at } = this.#connection
    cells[at] = id
    cells[at + 1] = backend.id
    writeConnection(cells, at + 2, counts)
    this.#connection.next()
    return this.#foldConnection(fold(hash, backend.hash), cells, at + 2)
  }

  #writeWires(hash: number, first: number, wires: NamedWire[]): number {
    wires.sort((a, b) => a.backend.id - b.backend.id || a.wire.id - b.wire.id)
    let folded = hash
    wires.forEach(({ backend, wire, counts: { connects, requests, failures } }, i) => {
      const { cells, at } = this.#wire
      ;[first + i, backend.id, wire.id, connects, requests, failures].forEach(
        (cell, column) => (cells[at + column] = cell),
      )
      this.#wire.next()
      folded = foldCells(fold(fold(folded, backend.hash), wire.hash), cells, at + 3, WIRE_COLUMNS.length)
    })
    this.#wire.flush()
    return folded
  }
}

const foldKeys = (hash: number, backend: Named, route: Named): number =>
  fold(fold(hash, backend.hash), route.hash)
