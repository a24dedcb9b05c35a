/** One tick with all its rows, within the transaction of the caller. */
import type { GapReason, SecondFrame } from '../frame/frame.ts'
import type { TickSummary } from '../frame/recording.ts'
import type { Micros } from '../frame/units.ts'
import { fold } from './checksum.ts'
import { packRequests, type Ids } from './chunk.ts'
import type { Database, SqlValue } from './database.ts'
import type { DimensionWriter } from './dimensions.ts'
import { TICK_COLUMNS } from './schema.ts'
import { SpanWriter } from './span-writer.ts'
import { summarise, tickCells } from './tick-row.ts'

export class TickWriter {
  readonly #rows: SpanWriter
  readonly #ids: Ids
  readonly #insertTick: (cells: readonly SqlValue[]) => void
  readonly #insertChunk: (cells: readonly SqlValue[]) => void

  constructor(database: Database, names: DimensionWriter) {
    this.#rows = new SpanWriter(database, '', names)
    this.#ids = { backend: (backend) => names.backend(backend).id, route: (route) => names.route(route).id }
    const places = TICK_COLUMNS.map(() => '?').join(',')
    const tick = database.prepare(`INSERT INTO tick (${TICK_COLUMNS.join(',')}) VALUES (${places})`)
    const chunk = database.prepare('INSERT INTO request_chunk (tick, n, packed) VALUES (?, ?, ?)')
    this.#insertTick = (cells) => tick.run(cells)
    this.#insertChunk = (cells) => chunk.run(cells)
  }

  write(frame: SecondFrame, seq: number, gapBefore: GapReason | null, commit: Micros): TickSummary {
    const rows = this.#rows.write(
      seq,
      frame.traffic.map((row) => [row.backend, row.route, row] as const),
      frame.connections.map((row) => [row.backend, row] as const),
    )
    const hash = this.#writeRequests(frame, seq, rows)
    const summary = summarise(frame, seq, gapBefore)
    this.#insertTick(tickCells(frame, summary, commit, hash))
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
