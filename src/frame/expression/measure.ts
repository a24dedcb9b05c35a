/** Computes the measures of an expression from counts. docs/NUMBERS.md defines each. */
import type { Aggregate } from '../model/aggregate.ts'
import type { ConnectionCounts, Counts, Distribution } from '../model/frame.ts'
import { grpcEnded, grpcErrors, GRPC_NONE } from '../model/grpc.ts'
import { percentile } from '../model/histogram.ts'
import { addKnown } from '../model/known.ts'
import { isRead, isUnread, protocolOf } from '../model/protocol.ts'
import { micros, type Micros } from '../model/units.ts'
import { failedConnects, failedRequests, openConnections } from '../sum/sums.generated.ts'
import type { Clock, CountName, Expression, Measure, MeasureTest, Quantity, Statistic } from './expression.ts'
import { compare } from './selection.ts'

/** A result line: totals, a backend, a route. */
export interface Measurable extends Counts {
  /** absent for a route: connections belong to backends */
  readonly connection?: ConnectionCounts
  /** of totals: the backends that they add up */
  readonly rows?: readonly Measurable[]
}

/** The totals of a selection, as a line. */
export const totalsLine = ({ totals, backends }: Pick<Aggregate, 'totals' | 'backends'>): Measurable => ({
  ...totals,
  rows: backends,
})

/** The range of a line. */
export interface MeasuredSpan {
  /** sum of the real tick lengths; rates divide by it */
  readonly length: Micros
  /** 0–1; null if it is not needed */
  readonly coverage: number | null
}

/**
 * The measure in the base unit of `unit` (µs, 0–1, a number, a number per second); null if there is nothing to measure: no comparison is
 * true then.
 */
export function measure(
  what: Measure,
  unit: Quantity['unit'],
  line: Measurable,
  span: MeasuredSpan,
): number | null {
  switch (what.kind) {
    case 'rps':
      return perSecond(line.requests, span.length)
    case 'coverage':
      return span.coverage
    case 'absent':
      return line.rows?.length === 0 ? 1 : 0
    case 'latency':
      return statistic(distributionOf(line, what.clock), what.statistic)
    case 'count': {
      const count = COUNT_OF[what.name](line)
      if (count === null) return null
      if (unit === 'rate') return perSecond(count, span.length)
      if (unit !== 'percent' && unit !== 'points') return count
      return ratio(count, wholeOf(what.name, line))
    }
  }
}

/** What a count is a share of. */
function wholeOf(name: CountName, line: Measurable): number {
  switch (name) {
    case 'failures':
      return attempts(line)
    case 'grpc_errors':
      return grpcEnded(line.grpc) ?? 0
    default:
      return line.answered
  }
}

/** Three-valued logic (Kleene): null if the result depends on a measure that is null. */
export function holds(
  expression: Expression,
  measureOf: (test: MeasureTest) => number | null,
): boolean | null {
  switch (expression.kind) {
    case 'measure': {
      const value = measureOf(expression)
      return value === null ? null : compare(value, expression.comparison, expression.quantity.value)
    }
    case 'not': {
      const inner = holds(expression.part, measureOf)
      return inner === null ? null : !inner
    }
    case 'and':
    case 'or': {
      const decisive = expression.kind === 'or'
      const parts = expression.parts.map((part) => holds(part, measureOf))
      return parts.includes(decisive) ? decisive : parts.includes(null) ? null : !decisive
    }
    case 'text':
    case 'status':
      throw new Error('backend, method, route and status select rows, not lines')
  }
}

export function statistic(of: Distribution, name: Statistic): number | null {
  if (name === 'avg') return ratio(of.sum, of.count)
  if (of.min === null || of.max === null) return null
  if (name === 'min' || name === 'max') return of[name]
  return percentile(of.buckets, QUANTILES[name], of.min, of.max)
}

export const QUANTILES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 } as const

export const failureCount = ({ failures, connection }: Measurable): number =>
  failedRequests(failures) + (connection ? failedConnects(connection) : 0)

/**
 * Attempts to reach a backend: requests and failed connects. Where requests cannot be read, connects take their place; totals add
 * the attempts of their rows.
 */
export function attempts(line: Measurable): number {
  if (line.rows) return line.rows.reduce((sum, row) => sum + attempts(row), 0)
  const { requests, connection } = line
  if (!connection) return requests
  return (isUnread({ ...line, connection }) ? connection.connects : requests) + failedConnects(connection)
}

/** Of requests, and of connections that cannot be read. */
export const sentBytes = ({ sentBytes, connection }: Measurable): number | null =>
  withUnread(sentBytes, connection?.sentBytes, connection)
export const receivedBytes = ({ receivedBytes, connection }: Measurable): number | null =>
  withUnread(receivedBytes, connection?.receivedBytes, connection)

/** A recording that does not have the bytes of such connections says at least whether there were any. */
function withUnread(
  read: number | null,
  unread: number | null | undefined,
  connection: ConnectionCounts | undefined,
): number | null {
  if (!connection) return read
  return addKnown(read, unread ?? (connection.opaque === 0 ? 0 : null))
}

/** Open connections whose requests cannot be read. null: the row has requests, or the recording does not know. */
export const openOf = (row: Counts & { readonly connection: ConnectionCounts }): number | null =>
  row.inFlight > 0 || isRead(protocolOf(row)) ? null : openConnections(row.connection)

/** Answers of a class, 1 to 5. */
export function classCount({ codes }: Pick<Counts, 'codes'>, digit: number): number {
  let count = 0
  for (let i = 0; i < codes.length; i += 2) if (Math.floor(codes[i]! / 100) === digit) count += codes[i + 1]!
  return count
}

/**
 * gRPC errors that neither failures nor 5xx tell: most are behind a 200. A failed exchange, and one that a proxy in between answered with a
 * 5xx, ended without a status. 0 where they are unknown.
 */
export function quietGrpcErrors(line: Measurable): number {
  const { grpc } = line
  if (grpc === null || grpc.length === 0) return 0
  const none = grpc.at(-2) === GRPC_NONE ? grpc.at(-1)! : 0
  const told = failedRequests(line.failures) + classCount(line, 5)
  return (grpcErrors(grpc) ?? 0) - Math.min(none, told)
}

export const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)
export const perSecond = (count: number, length: Micros): number | null => ratio(count * 1e6, length)

const COUNT_OF = {
  requests: (line: Measurable) => line.requests,
  answered: (line: Measurable) => line.answered,
  '1xx': (line: Measurable) => classCount(line, 1),
  '2xx': (line: Measurable) => classCount(line, 2),
  '3xx': (line: Measurable) => classCount(line, 3),
  '4xx': (line: Measurable) => classCount(line, 4),
  '5xx': (line: Measurable) => classCount(line, 5),
  failures: failureCount,
  unseen: (line: Measurable) => line.unseen,
  grpc_errors: (line: Measurable) => grpcErrors(line.grpc),
  in_flight: (line: Measurable) => line.inFlight,
  retransmits: (line: Measurable) => line.retransmits + (line.connection?.retransmits ?? 0),
  retries: (line: Measurable) => line.retries,
  sent_bytes: sentBytes,
  received_bytes: receivedBytes,
  connects: (line: Measurable) => line.connection?.connects ?? 0,
} as const

const NO_CONNECT: Distribution = { count: 0, sum: micros(0), sampled: 0, min: null, max: null, buckets: [] }

const distributionOf = (line: Measurable, clock: Clock): Distribution =>
  clock === 'header' ? line.header : clock === 'total' ? line.total : (line.connection?.connect ?? NO_CONNECT)
