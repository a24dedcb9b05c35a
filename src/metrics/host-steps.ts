/**
 * A host's recordings in steps. What a step has is counted at the end of its last tick; where there are no ticks, there is no step.
 * Counters begin with the range.
 */
import type { ConnectionRow, SecondFrame, TrafficRow } from '../frame/model/frame.ts'
import { LOSS } from '../frame/model/counters.ts'
import type { Recording } from '../frame/model/recording.ts'
import { wallMicros, type Micros } from '../frame/model/units.ts'
import { ticksWithin, type TimeSpan } from '../frame/time/time.ts'
import { Counters } from './counters.ts'
import type { Build, Emit, HostFamily, SeriesFamily } from './families.ts'
import type { HostState } from './host.ts'
import type { Series, SeriesLimits } from './series.ts'
import type { Spool } from './spool.ts'
import { Totals } from './totals.ts'

export interface ExportRequest {
  readonly range: TimeSpan
  readonly step: Micros
  readonly limits: SeriesLimits
  /** whether a row is exported */
  readonly keeps: (row: TrafficRow | ConnectionRow) => boolean
}

export interface Step {
  /** a space and the time, as a sample has it */
  readonly stamp: string
  readonly samples: (emit: Emit) => void
}

export class HostSteps {
  /** before those of each series */
  readonly labels: string
  readonly #request: ExportRequest
  readonly #spool: Spool
  readonly #totals: Totals
  /** of each step, milliseconds since 1970, growing */
  readonly #times: number[] = []
  /** all codes and gRPC statuses that a series has at any time: each is told from its beginning, as 0 */
  readonly #codes = new Map<Series, { readonly http: Set<number>; readonly grpc: Set<number> }>()
  /** the number of the step that is open, counted from 1970 */
  #open: number | null = null
  /** the last tick that is in a closed step */
  #told = 0

  constructor(spool: Spool, labels: string, build: Build, request: ExportRequest) {
    this.labels = labels
    this.#spool = spool
    this.#request = request
    this.#totals = new Totals(build, request.limits)
  }

  get series(): readonly Series[] {
    return this.#totals.series
  }

  get ticks(): number {
    return this.#totals.tick
  }

  /** In the order of time: one recording after the other, then `end`. */
  read(recording: Recording): void {
    for (const { from, to } of ticksWithin(recording.ticks, this.#request.range)) {
      for (let seq = from; seq < to; seq++) {
        const frame = recording.frame(seq)
        if (frame !== null) this.#add(frame)
      }
    }
  }

  /** Where the clock had not caught up, the rest has no time of its own: it is told right behind the last sample, so that no count is lost. */
  end(): void {
    this.#close((this.#times.at(-1) ?? 0) + 1)
  }

  #add(frame: SecondFrame): void {
    const step = Math.floor(frame.start / this.#request.step)
    if (this.#open !== step) this.#close()
    this.#open = step
    const { keeps } = this.#request
    const rows = { traffic: frame.traffic.filter(keeps), connections: frame.connections.filter(keeps) }
    this.#totals.add(frame, rows)
  }

  /** Where the clock was set back, the step stays open until the clock has caught up: a sample's time never falls. */
  #close(earliest = 0): void {
    const { host, tick } = this.#totals
    const time = Math.max(earliest, Math.round((host.lastTick ?? 0) / 1000))
    if (tick === this.#told || time <= (this.#times.at(-1) ?? 0)) return
    const step = this.#times.push(time) - 1
    this.#spool.append(this, [host.coverage ?? NaN, host.lastTick ?? NaN, ...host.loss, ...host.excluded])
    for (const series of this.series) {
      if (series.counters.hasChangedSince(this.#told)) this.#keep(series, step)
    }
    this.#told = tick
  }

  #keep(series: Series, step: number): void {
    const { codes, grpc } = series.counters
    let all = this.#codes.get(series)
    if (all === undefined) this.#codes.set(series, (all = { http: new Set(), grpc: new Set() }))
    addKeys(all.http, codes)
    addKeys(all.grpc, grpc ?? [])
    this.#spool.append(series, [step, ...series.counters.pack(this.#totals.tick)])
  }

  *steps(family: HostFamily): Iterable<Step> {
    const { build } = this.#totals
    let step = 0
    for (const row of this.#spool.rows(this)) {
      const host = stateOf(row)
      yield {
        stamp: this.#stamp(step),
        samples: (emit) => family.samples({ host, build, tick: step + 1 }, emit),
      }
      step++
    }
  }

  /** From its first row to the end. */
  *seriesSteps(family: SeriesFamily, of: Series): Iterable<Step> {
    const { host, build } = this.#totals
    const counters = new Counters()
    const all = this.#codes.get(of)
    counters.codes.push(...zerosOf(all?.http))
    counters.grpc?.push(...zerosOf(all?.grpc))
    const series = { ...of, counters }
    const rows = this.#spool.rows(of)[Symbol.iterator]()
    let row = rows.next()
    if (row.done === true) return
    for (let step = row.value[0]!; step < this.#times.length; step++) {
      if (row.done !== true && row.value[0] === step) {
        counters.addPacked(row.value.slice(1), step + 1)
        row = rows.next()
      }
      const moment = { host, build, tick: step + 1 }
      yield { stamp: this.#stamp(step), samples: (emit) => family.samples(series, emit, moment) }
    }
  }

  #stamp(step: number): string {
    return ` ${(this.#times[step]! / 1000).toFixed(3)}`
  }
}

function addKeys(to: Set<number>, pairs: readonly number[]): void {
  for (let i = 0; i < pairs.length; i += 2) to.add(pairs[i]!)
}

const zerosOf = (keys: ReadonlySet<number> = new Set()): number[] =>
  [...keys].sort((a, b) => a - b).flatMap((key) => [key, 0])

const stateOf = ([coverage, lastTick, ...counts]: readonly number[]): HostState => ({
  coverage: coverage!,
  lastTick: wallMicros(lastTick!),
  loss: counts.slice(0, LOSS.length),
  excluded: counts.slice(LOSS.length),
})
