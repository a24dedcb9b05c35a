/** The rows of one span: of a tick into traffic, status, connection; of a minute into the tables named minute_…. */
import type { ConnectionCounts } from '../frame/aggregate.ts'
import type { Backend, Counts, Route } from '../frame/frame.ts'
import { BulkInsert } from './bulk.ts'
import { fold, SEED } from './checksum.ts'
import type { Database, SqlValue } from './database.ts'
import type { DimensionWriter, Named } from './dimensions.ts'
import { putConnection, putCounts } from './rows.ts'
import { CONNECTION_COLUMNS, COUNT_COLUMNS } from './schema.ts'

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

  constructor(
    database: Database,
    prefix: '' | 'minute_',
    readonly names: DimensionWriter,
  ) {
    const of = prefix === '' ? 'tick' : 'minute'
    const key = [of, 'backend', 'route']
    this.#traffic = new BulkInsert(database, `${prefix}traffic`, [...key, ...COUNT_COLUMNS])
    this.#status = new BulkInsert(database, `${prefix}status`, [...key, 'code', 'answers'])
    this.#connection = new BulkInsert(database, `${prefix}connection`, [of, 'backend', ...CONNECTION_COLUMNS])
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
    let hash = SEED
    for (const row of rows) hash = this.#putTraffic(hash, span, row)
    this.#traffic.flush()
    for (const row of rows) hash = this.#putCodes(hash, span, row)
    this.#status.flush()
    const named = connections
      .map(([backend, counts]) => ({ backend: this.names.backend(backend), counts }))
      .sort((a, b) => a.backend.id - b.backend.id)
    for (const { backend, counts } of named) hash = this.#putConnection(hash, span, backend, counts)
    this.#connection.flush()
    return hash
  }

  discard(): void {
    for (const insert of [this.#traffic, this.#status, this.#connection]) insert.discard()
  }

  #putTraffic(hash: number, span: number, { backend, route, counts }: NamedTraffic): number {
    const { cells, at } = this.#traffic
    cells[at] = span
    cells[at + 1] = backend.id
    cells[at + 2] = route.id
    putCounts(cells, at + 3, counts)
    this.#traffic.next()
    return foldCells(foldKeys(hash, backend, route), cells, at + 3, COUNT_COLUMNS.length)
  }

  #putCodes(hash: number, span: number, { backend, route, counts: { codes } }: NamedTraffic): number {
    let folded = hash
    for (let i = 0; i < codes.length; i += 2) {
      if (codes[i] === 200) continue
      const { cells, at } = this.#status
      cells[at] = span
      cells[at + 1] = backend.id
      cells[at + 2] = route.id
      cells[at + 3] = codes[i]!
      cells[at + 4] = codes[i + 1]!
      this.#status.next()
      folded = foldCells(foldKeys(folded, backend, route), cells, at + 3, 2)
    }
    return folded
  }

  #putConnection(hash: number, span: number, backend: Named, counts: ConnectionCounts): number {
    const { cells, at } = this.#connection
    cells[at] = span
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
