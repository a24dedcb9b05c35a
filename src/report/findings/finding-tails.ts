/**
 * Slow tails: more answers than usual are slow, while the median may stay the same. Each route has its own limit: the lowest power
 * of two that few of its answers exceed. So a changed mix of routes does not change the share of slow answers. Bursts of this share
 * are then found as for 5xx.
 */
import { ratio } from '../../frame/expression/measure.ts'
import { routeKey, type BackendSum, type RouteSum } from '../../frame/model/aggregate.ts'
import { boundsOf, octaveOf, OCTAVES, SUB } from '../../frame/model/histogram.ts'
import { micros } from '../../frame/model/units.ts'
import { exactCount, finePercent, latency, longSpan } from '../../render/quantities.ts'
import type { BackendSeries, RouteSeries } from '../data/step-series.ts'
import { burstsIn, type Threshold } from './bursts.ts'
import { mainRoute } from './culprit.ts'
import { shiftOf, SLOW, slowDown } from './finding-times.ts'
import type { Candidate, DetectorInput } from './finding.ts'

/** At most this share of a route's answers exceeds its limit, within its quick steps. */
const MAX_BEYOND = 0.04
/** The quick steps are those whose median is at most this quantile of the medians. */
const QUICK_QUANTILE = 0.7
const THRESHOLD: Threshold = { score: 7, rise: 0.04 }

export function slowTails({ series, label }: DetectorInput): Candidate[] {
  return series.backends.flatMap((backendSeries) => {
    const limits = new Map(backendSeries.routes.map((route) => [routeKey(route.route), limitOf(route)]))
    const { slow, all } = countsOf(backendSeries, limits, series.count)
    const part = (line: BackendSum): number => slowIn(line, limits)
    return burstsIn(slow, all, THRESHOLD).map(({ run, usual, share }): Candidate => ({
      kind: 'slow_tail',
      run,
      backend: backendSeries.backend,
      before: usual,
      after: share,
      measures: 'ratio',
      levels: { usual, changed: share },
      value: (line) => (line === null || line.header.sampled === 0 ? null : part(line) / line.header.sampled),
      weight: (line) => line?.header.sampled ?? 0,
      confirm: () => true,
      culprit: (within) => mainRoute(within, (route) => slowOf(route, limits)),
      describe: (line, length, route) => {
        const [bad, whole] = line === null ? [0, 0] : [part(line), line.header.sampled]
        const place =
          route === null ? label(backendSeries.backend) : `${label(backendSeries.backend)} ${route}`
        const shift = line === null ? null : shiftOf(line, backendSeries, route)
        if (shift !== null && shift.log >= SLOW)
          return { kind: 'slow_down', ...slowDown(place, shift, length) }
        return {
          after: ratio(bad, whole),
          what: `slow answers on ${place}: ${finePercent(ratio(bad, whole))} took over ${limitText(limits, route)} for ${longSpan(length)} (${exactCount(bad)} of ${exactCount(whole)}), ${finePercent(usual)} otherwise`,
        }
      },
    }))
  })
}

/** By route key: the first octave that counts as slow. */
type Limits = ReadonlyMap<string, number>

/** Computed from the route's quick steps. Otherwise a route that is slow for a long time would raise its own limit. */
function limitOf({ octaves, medians, steps }: RouteSeries): number {
  if (octaves.length === 0) return OCTAVES
  const quick = Float64Array.from(medians).sort()[Math.floor((steps.length - 1) * QUICK_QUANTILE)]!
  const totals = new Array<number>(OCTAVES).fill(0)
  for (let i = 0; i < steps.length; i++) {
    if (medians[i]! > quick) continue
    for (let octave = 0; octave < OCTAVES; octave++) totals[octave]! += octaves[i * OCTAVES + octave]!
  }
  const most = MAX_BEYOND * totals.reduce((all, count) => all + count, 0)
  let beyond = 0
  for (let octave = OCTAVES - 1; octave >= 0; octave--) {
    beyond += totals[octave]!
    if (beyond > most) return octave + 1
  }
  return OCTAVES
}

/** Slow answers and all answers of each step. */
function countsOf(
  { routes }: BackendSeries,
  limits: Limits,
  count: number,
): { slow: number[]; all: number[] } {
  const [slow, all] = [new Array<number>(count).fill(0), new Array<number>(count).fill(0)]
  for (const { route, steps, answered, octaves } of routes) {
    if (octaves.length === 0) continue
    const limit = limits.get(routeKey(route)) ?? OCTAVES
    steps.forEach((step, i) => {
      all[step]! += answered[i]!
      for (let octave = limit; octave < OCTAVES; octave++) slow[step]! += octaves[i * OCTAVES + octave]!
    })
  }
  return { slow, all }
}

const slowIn = ({ routes }: { readonly routes: readonly RouteSum[] }, limits: Limits): number =>
  routes.reduce((total, route) => total + slowOf(route, limits), 0)

function slowOf({ route, header: { buckets } }: RouteSum, limits: Limits): number {
  const limit = limits.get(routeKey(route)) ?? OCTAVES
  let slow = 0
  for (let i = 0; i < buckets.length; i += 2) if (octaveOf(buckets[i]!) >= limit) slow += buckets[i + 1]!
  return slow
}

function limitText(limits: Limits, route: string | null): string {
  const one = route === null ? undefined : limits.get(route)
  const all = (one === undefined ? [...limits.values()] : [one]).filter((limit) => limit < OCTAVES)
  const [least, most] = [Math.min(...all), Math.max(...all)].map((octave) =>
    latency(micros(boundsOf(octave * SUB)[0])),
  )
  return least === most ? least! : `${least} to ${most} (by route)`
}
