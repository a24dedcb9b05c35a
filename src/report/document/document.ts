/**
 * A report as data: exactly the JSON that scripts rely on. Every format is made from it, so all formats have the same numbers.
 * Durations are milliseconds, ratios 0–1, times ISO 8601 UTC.
 */
import type {
  ByWord,
  CONNECT_FAILURES,
  EXCLUDED,
  LOSS,
  ROUTE_FAILURES,
  ROUTE_PLAIN,
} from '../../frame/model/counters.ts'
import type { Protocol } from '../../frame/model/protocol.ts'
import type { Unseen } from '../../frame/model/recording.ts'
import type { TlsReading } from '../../frame/model/tls.ts'

export interface ReportDocument {
  readonly schema: 1
  readonly recording: readonly RecordingEntry[]
  readonly range: RangeEntry
  readonly coverage: CoverageEntry
  readonly totals: FullEntity
  readonly backends: readonly BackendEntity[]
  readonly findings: readonly FindingEntry[]
  /** in words; only where recordings are joined whose addresses differ in meaning */
  readonly notes?: readonly string[]
}

export interface RecordingEntry {
  readonly file: string
  readonly host: string
  readonly start: string
  readonly end: string
  readonly ticks: number
  readonly complete: boolean
  readonly tool: string
  readonly format: number
  /** what it lacks, if its helper said so */
  readonly not_visible?: readonly Unseen[]
  /** what was read within TLS, of each run with `--tls`; absent: nothing */
  readonly tls?: readonly TlsReading[]
}

export interface RangeEntry {
  readonly from: string
  readonly to: string
  readonly seconds: number
  readonly covered: number
  /** the time that passed; only where the clock was set within the range: then it is not `seconds` */
  readonly elapsed?: number
}

export interface GapEntry {
  readonly from: string
  readonly to: string
  readonly reason: string
}

export interface CoverageEntry {
  readonly ratio: number | null
  readonly gaps: readonly GapEntry[]
  readonly loss: ByWord<typeof LOSS>
  readonly excluded: ByWord<typeof EXCLUDED>
}

export type RequestFailures = ByWord<typeof ROUTE_FAILURES>
export type ConnectFailures = ByWord<typeof CONNECT_FAILURES>

/** The fields of a route. */
export interface Entity extends ByWord<typeof ROUTE_PLAIN> {
  /** null where no time was covered */
  readonly rps: number | null
  readonly in_flight: number
  /** gRPC exchanges that ended, by grpc-status: `{"0": 12, "14": 1, "none": 2}`; empty where there were none; null: unknown */
  readonly grpc: Readonly<Record<string, number>> | null
  readonly status: Readonly<Record<StatusClass, number>>
  readonly codes: Readonly<Record<string, number>>
  readonly failures: RequestFailures
  readonly header_ms: DistributionEntry
  readonly total_ms: DistributionEntry
}

/** The fields of a backend and of the totals: also those of connections. */
export interface FullEntity extends Entity {
  readonly failures: RequestFailures & ConnectFailures
  readonly connect_ms: DistributionEntry
}

export interface BackendEntity extends FullEntity {
  readonly backend: string
  /** `names` as one text; null: none, or unknown */
  readonly name: string | null
  /** sorted: the upstream blocks or hosts of nginx's configuration that have it; null: unknown */
  readonly names: readonly string[] | null
  /**
   * what its packets carry where NAT on this host changes the address; it adds up to the backend's own counts. Empty where nothing is
   * translated; null: unknown, as in recordings of format 1
   */
  readonly wire: readonly WireEntry[] | null
  /** only where a recording has several network namespaces */
  readonly netns?: number
  /** beside it: what that is called; null: nothing tells it */
  readonly namespace?: string | null
  /** of all requests; null where there are none */
  readonly share: number | null
  /**
   * only if --where has measures: whether the backend's own line satisfies them. A backend with false is listed because of its
   * routes; it is no line of `--by backend`
   */
  readonly holds?: boolean
  readonly connects: number
  /** connections that can't be read (TLS, h2) */
  readonly opaque: number
  /** of most requests, else of most connects; null: nothing was sent, or the recording does not know */
  readonly protocol: Protocol | null
  /** requests were read within TLS (`--tls`); null: not known */
  readonly tls: boolean | null
  /** of those that cannot be read, at the end of the range; null: requests were read, or the recording does not know */
  readonly open_connections: number | null
  readonly routes: readonly RouteEntity[]
}

export interface WireEntry {
  readonly address: string
  readonly connects: number
  readonly requests: number
  /** of all kinds */
  readonly failures: number
}

export interface RouteEntity extends Entity {
  readonly method: string
  readonly route: string
  /** of its backend */
  readonly share: number | null
}

export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const
export type StatusClass = (typeof STATUS_CLASSES)[number]

/** If count is 0, all other fields are null. If sampled is 0, the fields that come from the sample are null. */
export interface DistributionEntry {
  readonly count: number
  readonly sampled: number | null
  readonly sum: number | null
  readonly avg: number | null
  readonly min: number | null
  readonly max: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly p999: number | null
}

export const FINDING_KINDS = [
  'burst_5xx',
  'burst_failures',
  'burst_grpc_errors',
  'slow_down',
  'slow_tail',
  'backend_vanished',
  'backend_appeared',
  'backend_refused',
  'surge',
  'stop',
  'gap',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

export interface FindingEntry {
  readonly kind: FindingKind
  readonly from: string
  readonly to: string
  readonly backend: string | null
  /** `METHOD route` */
  readonly route: string | null
  /** a sentence with the numbers in it */
  readonly what: string
  /** the number that changed; its unit is in `what` */
  readonly before: number | null
  readonly after: number | null
}
