/** What the frames of a run add up to. */
import type { SecondFrame } from '../frame/model/frame.ts'
import type { Build, Moment } from './families.ts'
import { HostCounters } from './host.ts'
import { SeriesTable, type Series, type SeriesLimits } from './series.ts'

export class Totals implements Moment {
  readonly build: Build
  readonly host = new HostCounters()
  thinned: number | null = null
  readonly #table: SeriesTable
  #tick = 0

  constructor(build: Build, limits: SeriesLimits) {
    this.build = build
    this.#table = new SeriesTable(limits)
  }

  get tick(): number {
    return this.#tick
  }

  get series(): readonly Series[] {
    return this.#table.all
  }

  /** @param rows those that are wanted; what is counted once per host is of the whole tick */
  add(frame: SecondFrame, rows: Pick<SecondFrame, 'traffic' | 'connections'> = frame): void {
    const tick = ++this.#tick
    this.host.add(frame)
    for (const row of rows.traffic) this.#table.ofRoute(row.backend, row.route).addTraffic(row, tick)
    for (const row of rows.connections) this.#table.ofBackend(row.backend).addConnection(row, tick)
  }
}
