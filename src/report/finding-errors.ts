/** Bursts: more 5xx, failures or refused connections of a backend than it has otherwise. */
import { NO_CONNECTIONS } from '../frame/aggregate.ts'
import { routeKey, type Aggregate, type BackendSum } from '../frame/aggregate.ts'
import { classCount, ratio } from '../frame/measure.ts'
import { exactCount, finePercent, longSpan } from '../render/quantities.ts'
import type { FindingKind } from './document.ts'
import type { Candidate, Looking } from './finding.ts'
import { runsOf, spread, sum, surprise, type Run } from './runs.ts'
import type { BackendSeries } from './step-series.ts'

interface ErrorKind {
  readonly kind: FindingKind
  readonly counts: (of: BackendSeries) => readonly number[]
  readonly wholes: (of: BackendSeries) => readonly number[]
  /** of the same counts, from a sum */
  readonly part: (of: BackendSum) => number
  readonly whole: (of: BackendSum) => number
  readonly words: string
  /** standard deviations that a burst must have */
  readonly least: number
}

const KINDS: readonly ErrorKind[] = [
  {
    kind: 'burst_5xx',
    counts: (of) => of.fivexx,
    wholes: (of) => of.answered,
    part: (of) => classCount(of, 5),
    whole: (of) => of.answered,
    words: '5xx on',
    least: 6,
  },
  {
    kind: 'burst_failures',
    counts: (of) => of.failures,
    wholes: (of) => of.requests,
    part: ({ failures: { reset, closed, aborted, unanswered } }) => reset + closed + aborted + unanswered,
    whole: (of) => of.requests,
    words: 'failures on',
    least: 6,
  },
  {
    kind: 'backend_refused',
    counts: (of) => of.refused,
    wholes: (of) => of.requests.map((requests, i) => requests + of.refused[i]!),
    part: ({ connection }) => connection.refused + connection.connectTimeout,
    whole: ({ requests, connection }) => requests + connection.refused + connection.connectTimeout,
    words: 'connections refused or timed out by',
    least: 4,
  },
]

/** Fewer tell nothing. */
const LEAST_ERRORS = 8
/** A burst is at least a point, and twice what is usual. */
const LEAST_RISE = 0.01

export function errorBursts({ series, label }: Looking): Candidate[] {
  return series.backends.flatMap((of) =>
    KINDS.flatMap((kind) => {
      const [counts, wholes] = [kind.counts(of), kind.wholes(of)]
      return burstsIn(counts, wholes, kind.least).map(({ run, usual }): Candidate => {
        return {
          kind: kind.kind,
          run,
          backend: of.backend,
          before: usual,
          after: sum(counts, run) / sum(wholes, run),
          value: (line) =>
            line === null || kind.whole(line) === 0 ? null : kind.part(line) / kind.whole(line),
          weight: (line) => (line === null ? 0 : kind.whole(line)),
          confirm: () => true,
          culprit: (within) => mainRoute(within, kind),
          settle: (line, length, route) => {
            const [errors, all] = line === null ? [0, 0] : [kind.part(line), kind.whole(line)]
            const place = route === null ? label(of.backend) : `${label(of.backend)} ${route}`
            const counted = `${exactCount(errors)} of ${exactCount(all)}`
            const share = ratio(errors, all)
            return {
              after: share,
              what: `${kind.words} ${place}: ${finePercent(share)} for ${longSpan(length)} (${counted}), ${finePercent(usual)} otherwise`,
            }
          },
        }
      })
    }),
  )
}

interface Burst {
  readonly run: Run
  /** share in all steps but those of bursts */
  readonly usual: number
}

/** Looks for bursts above the better half of the time, then holds them against all the time that is left. */
function burstsIn(counts: readonly number[], wholes: readonly number[], least: number): Burst[] {
  const better = betterShare(counts, wholes)
  const scores = counts.map((count, i) => surprise(count, wholes[i]! * better))
  const noise = spread(scores.filter((_, i) => wholes[i]! > 0))
  const unusual = counts.map((count, i) => {
    const whole = wholes[i]!
    return whole === 0 ? null : scores[i]! / noise > 1.5 && count / whole > 2 * better
  })
  const isBurst =
    (usual: number) =>
    (run: Run): boolean => {
      const [bad, all] = [sum(counts, run), sum(wholes, run)]
      const rises = bad / all >= Math.max(usual + LEAST_RISE, 2 * usual)
      return bad >= LEAST_ERRORS && rises && surprise(bad, all * usual) / noise >= least
    }
  const runs = runsOf(unusual, 2).filter(isBurst(better))
  const usual = shareOutside(counts, wholes, runs)
  return runs.filter(isBurst(usual)).map((run) => ({ run, usual }))
}

function shareOutside(counts: readonly number[], wholes: readonly number[], runs: readonly Run[]): number {
  const outside = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0) -
    runs.reduce((total, run) => total + sum(values, run), 0)
  const whole = outside(wholes)
  return whole === 0 ? 0 : outside(counts) / whole
}

/** Of the better half of the time: an incident may fill nearly as much of a recording. */
function betterShare(counts: readonly number[], wholes: readonly number[]): number {
  const steps = counts
    .map((count, i) => ({ count, whole: wholes[i]! }))
    .filter(({ whole }) => whole > 0)
    .sort((a, b) => a.count / a.whole - b.count / b.whole)
  const better = steps.slice(0, Math.ceil(steps.length / 2))
  const whole = better.reduce((total, step) => total + step.whole, 0)
  return whole === 0 ? 0 : better.reduce((total, step) => total + step.count, 0) / whole
}

/** The route that has nine tenths of it, if one does and others had traffic. */
function mainRoute(within: Aggregate, { part }: ErrorKind): string | null {
  const routes = within.backends.flatMap((of) =>
    of.routes.map((route) => ({
      key: routeKey(route.route),
      bad: part({ ...of, ...route, connection: NO_CONNECTIONS }),
    })),
  )
  const all = routes.reduce((total, { bad }) => total + bad, 0)
  const main = routes.find(({ bad }) => bad > 0.9 * all)
  return routes.length > 1 && main !== undefined ? main.key : null
}
