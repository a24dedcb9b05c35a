/** The rows of one span: of a tick into traffic, status, connection; of a minute into the tables named minute_…. */
import type { ConnectionCounts } from '../frame/aggregate.ts'
import type { ConnectionRow, TrafficRow } from '../frame/frame.ts'
import { BulkInsert } from './bulk.ts'
import { fold, foldCells, SEED } from './checksum.ts'
import type { Database } from './database.ts'
import type { DimensionWriter, Named } from './dimensions.ts'
import { putConnection, putCounts } from './rows.ts'
import { CONNECTION_COLUMNS, COUNT_COLUMNS, MINUTE_ROWS, ROWS } from './schema.ts'

interface NamedTraffic {
  readonly backend: Named
  readonly route: Named
  readonly counts: TrafficRow
}

export class SpanWriter {
  readonly #traffic: BulkInsert
  readonly #status: BulkInsert
  readonly #connection: BulkInsert
  readonly #firstRow: number

  constructor(
    database: Database,
    prefix: '' | 'minute_',
    readonly names: DimensionWriter,
  ) {
    this.#firstRow = prefix === '' ? 0 : MINUTE_ROWS
    const key = ['id', 'backend', 'route']
    this.#traffic = new BulkInsert(database, `${prefix}traffic`, [...key, ...COUNT_COLUMNS])
    this.#status = new BulkInsert(database, `${prefix}status`, [...key, 'code', 'answers'])
    this.#connection = new BulkInsert(database, `${prefix}connection`, [
      'id',
      'backend',
      ...CONNECTION_COLUMNS,
    ])
  }

  /** In the order of the keys. Returns the checksum of what was written. @param visit sees each row while it is at hand */
  write(
    span: number,
    traffic: readonly TrafficRow[],
    connections: readonly ConnectionRow[],
    visit: (row: TrafficRow) => void = () => undefined,
  ): number {
    const first = span * ROWS + this.#firstRow
    const rows = this.#named(traffic)
    let hash = SEED
    let id = first
    for (const row of rows) {
      hash = this.#putTraffic(hash, id++, row)
      visit(row.counts)
    }
    this.#traffic.flush()
    id = first
    for (const row of rows) {
      const { codes } = row.counts
      if (codes.length === 0 || (codes.length === 2 && codes[0] === 200)) continue
      hash = this.#putCodes(hash, id, row)
      id += codes.length >> 1
    }
    this.#status.flush()
    id = first
    for (const { backend, counts } of this.#namedConnections(connections)) {
      hash = this.#putConnection(hash, id++, backend, counts)
    }
    this.#connection.flush()
    return hash
  }

  #named(traffic: readonly TrafficRow[]): readonly NamedTraffic[] {
    const { names } = this
    const rows = traffic.map((counts) => ({
      backend: names.backend(counts.backend),
      route: names.route(counts.route),
      counts,
    }))
    return rows.sort((a, b) => a.backend.id - b.backend.id || a.route.id - b.route.id)
  }

  #namedConnections(
    connections: readonly ConnectionRow[],
  ): readonly { readonly backend: Named; readonly counts: ConnectionRow }[] {
    return connections
      .map((counts) => ({ backend: this.names.backend(counts.backend), counts }))
      .sort((a, b) => a.backend.id - b.backend.id)
  }

  discard(): void {
    for (const insert of [this.#traffic, this.#status, this.#connection]) insert.discard()
  }

  #putTraffic(hash: number, id: number, { backend, route, counts }: NamedTraffic): number {
    const { cells, at } = this.#traffic
    cells[at] = id
    cells[at + 1] = backend.id
    cells[at + 2] = route.id
    putCounts(cells, at + 3, counts)
    this.#traffic.next()
    return foldCells(foldKeys(hash, backend, route), cells, at + 3, COUNT_COLUMNS.length)
  }

  #putCodes(hash: number, first: number, { backend, route, counts: { codes } }: NamedTraffic): number {
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

  #putConnection(hash: number, id: number, backend: Named, counts: ConnectionCounts): number {
    const { cells, at } = this.#connection
    cells[at] = id
    cells[at + 1] = backend.id
    putConnection(cells, at + 2, counts)
    this.#connection.next()
    return foldCells(fold(hash, backend.hash), cells, at + 2, CONNECTION_COLUMNS.length)
  }
}

const foldKeys = (hash: number, backend: Named, route: Named): number =>
  fold(fold(hash, backend.hash), route.hash)
