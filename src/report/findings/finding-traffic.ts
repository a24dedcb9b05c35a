/** Changes of the request rate: of all backends together (surge, stop), and of one backend (vanished, appeared). */
import { longSpan, rate } from '../../render/quantities.ts'
import type { Exposed } from '../data/exposure.ts'
import type { BackendSeries, StepSeries } from '../data/step-series.ts'
import type { Candidate, DetectorInput } from './finding.ts'
import { median, rollingMedian, runsOf, noiseOf, sum, deviation, type Run } from './runs.ts'

/** Steps on each side of the window for the usual rate. The window follows the daily curve and is longer than an incident. */
const WINDOW_REACH = 90
const MIN_EXPECTED = 30
/** A step below this part of the usual count may be an absence: one that fills two thirds of the step. */
const NEARLY_NONE = 0.35
/** At most this part of the usual count is left within the edges, which are found to the second afterwards. */
const NOTHING_LEFT = 0.05
/** A step that an absence fills in part: it is below this part of the usual count, by MIN_SCORE standard deviations. */
const MUCH_LESS = 0.85
const MIN_SCORE = 6
/** More candidates than this are noise. They are not examined to the second. */
const MAX_DIPS = 8

export function trafficChanges(input: DetectorInput): Candidate[] {
  const { series } = input
  const rates = series.requests.map((requests, i) =>
    series.seconds[i]! > 0 ? requests / series.seconds[i]! : null,
  )
  const usual = rollingMedian(rates, WINDOW_REACH)
  const expected = series.seconds.map((seconds, i) => seconds * usual[i]!)
  const stops = stopsIn(series, expected)
  return [
    ...surgesIn(series, expected),
    ...stops,
    ...series.backends.flatMap((backendSeries) =>
      absences(
        backendSeries,
        stops.map(({ run }) => run),
        input,
      ),
    ),
  ]
}

function surgesIn(series: StepSeries, expected: readonly number[]): Candidate[] {
  const scores = series.requests.map((requests, i) => deviation(requests, expected[i]!))
  const noise = noiseOf(scores.filter((_, i) => series.seconds[i]! > 0))
  const unusual = series.requests.map((requests, i) =>
    isMissing(series, i) ? null : requests > 1.6 * expected[i]! && scores[i]! / noise > 4,
  )
  return runsOf(unusual, 2)
    .filter(
      (run) =>
        run.to - run.from >= 2 &&
        sum(series.requests, run) >= 1.8 * sum(expected, run) &&
        sum(series.requests, run) >= MIN_EXPECTED,
    )
    .map((run) => allTraffic('surge', run, series, expected))
}

function stopsIn(series: StepSeries, expected: readonly number[]): Candidate[] {
  const unusual = series.requests.map((requests, i) =>
    isMissing(series, i) ? null : requests < NEARLY_NONE * expected[i]!,
  )
  const runs = runsOf(unusual, 1).filter((run) => sum(expected, run) >= MIN_EXPECTED)
  return [...runs, ...dipsIn(series.requests, expected, runs)].map((run) =>
    allTraffic('stop', run, series, expected),
  )
}

/** Candidates for absences that are shorter than a step. */
function dipsIn(counts: readonly number[], expected: readonly number[], others: readonly Run[]): Run[] {
  const scores = counts.map((count, i) => deviation(count, expected[i]!))
  const noise = noiseOf(scores.filter((_, i) => expected[i]! > 0))
  const runs = runsOf(
    counts.map((count, i) => count < MUCH_LESS * expected[i]! && scores[i]! / noise < -MIN_SCORE / 2),
    0,
  )
  const dips = runs.filter(
    (run) =>
      deviation(sum(counts, run), sum(expected, run)) / noise <= -MIN_SCORE &&
      !others.some(({ from, to }) => run.from <= to && from <= run.to),
  )
  return dips.length > MAX_DIPS ? [] : dips
}

function allTraffic(
  kind: 'surge' | 'stop',
  run: Run,
  series: StepSeries,
  expected: readonly number[],
): Candidate {
  const seconds = sum(series.seconds, run)
  const [before, after] = [sum(expected, run) / seconds, sum(series.requests, run) / seconds]
  return {
    kind,
    run,
    backend: null,
    before,
    after,
    measures: 'rate',
    levels: { usual: before, changed: after },
    value: (line) => line?.requests ?? 0,
    weight: () => 1,
    confirm: (line, { length }) =>
      kind === 'surge' || (line?.requests ?? 0) <= (NOTHING_LEFT * before * length) / 1e6,
    culprit: () => null,
    describe: (line, length) => {
      const now = ((line?.requests ?? 0) * 1e6) / length
      const span = longSpan(length)
      const rates = `${rate(now)} requests per second, ${rate(before)} otherwise`
      return {
        after: now,
        what:
          kind === 'stop'
            ? `traffic stopped for ${span}: ${rates}`
            : before === 0
              ? `there was traffic only for ${span}: ${rates}`
              : `traffic was ${(now / before).toFixed(1)} times the usual for ${span}: ${rates}`,
      }
    },
  }
}

