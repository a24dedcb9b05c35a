/** A range in equal steps of the wall clock, each summed: read once, for the whole, for findings and for the slowest requests. */
import { backendKey, routeKey, sumOf, type Aggregate, type BackendSum } from '../frame/aggregate.ts'
import { fleetOf, type HostPart } from '../frame/fleet.ts'
import type { Backend, Distribution, Route } from '../frame/frame.ts'
import { classCount, statistic } from '../frame/measure.ts'
import type { Recording, SeqRange } from '../frame/recording.ts'
import { RunningSum } from '../frame/running-sum.ts'
import { selectRows, type Selection } from '../frame/selection.ts'
import type { TimeSpan } from '../frame/time.ts'
import { micros, wallMicros, type Micros, type WallMicros } from '../frame/units.ts'

interface RecordingPart extends HostPart {
  readonly recording: Recording
}

interface Step {
  /** number of the step, counted from the first one of the range */
  readonly index: number
  /** one for each recording that has ticks in it */
  readonly parts: readonly RecordingPart[]
}

export interface StepSum {
  readonly index: number
  readonly start: WallMicros
  readonly aggregate: Aggregate
}

/** Below a minute there are no rollups: every tick is read. */
const LENGTHS = [1, 2, 5, 10]
const MOST_STEPS = 120.5

/** About a hundred steps of a range below 20 minutes; a minute, for which there are rollups, where that is more. */
export function stepLength({ from, to }: TimeSpan): Micros {
  const seconds = (to - from) / 1e6
  return micros((LENGTHS.find((length) => seconds / length <= MOST_STEPS) ?? 60) * 1e6)
}

/** In order; steps without a tick are left out. One is summed at a time. */
export function* stepsWithin(
  recordings: readonly Recording[],
  range: TimeSpan,
  step: Micros,
): Iterable<StepSum> {
  const first = Math.floor(range.from / step)
  for (const { index, parts } of partsWithin(recordings, range, step)) {
    yield { index, start: wallMicros((first + index) * step), aggregate: fleetOf(parts) }
  }
}

function* partsWithin(recordings: readonly Recording[], range: TimeSpan, step: Micros): Iterable<Step> {
  const runs = recordings.map((recording) => ({ recording, runs: stepRuns(recording, range, step) }))
  const indexes = [...new Set(runs.flatMap((each) => [...each.runs.keys()]))].sort((a, b) => a - b)
  for (const index of indexes) {
    const parts = runs.flatMap(({ recording, runs: of }) => {
      const ranges = of.get(index)
      if (ranges === undefined) return []
      const { host } = recording.info
      return [{ recording, host, aggregate: sumOf(ranges.map((each) => recording.aggregate(each))) }]
    })
    yield { index, parts }
  }
}

function stepRuns({ ticks }: Recording, range: TimeSpan, step: Micros): Map<number, SeqRange[]> {
  const first = Math.floor(range.from / step)
  const steps = new Map<number, SeqRange[]>()
  for (const { seq, start } of ticks) {
    if (start < range.from || start >= range.to) continue
    const index = Math.floor(start / step) - first
    let runs = steps.get(index)
    if (runs === undefined) steps.set(index, (runs = []))
    const last = runs.at(-1)
    if (last?.to === seq) runs[runs.length - 1] = { from: last.from, to: seq + 1 }
    else runs.push({ from: seq, to: seq + 1 })
  }
  return steps
}

/** What is kept of all steps at once: a few numbers each, by index; seconds 0 is a step without a tick. */
export interface StepSeries {
  readonly range: TimeSpan
  readonly step: Micros
  readonly start: WallMicros
  readonly count: number
  readonly seconds: readonly number[]
  readonly requests: readonly number[]
  /** greatest header or total time, µs; -1 where nothing was measured */
  readonly slowest: readonly number[]
  readonly backends: readonly BackendSeries[]
}

export interface BackendSeries {
  readonly backend: Backend
  readonly requests: readonly number[]
  readonly answered: readonly number[]
  readonly fivexx: readonly number[]
  /** of requests: reset, closed, aborted, unanswered */
  readonly failures: readonly number[]
  /** refused and timed-out connections */
  readonly refused: readonly number[]
  readonly routes: readonly RouteSeries[]
}

