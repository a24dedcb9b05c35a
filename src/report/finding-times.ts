/**
 * Slow-downs: a backend takes longer than it does otherwise, route for route. Each step's index is the mean, weighted by answers,
 * of ln(route's median / its usual median): a changed mix of routes does not move it, one slow request neither.
 */
import { statistic } from '../frame/measure.ts'
import { micros } from '../frame/units.ts'
import { latency, longSpan } from '../render/quantities.ts'
import type { Candidate, Looking } from './finding.ts'
import { median, runsOf, sum, type Run } from './runs.ts'
import type { BackendSeries } from './steps.ts'

const LEAST_ANSWERS = 3
const SUSPICIOUS = Math.log(1.3)
const SLOW = Math.log(1.5)
const LEAST_SCORE = 8

export function slowDowns({ series, label }: Looking): Candidate[] {
  return series.backends.flatMap((of) => {
    const index = slownessOf(of, series.count)
    return slowRuns(index).map((run): Candidate => {
      const [before, after] = [typicalTime(of, run, false), typicalTime(of, run, true)]
      return {
        kind: 'slow_down',
        run,
        backend: of.backend,
        before: before / 1000,
        after: after / 1000,
        value: (line) => (line === null ? null : (logOf(statistic(line.header, 'p50')) ?? null)),
        weight: (line) => (line === null ? 0 : line.header.sampled),
        culprit: () => null,
        words: (length) =>
          `${label(of.backend)} took ${(after / before).toFixed(1)} times as long for ${longSpan(length)}: median ${latency(micros(after))}, ${latency(micros(before))} otherwise`,
      }
    })
  })
}

const logOf = (value: number | null): number | null =>
  value === null ? null : Math.log(Math.max(1, value)) - Math.log(1000)

interface Slowness {
  readonly log: number
  readonly answers: number
}

/** null where a step has too few answers. */
function slownessOf({ routes }: BackendSeries, count: number): (Slowness | null)[] {
  const usual = routes.map((route) => median(route.median.filter((value) => value > 0)))
  return Array.from({ length: count }, (_, i) => {
    let [weighted, answers] = [0, 0]
    routes.forEach(({ median: medians, answered }, j) => {
      const time = medians[i] ?? 0
      if (time === 0) return
      weighted += answered[i]! * Math.log(time / usual[j]!)
      answers += answered[i]!
    })
    return answers < LEAST_ANSWERS ? null : { log: weighted / answers, answers }
  })
}

/** The spread of one answer's logarithm is estimated from the steps themselves. */
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
    return run.to - run.from >= 2 && log >= SLOW && score({ log, answers }) >= LEAST_SCORE
  })
}

function meanIn(index: readonly (Slowness | null)[], { from, to }: Run): number {
  const steps = index.slice(from, to).filter((step) => step !== null)
  const answers = steps.reduce((total, step) => total + step.answers, 0)
  return steps.reduce((total, { log, answers: n }) => total + log * n, 0) / Math.max(1, answers)
}

/** Median over steps of the routes' medians, weighted by the answers within the run: both sides have the same mix. */
function typicalTime({ routes }: BackendSeries, run: Run, inside: boolean): number {
  let [weighted, weights] = [0, 0]
  for (const { median: medians, answered } of routes) {
    const side = medians.filter((value, i) => value > 0 && (i >= run.from && i < run.to) === inside)
    const weight = sum(answered, run)
    if (side.length === 0 || weight === 0) continue
    weighted += weight * median(side)
    weights += weight
  }
  return weighted / Math.max(1, weights)
}
