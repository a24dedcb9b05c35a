/**
 * The only vocabulary that record, store, replay, render and report share: one tick of what nginx asked of its backends.
 * Everything is a difference over the tick, except what says "at the end of the tick".
 */
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

/** Attempts that got no complete final head. */
export interface Failures {
  readonly reset: number
  readonly closed: number
  readonly aborted: number
  readonly unanswered: number
}

/** Sparse, sorted: [status code, answers, status code, answers, …]. Their sum is `answered`. */
export type Codes = readonly number[]

/** What a (backend, route) did. Law: requests + in flight before = answered + failures + in flight after. */
export interface Counts {
  readonly requests: number
  readonly answered: number
  readonly codes: Codes
  readonly failures: Failures
  readonly interim: number
  readonly retransmits: number
  readonly retries: number
  readonly bodyReset: number
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
export interface ConnectionRow {
  readonly backend: Backend
  readonly connects: number
  readonly refused: number
  readonly connectTimeout: number
  /** retransmitted segments while no request was open; those of an open request are in its traffic row */
  readonly retransmits: number
  /** flows whose first payload was a TLS ClientHello or the h2 preface: seen, not readable */
  readonly opaque: number
  /** nginx's $upstream_connect_time, fresh connections only */
  readonly connect: Distribution
}

/** Why a number may be too small; the words of the report's JSON in camelCase. */
export interface Loss {
  readonly ringDropped: number
  readonly mapRefused: number
  readonly unmatchedResponses: number
  readonly ambiguous: number
  readonly evicted: number
  readonly fragments: number
  readonly halfSeen: number
  readonly pathFolded: number
  readonly pipelineOverflow: number
}

/** Traffic that is not nginx's upstream leg, by reason. Requests, where a request could be told; else flows. */
export interface Excluded {
  readonly frontDoor: number
  readonly ignored: number
  readonly notSelected: number
  readonly routed: number
  readonly tls: number
  readonly h2: number
}

/**
 * Every payload segment that a program saw ended in exactly one of these, so that segments = the sum of the others.
 * Requests: started = answered + failed + open, over all routes.
 */
export interface Control {
  readonly segments: number
  readonly starts: number
  readonly continuations: number
  readonly retransmits: number
  readonly secondSightings: number
  readonly notHttp: number
  readonly partial: number
  readonly ambiguous: number
  readonly fragments: number
  readonly opaque: number
  readonly excluded: number
  readonly requests: number
  readonly answered: number
  readonly failed: number
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
