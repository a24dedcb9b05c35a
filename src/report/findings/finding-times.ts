/**
 * Slow-downs: the routes of a backend take longer than usual. The index of a step is the mean, weighted by answers, of
 * ln(route's median / its usual median). Neither a changed mix of routes nor one slow request changes it.
 */
import { statistic } from '../../frame/expression/measure.ts'
import { routeKey, type BackendSum, type RouteSum } from '../../frame/model/aggregate.ts'
import { micros } from '../../frame/model/units.ts'
import { latency, longSpan } from '../../render/quantities.ts'
import type { BackendSeries } from '../data/step-series.ts'
import { mainRoute } from './culprit.ts'
import type { Candidate, DetectorInput } from './finding.ts'
import { median, runsOf, type Run } from './runs.ts'

const MIN_ANSWERS = 3
const SUSPICIOUS = Math.log(1.3)
export const SLOW = Math.log(1.5)
const MIN_SCORE = 8

export function slowDowns({ series, label }: DetectorInput): Candidate[] {
  return series.backends.flatMap((backendSeries) => {
    const index = slownessOf(backendSeries, series.count)
    return slowRuns(index).map((run): Candidate => {
      const [before, after] = [typicalTime(backendSeries, run, false), typicalTime(backendSeries, run, true)]
      return {
        kind: 'slow_down',
        run,
        backend: backendSeries.backend,
        before: before / 1000,
        after: after / 1000,
        measures: 'ratio',
        levels: { usual: 0, changed: meanIn(index, run) },
        value: (line) => (line === null ? null : (shiftOf(line, backendSeries, null)?.log ?? null)),
        weight: (line) => (line === null ? 0 : line.header.sampled),
        confirm: () => true,
        culprit: (within) => mainRoute(within, (route) => slownessIn(route, backendSeries)),
        describe: (line, length, route) => {
          const shift = route === null || line === null ? null : shiftOf(line, backendSeries, route)
          const place =
            shift === null ? label(backendSeries.backend) : `${label(backendSeries.backend)} ${route}`
          return slowDown(place, shift ?? { before, after }, length)
        },
      }
    })
  })
}

/** @param shift median times, µs */
export const slowDown = (
  who: string,
  { before, after }: { readonly before: number; readonly after: number },
  length: number,
) => ({
  before: before / 1000,
  after: after / 1000,
  what: `${who} took ${(after / before).toFixed(1)} times as long for ${longSpan(length)}: median ${latency(micros(after))}, ${latency(micros(before))} otherwise`,
})

interface Shift {
  /** µs, weighted by answers */
  readonly before: number
  readonly after: number
  /** weighted mean of ln(after / before) over routes */
  readonly log: number
}

/** The difference between the routes' medians in `line` and their usual medians. @param only the key of a route; null: all */
export function shiftOf(line: BackendSum, backendSeries: BackendSeries, only: string | null): Shift | null {
  const usual = usualTimes(backendSeries)
  let [before, after, log, weights] = [0, 0, 0, 0]
  for (const { route, header } of line.routes) {
    const key = routeKey(route)
    const [was, is] = [usual.get(key) ?? 0, statistic(header, 'p50') ?? 0]
    if (was === 0 || is === 0 || (only !== null && key !== only)) continue
    weights += header.sampled
    before += header.sampled * was
    after += header.sampled * is
    log += header.sampled * Math.log(is / was)
  }
  return weights === 0 ? null : { before: before / weights, after: after / weights, log: log / weights }
}

/** What a route contributes to its backend's slowness. */
function slownessIn({ route, header }: RouteSum, backendSeries: BackendSeries): number {
  const [was, is] = [usualTimes(backendSeries).get(routeKey(route)) ?? 0, statistic(header, 'p50') ?? 0]
  return was === 0 || is === 0 ? 0 : Math.max(0, header.sampled * Math.log(is / was))
}

const usualTimesCache = new WeakMap<BackendSeries, ReadonlyMap<string, number>>()

/** Median over steps of a route's median, µs. Cached, because it is needed for every second of an edge. */
function usualTimes(backendSeries: BackendSeries): ReadonlyMap<string, number> {
  const times =
    usualTimesCache.get(backendSeries) ??
    new Map(backendSeries.routes.map(({ route, medians }) => [routeKey(route), median(medians)]))
  usualTimesCache.set(backendSeries, times)
  return times
}

interface Slowness {
  readonly log: number
  readonly answers: number
}

/** null where a step has too few answers. */
function slownessOf({ routes }: BackendSeries, count: number): (Slowness | null)[] {
  const weighted = new Array<number>(count).fill(0)
  const answers = new Array<number>(count).fill(0)
  for (const { steps, medians, answered } of routes) {
    const usual = Math.max(1, median(medians))
    steps.forEach((step, i) => {
      weighted[step]! += answered[i]! * Math.log(Math.max(1, medians[i]!) / usual)
      answers[step]! += answered[i]!
    })
  }
  return answers.map((count, step) =>
    count < MIN_ANSWERS ? null : { log: weighted[step]! / count, answers: count },
  )
}

/** The standard deviation of one answer's logarithm is estimated from the steps. */
function slowRuns(index: readonly (Slowness | null)[]): Run[] {
  const known = index.filter((step) => step !== null)
  const noise = Math.max(
    0.5,
    1.4826 * median(known.map(({ log, answers }) => Math.abs(log) * Math.sqrt(answers))),
  )
  const score = ({ log, answers }: Slowness): number => (log * Math.sqrt(answers)) / noise
  const unusual = index.map((step) => (step === null ? null : step.log > SUSPICIOUS && score(step) > 2))
  return runsOf(unusual, 2).filter((run) => {
    const log = meanIn(index, run)
    const answers = index.slice(run.from, run.to).reduce((total, step) => total + (step?.answers ?? 0), 0)
    return run.to - run.from >= 2 && log >= SLOW && score({ log, answers }) >= MIN_SCORE
  })
}

function meanIn(index: readonly (Slowness | null)[], { from, to }: Run): number {
  const steps = index.slice(from, to).filter((step) => step !== null)
  const answers = steps.reduce((total, step) => total + step.answers, 0)
  return steps.reduce((total, { log, answers: n }) => total + log * n, 0) / Math.max(1, answers)
}

/** Mean of the routes' medians inside or outside the run, µs. The weights are the answers within the run for both sides, so the mix is the same. */
function typicalTime({ routes }: BackendSeries, { from, to }: Run, inside: boolean): number {
  let [weighted, weights] = [0, 0]
  for (const { steps, medians, answered } of routes) {
    const isIn = (i: number): boolean => steps[i]! >= from && steps[i]! < to
    const side = medians.filter((_, i) => isIn(i) === inside)
    const weight = answered.reduce((total, count, i) => total + (isIn(i) ? count : 0), 0)
    if (side.length === 0 || weight === 0) continue
    weighted += weight * median(side)
    weights += weight
  }
  return weighted / Math.max(1, weights)
}