/** A backend with more pauses is used only occasionally: its pauses are no findings. */
const MAX_PAUSES = 3

/**
 * Spans in which a backend had no requests, although its usual share of all requests would have been many. Both are taken as rates over
 * all hosts; where none that uses the backend recorded, nothing is known of it.
 */
function absences(
  backendSeries: BackendSeries,
  stops: readonly Run[],
  { series, label }: DetectorInput,
): Candidate[] {
  const { seconds } = backendSeries
  /** the requests of all, as if only the hosts that use the backend had recorded them */
  const wholes = series.requests.map((requests, i) =>
    requests === 0 ? 0 : (requests * seconds[i]!) / series.seconds[i]!,
  )
  const shares = backendSeries.requests.map((requests, i) => (wholes[i] === 0 ? null : requests / wholes[i]!))
  const typical = median(shares.filter((share) => share !== null && share > 0).map((share) => share ?? 0))
  const quiet = runsOf(
    shares.map((share) => (share === null ? null : share < NEARLY_NONE * typical)),
    1,
  )
  const active = (i: number): boolean => wholes[i]! > 0 && !quiet.some(({ from, to }) => i >= from && i < to)
  const usual = shareWhere(backendSeries, wholes, active)
  const runs = quiet
    .filter((run) => usual * sum(wholes, run) >= MIN_EXPECTED)
    .filter((run) => !stops.some((stop) => stop.from <= run.from && run.to <= stop.to))
  if (runs.length > MAX_PAUSES) return []
  const end = backendSeries.seconds.findLastIndex((length) => length > 0) + 1
  const last = wholes.findLastIndex((_, i) => active(i))
  const first = wholes.findIndex((_, i) => active(i))
  const before = runs.find((run) => run.from <= firstStep(backendSeries) && run.to <= first)
  const expected = wholes.map((whole) => usual * whole)
  const dips = dipsIn(backendSeries.requests, expected, [...quiet, ...stops])
  const middle = [...runs, ...dips].filter((run) => run.from > first && run.to <= last)
  const after = runs.find((run) => run.from > last)
  const speed = (run: Run): number => sum(backendSeries.requests, run) / Math.max(1, sum(seconds, run))
  const candidate = (kind: 'backend_appeared' | 'backend_vanished', run: Run, other: Run): Candidate => {
    const usualRate = speed(other)
    return {
      kind,
      run,
      backend: backendSeries.backend,
      before: kind === 'backend_appeared' ? 0 : usualRate,
      after: kind === 'backend_appeared' ? usualRate : 0,
      measures: 'rate',
      levels:
        kind === 'backend_appeared' ? { usual: 0, changed: usualRate } : { usual: usualRate, changed: 0 },
      value: (line) => line?.requests ?? 0,
      weight: () => 1,
      confirm: (line, { totals }) =>
        kind === 'backend_appeared' || (line?.requests ?? 0) <= NOTHING_LEFT * usual * totals.requests,
      culprit: () => null,
      describe: (line, length) => {
        const span = longSpan(length)
        const lasts = run.to < end
        const now = ((line?.requests ?? 0) * 1e6) / length
        return kind === 'backend_appeared'
          ? {
              after: now,
              what: `${label(backendSeries.backend)} appeared with ${rate(now)} requests per second${lasts ? `, for ${span}` : ''}`,
            }
          : {
              after: now,
              what: `${label(backendSeries.backend)} got no requests for ${span}${lasts ? '' : ', to the end'}; ${rate(usualRate)} per second otherwise`,
            }
      },
    }
  }
  const present: Run = { from: first, to: last + 1 }
  if (before !== undefined) {
    const appeared: Run = { from: first, to: after === undefined ? end : last + 1 }
    return [
      candidate('backend_appeared', appeared, present),
      ...middle.map((run) => candidate('backend_vanished', run, present)),
    ]
  }
  return [...middle, ...(after === undefined ? [] : [{ from: after.from, to: end }])].map((run) =>
    candidate('backend_vanished', run, { from: first, to: run.from }),
  )
}

const isMissing = ({ seconds }: StepSeries, i: number): boolean => seconds[i] === 0
const firstStep = ({ seconds }: Exposed): number => seconds.findIndex((length) => length > 0)

function shareWhere(
  backendSeries: BackendSeries,
  wholes: readonly number[],
  active: (i: number) => boolean,
): number {
  let [own, all] = [0, 0]
  backendSeries.requests.forEach((requests, i) => {
    if (!active(i)) return
    own += requests
    all += wholes[i]!
  })
  return all === 0 ? 0 : own / all
}
