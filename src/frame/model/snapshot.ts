/**
 * Cumulative totals of the kernel side at one moment, decoded from the wire. Totals count from the time when the programs were attached, so
 * a skipped snapshot loses no count. Only histograms and request events cover the time since the last snapshot that was sent.
 */
import type { ConnectionWireTotals, Control, Excluded, Loss, RouteTotals } from './counters.generated.ts'
import type { Backend, Codes, Cost, RequestEvent, Route, WireRow } from './frame.ts'
import type { Buckets } from './histogram.ts'
import type { Micros, MonotonicNanos, WallMicros } from './units.ts'

/** Exact totals from counters (64 bit: subtract before converting to number), and samples of this tick from the ring. */
export interface DistributionTotals {
  readonly count: number
  readonly sum: bigint
  readonly sampled: number
  readonly min: Micros | null
  readonly max: Micros | null
  readonly buckets: Buckets
}

/** One kernel route slot. Several slots may have the same (backend, route): the row is their sum. */
export interface TrafficTotals extends RouteTotals {
  readonly slot: number
  readonly backend: Backend
  readonly route: Route
  readonly codes: Codes
  /** null: the helper does not tell */
  readonly grpc: Codes | null
  readonly oldest: Micros
  readonly header: DistributionTotals
  readonly total: DistributionTotals
}

export interface ConnectionTotals extends ConnectionWireTotals {
  readonly backend: Backend
  readonly connect: DistributionTotals
}

/** An entry of the kernel's table. Several may have the same backend and address, one after another. */
export interface WireTotals extends WireRow {
  readonly id: number
}

export interface Snapshot {
  readonly wall: WallMicros
  readonly mono: MonotonicNanos
  /** CLOCK_BOOTTIME, ns: unlike `mono` it also counts while the machine is suspended */
  readonly boot: bigint
  /** only slots that changed since the last snapshot, and those with a request in flight */
  readonly traffic: readonly TrafficTotals[]
  readonly connections: readonly ConnectionTotals[]
  /** only entries that changed; null: the helper does not tell */
  readonly wires: readonly WireTotals[] | null
  readonly requests: readonly RequestEvent[]
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
  readonly cost: Omit<Cost, 'commit'>
  /** the helper's last dump, after all programs were detached */
  readonly final: boolean
}
