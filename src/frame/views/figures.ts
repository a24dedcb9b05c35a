/** The numbers of one line of the screen, and their coverage. */
import {
  attempts,
  classCount,
  failureCount,
  perSecond,
  quietGrpcErrors,
  ratio,
  receivedBytes,
  sentBytes,
  statistic,
  type Measurable,
} from '../expression/measure.ts'
import type { Aggregate } from '../model/aggregate.ts'
import { CONNECT_FAILURES, ROUTE_FAILURES } from '../model/counters.ts'
import type { Codes, Counts } from '../model/frame.ts'
import { grpcEnded, grpcName } from '../model/grpc.ts'
import { protocolOf } from '../model/protocol.ts'
import type { Micros } from '../model/units.ts'

export interface Figures {
  readonly requests: number
  readonly rps: number
  readonly answered: number
  readonly inFlight: number
  readonly oldest: Micros
  /** 0–1 of answered */
  readonly classes: readonly { readonly name: string; readonly count: number; readonly ratio: number }[]
  /** gRPC exchanges that ended, by status: OK first, then the most frequent; null: unknown */
  readonly grpc: readonly GrpcShare[] | null
  /** most of its exchanges are gRPC: its statuses say more than its status codes */
  readonly isGrpc: boolean
  readonly failures: number
  /** failures by kind, without zeros */
  readonly failureKinds: readonly { readonly kind: string; readonly count: number }[]
  /** failures, 5xx, and gRPC errors that neither tells */
  readonly bad: number
  /** `bad` / attempts, 0–1; it makes a row red */
  readonly trouble: number
  readonly avg: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
  readonly max: number | null
  readonly totalP99: number | null
  /** the ring lost events: percentiles use fewer requests than were counted */
  readonly thinned: boolean
  readonly retransmits: number
  readonly retries: number
  /** null: the recording does not have it */
  readonly sentBytes: number | null
  readonly receivedBytes: number | null
  /** both, per second */
  readonly byteRate: number | null
}

export interface GrpcShare {
  readonly status: number
  readonly name: string
  readonly count: number
  /** 0–1 of those that ended */
  readonly ratio: number
}

export function figures(sum: Measurable, length: Micros): Figures {
  const failures = failureCount(sum)
  const bad = failures + classCount(sum, 5) + quietGrpcErrors(sum)
  const [sent, received] = [sentBytes(sum), receivedBytes(sum)]
  return {
    requests: sum.requests,
    rps: perSecond(sum.requests, length) ?? 0,
    answered: sum.answered,
    inFlight: sum.inFlight,
    oldest: sum.oldest,
    classes: classesOf(sum),
    grpc: sum.grpc && grpcShares(sum.grpc),
    isGrpc: isMostlyGrpc(sum),
    failures,
    failureKinds: failures === 0 ? [] : failureKindsOf(sum),
    bad,
    trouble: Math.min(1, ratio(bad, Math.max(attempts(sum), failures + sum.answered)) ?? 0),
    avg: statistic(sum.header, 'avg'),
    p50: statistic(sum.header, 'p50'),
    p90: statistic(sum.header, 'p90'),
    p99: statistic(sum.header, 'p99'),
    max: statistic(sum.header, 'max'),
    totalP99: statistic(sum.total, 'p99'),
    thinned: sum.header.sampled < sum.header.count,
    retransmits: sum.retransmits + (sum.connection?.retransmits ?? 0),
    retries: sum.retries,
    sentBytes: sent,
    receivedBytes: received,
    byteRate: sent === null || received === null ? null : perSecond(sent + received, length),
  }
}

function classesOf(sum: Counts): Figures['classes'] {
  const classes: Figures['classes'][number][] = []
  for (let digit = 1; digit <= 5; digit++) {
    const count = classCount(sum, digit)
    if (count > 0) classes.push({ name: `${digit}xx`, count, ratio: count / sum.answered })
  }
  return classes
}

function grpcShares(grpc: Codes): GrpcShare[] {
  const ended = grpcEnded(grpc) ?? 0
  const shares: GrpcShare[] = []
  for (let i = 0; i < grpc.length; i += 2) {
    const [status, count] = [grpc[i]!, grpc[i + 1]!]
    shares.push({ status, name: grpcName(status), count, ratio: count / ended })
  }
  const isError = ({ status }: GrpcShare): number => Number(status !== 0)
  return shares.sort((a, b) => isError(a) - isError(b) || b.count - a.count || a.status - b.status)
}

/** A backend has a protocol; of a route, and where no request began, what ended tells. */
function isMostlyGrpc(sum: Measurable): boolean {
  if (sum.connection && sum.requests > 0) return protocolOf({ ...sum, connection: sum.connection }) === 'grpc'
  const ended = grpcEnded(sum.grpc) ?? 0
  return ended > (sum.answered + failureCount(sum)) / 2
}

function failureKindsOf({ failures, connection }: Measurable): Figures['failureKinds'] {
  const kindOf = (word: string): string => word.replaceAll('_', ' ')
  return [
    ...ROUTE_FAILURES.map(({ word, name }) => ({ kind: kindOf(word), count: failures[name] })),
    ...CONNECT_FAILURES.map(({ word, name }) => ({ kind: kindOf(word), count: connection?.[name] ?? 0 })),
  ].filter(({ count }) => count > 0)
}

/** What coverage is computed from; an aggregate has it. */
export interface Seen {
  readonly covered: Micros
  readonly totals: Pick<Counts, 'requests' | 'unseen'>
  readonly loss: Pick<Aggregate['loss'], 'mapRefused' | 'ambiguous' | 'unmatchedResponses'>
}

/**
 * Covered / elapsed time, times counted / all requests (docs/NUMBERS.md, coverage); 0–1.
 * @param time that passed, µs: also before the first tick, after the last, and between them
 */
export function coverageOf(sum: Seen, time: number): number {
  const { covered, totals, loss } = sum
  const missed = loss.mapRefused + loss.ambiguous + loss.unmatchedResponses
  const known = totals.requests - (totals.unseen ?? 0)
  const seen = totals.requests + missed === 0 ? 1 : known / (totals.requests + missed)
  // The last tick may end after the span.
  const elapsed = Math.max(time, covered)
  return elapsed === 0 ? seen : (covered / elapsed) * seen
}
