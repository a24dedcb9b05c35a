/** A finding over several hosts: who shows its edges, and whether one of them saw the change at all. */
import type { BackendSum } from '../../frame/model/aggregate.ts'
import { addMicros, wallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import type { Exposed } from '../data/exposure.ts'
import type { StepSeries } from '../data/step-series.ts'
import { gainOf, timeOfStep } from './edges.ts'
import type { Candidate } from './finding.ts'

export interface Witnesses {
  readonly hosts: readonly string[]
  /** what they have of the traffic of all */
  readonly share: number
}

/** The candidate's line in a span, of some hosts. */
type LineOf = (span: TimeSpan, hosts: readonly string[]) => BackendSum | null

/** More hosts would cost more, and show the same second. */
const MOST = 3

/** Of a ratio the hosts that show it best, of a rate those with the most traffic. @param exposed of the candidate's backend */
export function witnessesOf(
  candidate: Candidate,
  series: StepSeries,
  { amounts, recorded }: Exposed,
  lineOf: LineOf,
): Witnesses {
  const hosts = series.hosts.map(({ host }, i) => ({ host, amount: amounts[i]! }))
  if (hosts.length <= MOST) return { hosts: hosts.map(({ host }) => host), share: 1 }
  const span = {
    from: timeOfStep(series, recorded, candidate.run.from),
    to: timeOfStep(series, recorded, candidate.run.to),
  }
  const weightOf = ({ host, amount }: (typeof hosts)[number]): number =>
    candidate.measures === 'rate' ? amount : (gainOf(candidate, lineOf(span, [host])) ?? 0)
  const best = hosts
    .map((each) => ({ ...each, weight: weightOf(each) }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, MOST)
  const share = sum(best.map(({ amount }) => amount)) / Math.max(1, sum(amounts))
  return { hosts: best.map(({ host }) => host), share }
}

/** A host that records less than this part of what another one does has joined or left meanwhile. */
const NEARLY_ALL = 0.9
/** Least part of the change that the hosts themselves show. */
const SHOWN = 0.5

/**
 * A host that joins or leaves changes a mean over hosts, but nothing has changed. So each host's span is held against its own times
 * before and after it. Rates need no such test: they are taken over hosts that recorded.
 */
export function isSeenByHosts(
  candidate: Candidate,
  series: StepSeries,
  span: TimeSpan,
  lineOf: LineOf,
): boolean {
  const { hosts } = series
  if (candidate.measures === 'rate' || hosts.length < 2) return true
  const length = span.to - span.from
  const around: TimeSpan[] = [
    { from: addMicros(span.from, 0 - length), to: span.from },
    { from: span.to, to: addMicros(span.to, length) },
  ]
  if ([...around, span].every((part) => isRecordedAlike(series, part))) return true
  let [change, weights] = [0, 0]
  for (const { host } of hosts) {
    const within = lineOf(span, [host])
    const [inside, outside] = [candidate.value(within), usualOf(candidate, around, host, lineOf)]
    if (inside === null || outside === null) continue
    change += candidate.weight(within) * (inside - outside)
    weights += candidate.weight(within)
  }
  const { usual, changed } = candidate.levels
  return weights > 0 && change / weights >= SHOWN * (changed - usual)
}

/** All hosts recorded of the span about as much, or nothing. */
function isRecordedAlike({ hosts, grid, count }: StepSeries, { from, to }: TimeSpan): boolean {
  const first = from >= grid.timeOf(count) ? count : grid.indexOf(from)
  const last = to <= grid.timeOf(0) ? 0 : grid.indexOf(wallMicros(to - 1)) + 1
  const recorded = hosts.map(({ seconds }) => sum(seconds.slice(first, last)))
  return Math.min(...recorded) >= NEARLY_ALL * Math.max(...recorded)
}

/** The host's own level before and after; null if it did not record then. */
function usualOf(
  candidate: Candidate,
  around: readonly TimeSpan[],
  host: string,
  lineOf: LineOf,
): number | null {
  let [total, weights] = [0, 0]
  for (const span of around) {
    const line = lineOf(span, [host])
    const value = candidate.value(line)
    if (value === null) continue
    total += candidate.weight(line) * value
    weights += candidate.weight(line)
  }
  return weights === 0 ? null : total / weights
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
