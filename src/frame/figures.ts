/** The numbers of one line of the screen, and how much of the truth they are. */
import type { Aggregate, ConnectionCounts } from './aggregate.ts'
import type { Counts } from './frame.ts'
import {
  attempts,
  classCount,
  failureCount,
  perSecond,
  ratio,
  statistic,
  type Measurable,
} from './measure.ts'
import type { Micros } from './units.ts'

export interface Figures {
  readonly requests: number
  readonly rps: number
  readonly answered: number
  readonly inFlight: number
  readonly oldest: Micros
  /** 0–1 of answered */
  readonly classes: readonly { readonly name: string; readonly count: number; readonly ratio: number }[]
  readonly failures: number
  /** failures by kind, those that happened */
  readonly failureKinds: readonly { readonly kind: string; readonly count: number }[]
  /** failures and 5xx over attempts: what makes a row red */
  readonly trouble: number
  readonly avg: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
  readonly max: number | null
  readonly totalP99: number | null
  /** the ring lost events: percentiles rest on fewer requests than were counted */
  readonly thinned: boolean
  readonly retransmits: number
  readonly retries: number
}

export function figures(
  sum: Counts & { readonly connection?: ConnectionCounts | null },
  length: Micros,
): Figures {
  const line: Measurable = { ...sum, connection: sum.connection ?? null }
  const failures = failureCount(line)
  return {
    requests: sum.requests,
    rps: perSecond(sum.requests, length) ?? 0,
    answered: sum.answered,
    inFlight: sum.inFlight,
    oldest: sum.oldest,
    classes: classesOf(sum),
    failures,
    failureKinds: failureKindsOf(line),
    trouble: ratio(failures + classCount(sum, 5), Math.max(attempts(line), failures + sum.answered)) ?? 0,
    avg: statistic(sum.header, 'avg'),
    p50: statistic(sum.header, 'p50'),
    p90: statistic(sum.header, 'p90'),
    p99: statistic(sum.header, 'p99'),
    max: statistic(sum.header, 'max'),
    totalP99: statistic(sum.total, 'p99'),
    thinned: sum.header.sampled < sum.header.count,
    retransmits: sum.retransmits + (line.connection?.retransmits ?? 0),
    retries: sum.retries,
  }
}

function classesOf(sum: Counts): Figures['classes'] {
  return [1, 2, 3, 4, 5]
    .map((digit) => ({ name: `${digit}xx`, count: classCount(sum, digit) }))
    .filter(({ count }) => count > 0)
    .map((status) => ({ ...status, ratio: status.count / sum.answered }))
}

function failureKindsOf({ failures, connection }: Measurable): Figures['failureKinds'] {
  const all = {
    ...failures,
    refused: connection?.refused ?? 0,
    'connect timeout': connection?.connectTimeout ?? 0,
  }
  return Object.entries(all)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => ({ kind, count }))
}

/**
 * Covered over elapsed time, times what was counted over what was there (docs/NUMBERS.md, coverage); 0–1.
 * @param span what was asked for, where that is more than what the ticks span
 */
export function coverageOf(sum: Aggregate, { from, to }: Pick<Aggregate, 'from' | 'to'> = sum): number {
  const { covered, totals, loss } = sum
  const missed = loss.mapRefused + loss.ambiguous + loss.unmatchedResponses
  const seen = totals.requests + missed === 0 ? 1 : totals.requests / (totals.requests + missed)
  // A clock that was set back makes the span shorter than the ticks in it; the last tick may end after the span.
  const elapsed = Math.max(to - from, covered)
  return elapsed === 0 ? seen : (covered / elapsed) * seen
}