/** The steps in which the route was answered, its median header time there, µs, and the answers that it rests on. */
export interface RouteSeries {
  readonly route: Route
  readonly steps: readonly number[]
  readonly medians: readonly number[]
  readonly answered: readonly number[]
}

export interface RangeReading {
  /** all rows of the range */
  readonly whole: Aggregate
  /** of the selected rows */
  readonly series: StepSeries
}

/** Reads everything once. */
export function readRange(
  recordings: readonly Recording[],
  range: TimeSpan,
  { rows }: Selection,
): RangeReading {
  const step = stepLength(range)
  const start = wallMicros(Math.floor(range.from / step) * step)
  // The last tick ends some µs after its second: that is no further step.
  const count = Math.max(1, Math.ceil((range.to - start) / step - 1e-3))
  const builder = new SeriesBuilder(count)
  const sums = new Map(recordings.map((recording) => [recording, new RunningSum()]))
  for (const { index, parts } of partsWithin(recordings, range, step)) {
    for (const { recording, aggregate } of parts) sums.get(recording)!.add(aggregate)
    builder.add(Math.min(index, count - 1), selectRows(fleetOf(parts), rows))
  }
  const hosts = [...sums].map(([{ info }, sum]) => ({ host: info.host, aggregate: sum.total }))
  return { whole: fleetOf(hosts), series: { range, step, start, ...builder.series } }
}

/** Route times that are kept at most: beyond that, further routes are not followed. */
const MOST_TIMES = 1_000_000

class SeriesBuilder {
  readonly #seconds: number[]
  readonly #requests: number[]
  readonly #slowest: number[]
  readonly #backends = new Map<string, BackendBuilder>()
  #times = 0

  constructor(readonly count: number) {
    this.#seconds = zeros(count)
    this.#requests = zeros(count)
    this.#slowest = zeros(count).fill(-1)
  }

  get series(): Omit<StepSeries, 'range' | 'step' | 'start'> {
    return {
      count: this.count,
      seconds: this.#seconds,
      requests: this.#requests,
      slowest: this.#slowest,
      backends: [...this.#backends.values()].map((of) => ({ ...of, routes: [...of.routes.values()] })),
    }
  }

  add(index: number, { length, totals, backends }: Aggregate): void {
    this.#seconds[index]! += length / 1e6
    this.#requests[index]! += totals.requests
    this.#slowest[index] = Math.max(this.#slowest[index]!, totals.header.max ?? -1, totals.total.max ?? -1)
    for (const sum of backends) this.#addBackend(index, sum)
  }

  #addBackend(index: number, sum: BackendSum): void {
    const key = backendKey(sum.backend)
    let of = this.#backends.get(key)
    if (of === undefined) this.#backends.set(key, (of = backendBuilder(sum.backend, this.count)))
    const { reset, closed, aborted, unanswered } = sum.failures
    of.requests[index]! += sum.requests
    of.answered[index]! += sum.answered
    of.fivexx[index]! += classCount(sum, 5)
    of.failures[index]! += reset + closed + aborted + unanswered
    of.refused[index]! += sum.connection.refused + sum.connection.connectTimeout
    for (const { route, header } of sum.routes) {
      if (header.sampled > 0) this.#addTime(of, index, route, header)
    }
  }

  #addTime(of: BackendBuilder, index: number, route: Route, header: Distribution): void {
    const key = routeKey(route)
    let times = of.routes.get(key)
    if (times === undefined) {
      if (this.#times >= MOST_TIMES) return
      of.routes.set(key, (times = { route, steps: [], medians: [], answered: [] }))
    }
    this.#times++
    times.steps.push(index)
    times.medians.push(statistic(header, 'p50') ?? 0)
    times.answered.push(header.sampled)
  }
}

type BackendBuilder = ReturnType<typeof backendBuilder>

const backendBuilder = (backend: Backend, count: number) => ({
  backend,
  requests: zeros(count),
  answered: zeros(count),
  fivexx: zeros(count),
  failures: zeros(count),
  refused: zeros(count),
  routes: new Map<string, { route: Route; steps: number[]; medians: number[]; answered: number[] }>(),
})

const zeros = (count: number): number[] => new Array<number>(count).fill(0)
