/** Writes one tick with all its rows, within the transaction of the caller. */
import type { GapReason, SecondFrame } from '../../frame/model/frame.ts'
import type { TickSummary } from '../../frame/model/recording.ts'
import type { Micros } from '../../frame/model/units.ts'
import { TrafficSummary } from '../../frame/sum/tick-summary.ts'
import { fold } from '../format/checksum.ts'
import { packRequests, type Ids } from '../format/chunk.ts'
import { foldWritten, type Fold } from '../format/columns.ts'
import { TICK_COLUMNS } from '../format/schema.ts'
import { tickCells } from '../format/tick-row.ts'
import type { DimensionWriter } from '../names/dimensions.ts'
import type { Database, SqlValue } from '../sqlite/database.ts'
import { SpanWriter, type NamedTraffic } from './span-writer.ts'

export interface TickPosition {
  readonly seq: number
  readonly gapBefore: GapReason | null
  /** duration of the previous commit */
  readonly commit: Micros
}

export class TickWriter {
  readonly #rows: SpanWriter
  readonly #ids: Ids
  readonly #fold: Fold
  readonly #insertTick: (cells: readonly SqlValue[]) => void
  readonly #insertChunk: (cells: readonly SqlValue[]) => void

  constructor(database: Database, names: DimensionWriter) {
    this.#rows = new SpanWriter(database, '', names)
    this.#ids = { backend: (backend) => names.backend(backend).id, route: (route) => names.route(route).id }
    this.#fold = foldWritten(database, 'tick')
    const placeholders = TICK_COLUMNS.map(() => '?').join(',')
    const tick = database.prepare(`INSERT INTO tick (${TICK_COLUMNS.join(',')}) VALUES (${placeholders})`)
    const chunk = database.prepare('INSERT INTO request_chunk (tick, n, packed) VALUES (?, ?, ?)')
    this.#insertTick = (cells) => tick.run(cells)
    this.#insertChunk = (cells) => chunk.run(cells)
  }

  /** @param visit is called for each traffic row */
  write(frame: SecondFrame, position: TickPosition, visit: (row: NamedTraffic) => void): TickSummary {
    const sum = new TrafficSummary()
    const rows = this.#rows.write(
      position.seq,
      {
        traffic: frame.traffic.map((row) => this.#rows.named(row.backend, row.route, row)),
        connections: frame.connections.map((row) => this.#rows.namedConnection(row.backend, row)),
        wires: (frame.wires ?? []).map(this.#rows.namedWire),
      },
      (row) => {
        sum.add(row.counts)
        visit(row)
      },
    )
    const hash = this.#writeRequests(frame, position.seq, rows)
    const summary = sum.of({ ...frame, seq: position.seq, gapBefore: position.gapBefore })
    this.#insertTick(tickCells(frame, summary, position.commit, (cells) => this.#fold(hash, cells, 0)))
    return summary
  }

  discard(): void {
    this.#rows.discard()
  }

  #writeRequests({ requests, start }: SecondFrame, seq: number, hash: number): number {
    if (requests.length === 0) return hash
    const packed = packRequests(requests, start, this.#ids)
    this.#insertChunk([seq, requests.length, packed])
    return fold(hash, packed)
  }
}
