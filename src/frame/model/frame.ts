/**
 * The data model that record, store, replay, render and report share: one tick of nginx's requests to its backends.
 * Every value is a difference over the tick, except those with "at the end of the tick".
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

/**
 * What was connected to; `OTHER` for all that found no room. In recordings of format 1: the packet's destination when it leaves this host.
 * Interned: within one source, equal backends are the same object, except that an address which comes back after it was retired, or names
 * that come back, make another one. An address whose names change is another backend from then on.
 */
export interface Backend {
  readonly id: number
  /** `10.0.1.10:8080`, `[fd00::1]:8080` */
  readonly address: string
  /**
   * inode of the network namespace; shown only where a recording has several. Where the kernel has used the number again for another one
   * meanwhile, 2^32 more for each time.
   */
  readonly netns: number
  /** what the network namespace is called; absent: nothing tells it */
  readonly namespace?: string
  /** sorted: the upstream blocks or literal hosts of nginx's configuration that have it, or `--name`; null: unknown */
  readonly names: readonly string[] | null
}

/** Method and path template. Interned like Backend. Text is not escaped: it may contain control characters. */
export interface Route {
  readonly id: number
  readonly method: string
  readonly path: string
}

/** The remote address that packets carry where NAT on this host changes a backend's. Interned like Backend. */
export interface Wire {
  readonly id: number
  readonly address: string
}

/** What the packets of translated connections carried. `failures` are all kinds of them. */
export interface WireCounts {
  readonly connects: number
  readonly requests: number
  readonly failures: number
}

export interface WireRow extends WireCounts {
  readonly backend: Backend
  readonly wire: Wire
}

/** The address of the row for all backends that came when there was no room for them. */
export const OTHER_ADDRESS = 'OTHER'
/** The row for requests that came when the route table was full. */
export const OTHER = { method: '*', path: 'OTHER' } as const

/** Of one row in a tick or in a minute: half a million per second for an hour. More is no traffic: a helper lies, or a file is damaged. */
export const MAX_COUNT = 2 ** 31 - 1

/**
 * `count` and `sum` come from kernel counters and are exact. `sampled`, `min`, `max` and `buckets` come from the ring of
 * finished requests: sampled < count means that the ring lost events. min and max are null when sampled is 0.
 */
export interface Distribution {
  readonly count: number
  readonly sum: Micros
  readonly sampled: number
  readonly min: Micros | null
  readonly max: Micros | null
  readonly buckets: Buckets
}

/** Sparse, sorted: [status code, answers, status code, answers, …]. Their sum is `answered`. In `grpc`: [grpc-status, exchanges, …] */
export type Codes = readonly number[]

/** Counts of one (backend, route). Invariant: requests + in flight before = answered + failures + in flight after. */
export interface Counts extends RouteCounters {
  readonly codes: Codes
  /** gRPC exchanges that ended, by grpc-status: grpc.ts. null: not known */
  readonly grpc: Codes | null
  /** open at the end of the tick */
  readonly inFlight: number
  /** age of the oldest open request at the end of the tick; 0 when none */
  readonly oldest: Micros
  /** nginx's $upstream_header_time */
  readonly header: Distribution
  /** nginx's $upstream_response_time; its count is less than `answered` while a body is being sent */
  readonly total: Distribution
}

export interface TrafficRow extends Counts {
  readonly backend: Backend
  readonly route: Route
}

/** Events of a backend outside any request. */
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
  /** null for a failure, and when the answer's end was not seen */
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

/** The cost of recording. */
export interface Cost {
  readonly cpu: Micros
  readonly rssBytes: number
  readonly commit: Micros
}

/** One tick. An idle second is a frame without rows; a span without ticks is a Gap of the recording. */
export interface SecondFrame {
  /** consecutive within a recording */
  readonly seq: number
  /** wall clock at the tick's start */
  readonly start: WallMicros
  readonly mono: MonotonicNanos
  /** the measured length: about one second, more when the tick was late */
  readonly length: Micros
  readonly traffic: readonly TrafficRow[]
  readonly connections: readonly ConnectionRow[]
  /** only of backends that NAT on this host translates; null: the recorder did not tell */
  readonly wires: readonly WireRow[] | null
  readonly requests: readonly RequestEvent[]
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
  readonly cost: Cost
  /** the reason of the gap directly before this tick; null if there is none */
  readonly gapBefore: GapReason | null
  /** true for the tick that ends with the helper's last dump, which is exact */
  readonly final: boolean
}

/** `late` is never the `gapBefore` of a tick: frame/time/gaps.ts finds it in a tick's length. The others are stored with the tick behind the gap. */
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
