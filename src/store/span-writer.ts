/** The rows of one span: of a tick into traffic, status, connection; of a minute into the tables named minute_…. */
import type { ConnectionCounts } from '../frame/aggregate.ts'
import type { Backend, Counts, Route } from '../frame/frame.ts'
import { BulkInsert } from './bulk.ts'
import { fold, SEED } from './checksum.ts'
import type { Database, SqlValue } from './database.ts'
import type { DimensionWriter, Named } from './dimensions.ts'
import { putConnection, putCounts } from './rows.ts'
import { CONNECTION_COLUMNS, COUNT_COLUMNS, MINUTE_ROWS, ROWS } from './schema.ts'

export type TrafficEntry = readonly [backend: Backend, route: Route, counts: Counts]
export type ConnectionEntry = readonly [backend: Backend, counts: ConnectionCounts]

interface NamedTraffic {
  readonly backend: Named
  readonly route: Named
  readonly counts: Counts
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

  /** In the order of the keys: that fills the pages best. Returns the checksum of what was written. */
  write(span: number, traffic: readonly TrafficEntry[], connections: readonly ConnectionEntry[]): number {
    const rows = traffic
      .map(([backend, route, counts]) => ({
        backend: this.names.backend(backend),
        route: this.names.route(route),
        counts,
      }))
      .sort((a, b) => a.backend.id - b.backend.id || a.route.id - b.route.id)
    const first = span * ROWS + this.#firstRow
    let hash = SEED
    for (const [i, row] of rows.entries()) hash = this.#putTraffic(hash, first + i, row)
    this.#traffic.flush()
    let status = first
    for (const row of rows) [hash, status] = this.#putCodes(hash, status, row)
    this.#status.flush()
    const named = connections
      .map(([backend, counts]) => ({ backend: this.names.backend(backend), counts }))
      .sort((a, b) => a.backend.id - b.backend.id)
    for (const [i, { backend, counts }] of named.entries()) {
      hash = this.#putConnection(hash, first + i, backend, counts)
    }
    this.#connection.flush()
    return hash
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

  #putCodes(
    hash: number,
    first: number,
    { backend, route, counts: { codes } }: NamedTraffic,
  ): [hash: number, next: number] {
    let [folded, id] = [hash, first]
    for (let i = 0; i < codes.length; i += 2) {
      if (codes[i] === 200) continue
      const { cells, at } = this.#status
      cells[at] = id++
      cells[at + 1] = backend.id
      cells[at + 2] = route.id
      cells[at + 3] = codes[i]!
      cells[at + 4] = codes[i + 1]!
      this.#status.next()
      folded = foldCells(foldKeys(folded, backend, route), cells, at + 3, 2)
    }
    return [folded, id]
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

function foldCells(hash: number, cells: readonly SqlValue[], at: number, width: number): number {
  let folded = hash
  for (let i = at; i < at + width; i++) folded = fold(folded, cells[i]!)
  return folded
}
