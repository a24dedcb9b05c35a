/**
 * Slow-downs: a backend takes longer than it does otherwise, route for route. Each step's index is the mean, weighted by answers,
 * of ln(route's median / its usual median): a changed mix of routes does not move it, one slow request neither.
 */
import { statistic } from '../frame/measure.ts'
import { micros } from '../frame/units.ts'
import { latency, longSpan } from '../render/quantities.ts'
import type { Candidate, Looking } from './finding.ts'
import { median, runsOf, type Run } from './runs.ts'
import type { BackendSeries } from './step-series.ts'

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
        confirm: () => true,
        culprit: () => null,
        settle: (_, length) => ({
          after: after / 1000,
          what: `${label(of.backend)} took ${(after / before).toFixed(1)} times as long for ${longSpan(length)}: median ${latency(micros(after))}, ${latency(micros(before))} otherwise`,
        }),
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
  const weighted = new Array<number>(count).fill(0)
  const answers = new Array<number>(count).fill(0)
  for (const { steps, medians, answered } of routes) {
    const usual = Math.max(1, median(medians))
    steps.forEach((step, i) => {
      weighted[step]! += answered[i]! * Math.log(Math.max(1, medians[i]!) / usual)
      answers[step]! += answered[i]!
    })
  }
  return answers.map((of, step) => (of < LEAST_ANSWERS ? null : { log: weighted[step]! / of, answers: of }))
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
function typicalTime({ routes }: BackendSeries, { from, to }: Run, inside: boolean): number {
  let [weighted, weights] = [0, 0]
  for (const { steps, medians, answered } of routes) {
    const isIn = (i: number): boolean => steps[i]! >= from && steps[i]! < to
    const side = medians.filter((_, i) => isIn(i) === inside)
    const weight = answered.reduce((total, of, i) => total + (isIn(i) ? of : 0), 0)
    if (side.length === 0 || weight === 0) continue
    weighted += weight * median(side)
    weights += weight
  }
  return weighted / Math.max(1, weights)
}
