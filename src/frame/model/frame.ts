/**
 * The only vocabulary that record, store, replay, render and report share: one tick of what nginx asked of its backends.
 * Everything is a difference over the tick, except what says "at the end of the tick".
 */
import type {
  ConnectionCounters,
  Control,
  Excluded,
  Failures,
  Loss,
  RouteCounters,
} from './counters.generated.ts'
import type { Buckets } from './histogram.ts'
import type { Micros, MonotonicNanos, WallMicros } from './units.ts'

/** The destination as the packet leaves this host. Interned: within one source the same backend is the same object. */
export interface Backend {
  readonly id: number
  /** `10.0.1.10:8080`, `[fd00::1]:8080` */
  readonly address: string
  /** inode of the network namespace; shown only where a recording has several */
  readonly netns: number
  /** what the user calls it, null when unknown */
  readonly name: string | null
}

/** Method and path template. Interned like Backend. Text is unescaped: it may hold control characters. */
export interface Route {
  readonly id: number
  readonly method: string
  readonly path: string
}

/** The row for requests that found no room among the routes. */
export const OTHER = { method: '*', path: 'OTHER' } as const

/**
 * `count` and `sum` come from kernel counters and are exact. `sampled`, `min`, `max` and `buckets` come from the ring of
 * finished requests: sampled < count says that the ring lost events. min and max are null when sampled is 0.
 */
export interface Distribution {
  readonly count: number
  readonly sum: Micros
  readonly sampled: number
  readonly min: Micros | null
  readonly max: Micros | null
  readonly buckets: Buckets
}

/** Sparse, sorted: [status code, answers, status code, answers, …]. Their sum is `answered`. */
export type Codes = readonly number[]

/** What a (backend, route) did. Law: requests + in flight before = answered + failures + in flight after. */
export interface Counts extends RouteCounters {
  readonly codes: Codes
  /** open at the end of the tick */
  readonly inFlight: number
  /** age of the oldest open request at the end of the tick; 0 when none */
  readonly oldest: Micros
  /** nginx's $upstream_header_time */
  readonly header: Distribution
  /** nginx's $upstream_response_time; its count trails `answered` while a body is on its way */
  readonly total: Distribution
}

export interface TrafficRow extends Counts {
  readonly backend: Backend
  readonly route: Route
}

/** What happened to a backend outside any request. */
export interface ConnectionCounts extends ConnectionCounters {
  /** nginx's $upstream_connect_time, fresh connections only */
  readonly connect: Distribution
}

export interface ConnectionRow extends ConnectionCounts {
  readonly backend: Backend
}

/** One finished request of the bounded sample (every failure and 5xx, the slowest, every k-th of the rest). */
export interface RequestEvent {
  readonly backend: Backend
  readonly route: Route
  /** when its first byte left, wall clock */
  readonly at: WallMicros
  /** a status code, or how it failed */
  readonly outcome: Outcome
  /** null for a failure */
  readonly header: Micros | null
  /** null for a failure, and for an answer whose end was not seen */
  readonly total: Micros | null
}

export type FailureKind = keyof Failures
export type Outcome = number | FailureKind
export const FAILURE_KINDS = [
  'reset',
  'closed',
  'aborted',
  'unanswered',
] as const satisfies readonly FailureKind[]

/** What recording cost. */
export interface Cost {
  readonly cpu: Micros
  readonly rssBytes: number
  readonly commit: Micros
}

/** One tick. An idle second is a frame without rows; a missing span is a Gap of the recording. */
export interface SecondFrame {
  /** without holes within a recording */
  readonly seq: number
  /** wall clock at the tick's start */
  readonly start: WallMicros
  readonly mono: MonotonicNanos
  /** real length; about one second, more when the tick was late */
  readonly length: Micros
  readonly traffic: readonly TrafficRow[]
  readonly connections: readonly ConnectionRow[]
  readonly requests: readonly RequestEvent[]
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
  readonly cost: Cost
  /** the gap that lies directly before this tick, if one does */
  readonly gapBefore: GapReason | null
  /** true for the tick that ends with the helper's last, exact dump */
  readonly final: boolean
}

export type GapReason = 'late' | 'stopped' | 'disk_full' | 'suspend' | 'damaged'

/** A span without ticks (or the part of a late tick beyond 1.5 s). [from, to) */
export interface Gap {
  readonly from: WallMicros
  readonly to: WallMicros
  readonly reason: GapReason
}

export interface Marker {
  readonly at: WallMicros
  readonly kind: 'note' | 'deploy' | 'clock_step' | 'suspend'
  readonly text: string
}
