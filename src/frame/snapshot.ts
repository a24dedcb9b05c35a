/**
 * Cumulative totals of the kernel side at one moment, decoded from the wire. Totals are since the programs were attached,
 * so a snapshot that was skipped falsifies nothing; only histograms and request events are of the time since the last one sent.
 */
import type { Backend, Codes, Control, Cost, Excluded, Failures, Loss, Outcome, Route } from './frame.ts'
import type { Buckets } from './histogram.ts'
import type { Micros, MonotonicNanos, WallMicros } from './units.ts'

/** Exact totals from counters (64 bit: subtract before they become numbers), samples of this tick from the ring. */
export interface DistributionTotals {
  readonly count: number
  readonly sum: bigint
  readonly sampled: number
  readonly min: Micros | null
  readonly max: Micros | null
  readonly buckets: Buckets
}

/** One kernel route slot. Several slots may stand for the same (backend, route): their sums are the row. */
export interface TrafficTotals {
  readonly slot: number
  readonly backend: Backend
  readonly route: Route
  readonly requests: number
  readonly answered: number
  readonly codes: Codes
  readonly failures: Failures
  readonly interim: number
  readonly retransmits: number
  readonly retries: number
  readonly bodyReset: number
  readonly oldest: Micros
  readonly header: DistributionTotals
  readonly total: DistributionTotals
}

export interface ConnectionTotals {
  readonly backend: Backend
  readonly connects: number
  readonly refused: number
  readonly connectTimeout: number
  readonly retransmits: number
  readonly opaque: number
  readonly connect: DistributionTotals
}

export interface RequestSample {
  readonly backend: Backend
  readonly route: Route
  readonly at: WallMicros
  readonly outcome: Outcome
  readonly header: Micros | null
  readonly total: Micros | null
}

export interface Snapshot {
  readonly wall: WallMicros
  readonly mono: MonotonicNanos
  /** goes on while the machine is suspended, when `mono` stands still */
  readonly boot: bigint
  /** only slots that changed since the last snapshot, and those with a request in flight */
  readonly traffic: readonly TrafficTotals[]
  readonly connections: readonly ConnectionTotals[]
  readonly requests: readonly RequestSample[]
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
  readonly cost: Omit<Cost, 'commit'>
  /** the helper's last dump, after all programs were detached */
  readonly final: boolean
}
