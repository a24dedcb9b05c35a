/** A range in equal steps of the wall clock, each summed: what findings and the slowest requests are looked for in. */
import { sumOf, type Aggregate, type BackendSum } from '../frame/aggregate.ts'
import { backendKey, routeKey } from '../frame/aggregate.ts'
import { fleetOf } from '../frame/fleet.ts'
import type { Backend, Route } from '../frame/frame.ts'
import { classCount, statistic } from '../frame/measure.ts'
import type { Recording, SeqRange } from '../frame/recording.ts'
import { selectRows, type Selection } from '../frame/selection.ts'
import type { TimeSpan } from '../frame/time.ts'
import { micros, wallMicros, type Micros, type WallMicros } from '../frame/units.ts'

export interface StepSum {
  /** number of the step, counted from the first one of the range */
  readonly index: number
  readonly start: WallMicros
  readonly aggregate: Aggregate
}

const LENGTHS = [1, 2, 5, 10, 15, 30, 60]

/** About a hundred steps; a minute, for which there are rollups, where that is more. */
export function stepLength({ from, to }: TimeSpan): Micros {
  const seconds = (to - from) / 1e6
  return micros((LENGTHS.find((length) => seconds / length <= 120) ?? 60) * 1e6)
}

/** In order; steps without a tick are left out. One is summed at a time. */
export function* stepsWithin(
  recordings: readonly Recording[],
  range: TimeSpan,
  step: Micros,
): Iterable<StepSum> {
  const first = Math.floor(range.from / step)
  const runs = recordings.map((recording) => ({ recording, runs: stepRuns(recording, range, step, first) }))
  const indexes = [...new Set(runs.flatMap((each) => [...each.runs.keys()]))].sort((a, b) => a - b)
  for (const index of indexes) {
    const parts = runs.flatMap(({ recording, runs: of }) => {
      const ranges = of.get(index)
      if (ranges === undefined) return []
      return [
        { host: recording.info.host, aggregate: sumOf(ranges.map((each) => recording.aggregate(each))) },
      ]
    })
    yield { index, start: wallMicros((first + index) * step), aggregate: fleetOf(parts) }
  }
}

function stepRuns(
  { ticks }: Recording,
  range: TimeSpan,
  step: Micros,
  first: number,
): Map<number, SeqRange[]> {
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

/** Medians of header time, µs, 0 where there is none, and the answers that they rest on. */
export interface RouteSeries {
  readonly route: Route
  readonly median: readonly number[]
  readonly answered: readonly number[]
}

/** Routes whose times are followed, of each backend: those with the most requests. */
const ROUTES = 50
const BACKENDS = 500

export function stepSeries(
  recordings: readonly Recording[],
  range: TimeSpan,
  { rows }: Selection,
  whole: Aggregate,
): StepSeries {
  const step = stepLength(range)
  const start = wallMicros(Math.floor(range.from / step) * step)
  const count = Math.max(1, Math.ceil((range.to - start) / step - 1e-3))
  const zeros = (): number[] => new Array<number>(count).fill(0)
  const series = { range, step, start, count, seconds: zeros(), requests: zeros(), slowest: zeros().fill(-1) }
  const backends = busiest(whole.backends, BACKENDS).map((sum) => emptySeries(sum, zeros))
  const byKey = new Map(backends.map((each) => [backendKey(each.backend), each]))
  for (const { index, aggregate } of stepsWithin(recordings, range, step)) {
    if (index >= count) continue
    const selected = selectRows(aggregate, rows)
    series.seconds[index] = aggregate.length / 1e6
    series.requests[index] = selected.totals.requests
    series.slowest[index] = Math.max(selected.totals.header.max ?? -1, selected.totals.total.max ?? -1)
    for (const sum of selected.backends) {
      const of = byKey.get(backendKey(sum.backend))
      if (of !== undefined) addStep(of, index, sum)
    }
  }
  return { ...series, backends }
}

type Filling = ReturnType<typeof emptySeries>

function emptySeries(sum: BackendSum, zeros: () => number[]) {
  const routes = busiest(sum.routes, ROUTES).map(({ route }) => ({
    route,
    median: zeros(),
    answered: zeros(),
  }))
  return {
    backend: sum.backend,
    requests: zeros(),
    answered: zeros(),
    fivexx: zeros(),
    failures: zeros(),
    refused: zeros(),
    routes,
    byRoute: new Map(routes.map((each) => [routeKey(each.route), each])),
  }
}

function addStep(of: Filling, index: number, sum: BackendSum): void {
  const { reset, closed, aborted, unanswered } = sum.failures
  of.requests[index] = sum.requests
  of.answered[index] = sum.answered
  of.fivexx[index] = classCount(sum, 5)
  of.failures[index] = reset + closed + aborted + unanswered
  of.refused[index] = sum.connection.refused + sum.connection.connectTimeout
  for (const { route, header } of sum.routes) {
    const series = of.byRoute.get(routeKey(route))
    if (series === undefined || header.sampled === 0) continue
    series.median[index] = statistic(header, 'p50') ?? 0
    series.answered[index] = header.sampled
  }
}

const busiest = <T extends { readonly requests: number }>(sums: readonly T[], most: number): T[] =>
  [...sums].sort((a, b) => b.requests - a.requests).slice(0, most)
