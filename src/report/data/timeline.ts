/** The range in equal steps: rate, errors and time of each, null where nothing was recorded. */
import { classCount, failureCount, ratio, statistic } from '../../frame/expression/measure.ts'
import { selectRows } from '../../frame/expression/selection.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { addMicros, micros, wallMicros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { aggregateWithin } from './fleet.ts'
import type { Query } from './summary.ts'

export interface Timeline {
  readonly start: WallMicros
  readonly step: Micros
  readonly points: readonly (TimelinePoint | null)[]
}

/** Rates are per second of recorded time. */
export interface TimelinePoint {
  readonly rps: number
  readonly fivexx: number
  readonly failures: number
  /** mean header time, µs; null when nothing was answered */
  readonly avg: number | null
  /** null if the point is made from tick summaries: these have no percentiles */
  readonly p99: number | null
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]

/** The finest round step (1 s, 2 s, … 1 d) that gives at most `points` points. */
export function stepFor({ from, to }: TimeSpan, points: number): Micros {
  const seconds = (to - from) / 1e6
  const step =
    STEPS.find((each) => seconds / each <= points - 1) ?? Math.ceil(seconds / points / 86_400) * 86_400
  return micros(step * 1e6)
}

/** Without a selection the tick summaries are enough, and no row is read. */
export function timelineOf(recordings: readonly Recording[], query: Query, points: number): Timeline {
  const step = stepFor(query.range, points)
  const start = wallMicros(Math.floor(query.range.from / step) * step)
  // The last tick ends some µs after its second. That must not add a step.
  const count = Math.max(1, Math.ceil((query.range.to - start) / step - 1e-3))
  if (query.selection.rows === null)
    return { start, step, points: fromTicks(recordings, query.range, start, step, count) }
  const steps = Array.from({ length: count }, (_, i) => {
    const from = wallMicros(Math.max(start + i * step, query.range.from))
    const to = wallMicros(Math.min(start + (i + 1) * step, query.range.to))
    return pointOf(selectRows(aggregateWithin(recordings, { from, to }), query.selection.rows))
  })
  return { start, step, points: steps }
}

export const timeOf = ({ start, step }: Timeline, index: number): WallMicros => addMicros(start, index * step)

export function pointOf({ ticks, totals, length }: Aggregate): TimelinePoint | null {
  if (ticks === 0) return null
  const seconds = length / 1e6
  return {
    rps: totals.requests / seconds,
    fivexx: classCount(totals, 5) / seconds,
    failures: failureCount(totals) / seconds,
    avg: ratio(totals.header.sum, totals.header.count),
    p99: statistic(totals.header, 'p99'),
  }
}

interface TickSum {
  length: number
  requests: number
  answered: number
  fivexx: number
  failures: number
  headerSum: number
}

function fromTicks(
  recordings: readonly Recording[],
  range: TimeSpan,
  start: WallMicros,
  step: Micros,
  count: number,
): (TimelinePoint | null)[] {
  const perHost = new Map<string, (TickSum | null)[]>()
  for (const { info, ticks } of recordings) {
    const sums = perHost.get(info.host) ?? Array.from({ length: count }, () => null)
    perHost.set(info.host, sums)
    for (const tick of ticks) {
      if (tick.start >= range.from && tick.start < range.to)
        addTick(sums, Math.min(count - 1, Math.floor((tick.start - start) / step)), tick)
    }
  }
  const hosts = [...perHost.values()]
  return Array.from({ length: count }, (_, i) => joinHosts(hosts.map((sums) => sums[i] ?? null)))
}

function addTick(sums: (TickSum | null)[], index: number, tick: TickSummary): void {
  const sum = (sums[index] ??= { length: 0, requests: 0, answered: 0, fivexx: 0, failures: 0, headerSum: 0 })
  sum.length += tick.length
  sum.requests += tick.requests
  sum.answered += tick.answered
  sum.fivexx += tick.fivexx
  sum.failures += tick.failures
  sum.headerSum += tick.headerSum
}

/** Hosts run in parallel, so their rates are added. */
function joinHosts(sums: readonly (TickSum | null)[]): TimelinePoint | null {
  const known = sums.filter((sum) => sum !== null)
  if (known.length === 0) return null
  const rate = (valueOf: (sum: TickSum) => number): number =>
    known.reduce((total, sum) => total + (valueOf(sum) * 1e6) / sum.length, 0)
  const answered = known.reduce((total, sum) => total + sum.answered, 0)
  return {
    rps: rate((sum) => sum.requests),
    fivexx: rate((sum) => sum.fivexx),
    failures: rate((sum) => sum.failures),
    avg: ratio(
      known.reduce((total, sum) => total + sum.headerSum, 0),
      answered,
    ),
    p99: null,
  }
}
