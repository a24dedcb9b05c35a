/**
 * The expression language of --where, assert, --fail-on and --on.
 *
 *   backend ~ '10.0.1.' and route = '/checkout' and p99 > 200ms
 *   not (5xx < 1%) or p99(10.0.1.10:8080 /checkout) >= 300ms
 *   absent(/old)                                     (the route does not occur)
 *   p99 > +20%                                       (a change: only where two recordings or ranges are compared)
 *   5xx(*) > 5% for 10s                              (of any one backend; `for` only in --on)
 *
 * backend, upstream, namespace, method, route and status select rows; measures select result lines. This file has the types and words, expression-parser.ts
 * the parser, selection.ts and measure.ts the meaning. Positions count UTF-16 units from 0.
 */
import type { FailureKind } from '../model/frame.ts'

export const TEXT_FIELDS = ['backend', 'upstream', 'namespace', 'method', 'route'] as const
export type TextField = (typeof TEXT_FIELDS)[number]
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='
export type Statistic = 'avg' | 'min' | 'max' | 'p50' | 'p90' | 'p95' | 'p99' | 'p999'
export type Clock = 'header' | 'total' | 'connect'
export type CountName = (typeof COUNTS)[number]

/** In a target: of any one backend. All measures of an expression that have it are of the same one. */
export const ANY_BACKEND = '*'

/** The rows of which a measure is taken: null is all of them. `backend` is an address, a name, or ANY_BACKEND. */
export interface Target {
  readonly backend: string | null
  readonly method: string | null
  readonly route: string | null
}

export type Measure =
  | { readonly kind: 'count'; readonly name: CountName }
  | { readonly kind: 'rps' }
  | { readonly kind: 'coverage' }
  /** 1: no row of the target occurs, else 0 */
  | { readonly kind: 'absent' }
  | { readonly kind: 'latency'; readonly clock: Clock; readonly statistic: Statistic }

/** `value` is in the base unit: µs for durations, 0–1 for percentages and points, else as written. `change`: it has a sign. */
export interface Quantity {
  readonly value: number
  readonly unit: 'none' | 'duration' | 'percent' | 'points' | 'rate'
  readonly change: boolean
  readonly text: string
}

export interface TextTest {
  readonly kind: 'text'
  readonly field: TextField
  readonly negated: boolean
  /** a pattern from `~`, or the whole text from `=` */
  readonly value: RegExp | string
  readonly at: number
}
/** a code, a class (`5xx`), or how a request failed */
export interface StatusTest {
  readonly kind: 'status'
  readonly comparison: Comparison
  readonly value: { readonly low: number; readonly high: number } | { readonly failure: FailureKind }
  readonly at: number
}
export interface MeasureTest {
  readonly kind: 'measure'
  readonly measure: Measure
  readonly target: Target | null
  readonly comparison: Comparison
  readonly quantity: Quantity
  readonly at: number
}
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[]; readonly at: number }
  | { readonly kind: 'not'; readonly part: Expression; readonly at: number }
  | TextTest
  | StatusTest
  | MeasureTest

/** `at` is the position of the error. The cli makes it a usage error. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
  constructor(
    message: string,
    readonly text: string,
    readonly at: number,
  ) {
    super(message)
  }
}

export const STATISTICS = ['avg', 'min', 'max', 'p50', 'p90', 'p95', 'p99', 'p999'] as const
export const COUNTS = [
  'requests',
  'answered',
  '1xx',
  '2xx',
  '3xx',
  '4xx',
  '5xx',
  'failures',
  'unseen',
  'grpc_errors',
  'in_flight',
  'retransmits',
  'retries',
  'sent_bytes',
  'received_bytes',
  'connects',
] as const
/** Counts that can be a percentage: status classes of the answered requests, failures of the attempts, gRPC errors of the gRPC exchanges that ended. */
export const SHARES: readonly CountName[] = ['1xx', '2xx', '3xx', '4xx', '5xx', 'failures', 'grpc_errors']
/** The measure as it is written: `total.p99`, `5xx`. */
export function measureName(measure: Measure): string {
  switch (measure.kind) {
    case 'count':
      return measure.name
    case 'rps':
    case 'coverage':
    case 'absent':
      return measure.kind
    case 'latency':
      return measure.clock === 'header' ? measure.statistic : `${measure.clock}.${measure.statistic}`
  }
}
