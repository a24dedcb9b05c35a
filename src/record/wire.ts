/**
 * The wire: newline-delimited JSON from the helper (bpf/helper/), one tagged object per line, columns by position where rows repeat.
 * Totals are cumulative. A column whose 64-bit total may exceed 2^53 is a decimal string. Times: wall µs, monotonic ns, latency µs.
 *
 *   hello     first line, once the programs are attached
 *   backend   a new backend, before its first row; its address is `OTHER` for all that found no room. Again when its names have changed:
 *             from then on its rows have the new ones
 *   route     a new route slot, before its first row
 *   namespace what a network namespace is called, before its first backend; again when that changes: from then on its rows have the new name
 *   snapshot  at attach, then at the end of every tick; {"final":true} for the last one
 *   wire      packets of a backend's connections carry another address: NAT on this host; before its first row
 *   retired   a route slot whose last total has been sent: it has no further rows
 *   retired_backend  the same of a backend, after all its route slots; its address may come back with another id
 *   retired_wire   the same for a wire entry
 *   remark    what a recorder should know from now on, as a sentence
 *   bye       last line of a clean end
 *
 * Text from packets is UTF-8; control characters are JSON escapes, bytes that are not UTF-8 arrive as the four characters \xNN.
 */
import type { Unseen } from '../frame/model/recording.ts'
import type { TlsReading } from '../frame/model/tls.ts'
import type {
  ConnectionColumns,
  ControlWords,
  ExcludedWords,
  LossWords,
  TrafficColumns,
} from './rows.generated.ts'

export type WireLine =
  | HelloLine
  | BackendLine
  | NamespaceLine
  | RouteLine
  | WireEntryLine
  | SnapshotLine
  | RetiredLine
  | RetiredBackendLine
  | RetiredWireLine
  | RemarkLine
  | ByeLine

export const WIRE_VERSION = 1

export interface HelloLine {
  readonly type: 'hello'
  readonly wire: number
  readonly version: string
  readonly wall_us: number
  readonly mono_ns: string
  readonly boot_id: string
  readonly host: string
  readonly kernel: string
  readonly interfaces: readonly { readonly index: number; readonly name: string }[]
  /** ports on which a local nginx that proxies listens; their clients' requests are excluded as front door */
  readonly front_doors: readonly number[]
  /** no nginx runs, its listen ports are known, or its configuration is not readable */
  readonly nginx: 'none' | 'known' | 'unreadable'
  readonly warnings: readonly string[]
  /** what this recording will lack; older helpers do not have this field */
  readonly unseen?: readonly Unseen[]
  /** with `--tls` alone */
  readonly tls?: TlsReading
}

export interface BackendLine {
  readonly type: 'backend'
  /** never reused for another address within a run */
  readonly id: number
  readonly address: string
  readonly netns: number
  /** the upstream blocks or literal hosts of nginx's configuration that have it; absent: unknown */
  readonly names?: readonly string[]
}

export interface NamespaceLine {
  readonly type: 'namespace'
  /** its inode number, as in the lines of backends */
  readonly id: number
  /** of `ip netns` */
  readonly names: readonly string[]
  /** the path of the control group of the process that was the first to connect; '' where it is not known */
  readonly cgroup: string
  /** it is the host's own */
  readonly host: boolean
}

export interface RouteLine {
  readonly type: 'route'
  /** slot: never reused for another route within a run */
  readonly id: number
  readonly backend: number
  readonly method: string
  /** template, already cut to 127 bytes and `…` where longer */
  readonly path: string
}

/** Packets of connections to the backend carry this remote address. */
export interface WireEntryLine {
  readonly type: 'wire'
  /** never used again within a run */
  readonly id: number
  readonly backend: number
  readonly address: string
}

/** Totals of an entry that changed. failures: of all kinds. */
export type WireEntryColumns = readonly [id: number, connects: number, requests: number, failures: number]

/** outcome: a status code, or -1 reset, -2 closed, -3 aborted, -4 unanswered. header, total: µs, or -1 when unknown. */
export type RequestColumns = readonly [
  slot: number,
  atWallUs: number,
  outcome: number,
  headerUs: number,
  totalUs: number,
]

export interface SnapshotLine {
  readonly type: 'snapshot'
  readonly wall_us: number
  readonly mono_ns: string
  /** CLOCK_BOOTTIME: unlike the monotonic clock it also counts during a suspend */
  readonly boot_ns: string
  readonly final?: boolean
  readonly cpu_us: number
  readonly rss_bytes: number
  readonly traffic: readonly TrafficColumns[]
  readonly connections: readonly ConnectionColumns[]
  readonly requests: readonly RequestColumns[]
  /** older helpers do not have it: unknown */
  readonly wires?: readonly WireEntryColumns[]
  readonly loss: LossWords
  readonly excluded: ExcludedWords
  readonly control: ControlWords
}

export interface RetiredLine {
  readonly type: 'retired'
  readonly id: number
}

export interface RetiredBackendLine {
  readonly type: 'retired_backend'
  readonly id: number
}

export interface RetiredWireLine {
  readonly type: 'retired_wire'
  readonly id: number
}

/** What a recorder should know from now on. */
export interface RemarkLine {
  readonly type: 'remark'
  readonly text: string
}

export interface ByeLine {
  readonly type: 'bye'
  /** stdin closed, or an error */
  readonly reason: string
}
