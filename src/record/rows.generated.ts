/** Made by `make counters` from src/frame/model/counters.ts: change that file. */
import type { Control, Excluded, Loss } from '../frame/model/counters.generated.ts'
import type { Backend, Codes, Route } from '../frame/model/frame.ts'
import type { ConnectionTotals, TrafficTotals } from '../frame/model/snapshot.ts'
import { micros } from '../frame/model/units.ts'
import {
  distributionTotals,
  isCodes,
  isHistogram,
  knownBytes,
  knownCount,
  type HistogramColumn,
} from './wire-columns.ts'
import { isCount, isDecimal } from './wire-values.ts'

export type TrafficColumns = readonly [
  slot: number,
  requests: number,
  answered: number,
  reset: number,
  closed: number,
  aborted: number,
  unanswered: number,
  interim: number,
  retransmits: number,
  retries: number,
  bodyReset: number,
  headerSumUs: string,
  totalCount: number,
  totalSumUs: string,
  /** age of the oldest open request, 0 when none */
  oldestUs: number,
  /** status code, total, status code, total, …: only codes whose total changed */
  codes: readonly number[],
  header: HistogramColumn,
  total: HistogramColumn,
  sentBytes?: string,
  receivedBytes?: string,
  unseen?: number,
  /** grpc-status, total, …: only those whose total changed */
  grpc?: readonly number[],
]

export type ConnectionColumns = readonly [
  backend: number,
  connects: number,
  refused: number,
  connectTimeout: number,
  retransmits: number,
  opaque: number,
  connectSumUs: string,
  connect: HistogramColumn,
  unreachable?: number,
  earlyClose?: number,
  tlsConnects?: number,
  h2Connects?: number,
  fastcgiConnects?: number,
  uwsgiConnects?: number,
  scgiConnects?: number,
  memcachedConnects?: number,
  otherConnects?: number,
  sentBytes?: string,
  receivedBytes?: string,
  tlsOpen?: number,
  h2Open?: number,
  fastcgiOpen?: number,
  uwsgiOpen?: number,
  scgiOpen?: number,
  memcachedOpen?: number,
  otherOpen?: number,
  h2Requests?: number,
  grpcRequests?: number,
  tlsRequests?: number,
]

export function isTraffic(row: unknown): row is TrafficColumns {
  if (!Array.isArray(row) || row.length < 18) return false
  const columns: readonly unknown[] = row
  for (let i = 0; i < 11; i++) if (!isCount(columns[i])) return false
  return (
    isDecimal(columns[11]) &&
    isCount(columns[12]) &&
    isDecimal(columns[13]) &&
    isCount(columns[14]) &&
    isCodes(columns[15]) &&
    isHistogram(columns[16]) &&
    isHistogram(columns[17])
  )
}

export function isConnection(row: unknown): row is ConnectionColumns {
  if (!Array.isArray(row) || row.length < 8) return false
  const columns: readonly unknown[] = row
  for (let i = 0; i < 6; i++) if (!isCount(columns[i])) return false
  return isDecimal(columns[6]) && isHistogram(columns[7])
}

/** @param codes the row's, sorted; @param grpc as well, null: unknown */
export const trafficOf = (
  row: TrafficColumns,
  backend: Backend,
  route: Route,
  codes: Codes,
  grpc: Codes | null,
): TrafficTotals => ({
  slot: row[0],
  backend,
  route,
  requests: row[1],
  answered: row[2],
  interim: row[7],
  retransmits: row[8],
  retries: row[9],
  bodyReset: row[10],
  sentBytes: knownBytes(row[18]),
  receivedBytes: knownBytes(row[19]),
  unseen: knownCount(row[20]),

  failures: { reset: row[3], closed: row[4], aborted: row[5], unanswered: row[6] },
  codes,
  grpc,
  oldest: micros(row[14]),
  header: distributionTotals(row[2], row[11], row[16]),
  total: distributionTotals(row[12], row[13], row[17]),
})

export const CODES = 15
export const GRPC = 21

export const connectionOf = (row: ConnectionColumns, backend: Backend): ConnectionTotals => ({
  backend,
  connects: row[1],
  refused: row[2],
  connectTimeout: row[3],
  retransmits: row[4],
  opaque: row[5],
  unreachable: knownCount(row[8]),
  earlyClose: knownCount(row[9]),
  tlsConnects: knownCount(row[10]),
  h2Connects: knownCount(row[11]),
  fastcgiConnects: knownCount(row[12]),
  uwsgiConnects: knownCount(row[13]),
  scgiConnects: knownCount(row[14]),
  memcachedConnects: knownCount(row[15]),
  otherConnects: knownCount(row[16]),
  sentBytes: knownBytes(row[17]),
  receivedBytes: knownBytes(row[18]),
  tlsOpen: knownCount(row[19]),
  h2Open: knownCount(row[20]),
  fastcgiOpen: knownCount(row[21]),
  uwsgiOpen: knownCount(row[22]),
  scgiOpen: knownCount(row[23]),
  memcachedOpen: knownCount(row[24]),
  otherOpen: knownCount(row[25]),
  h2Requests: knownCount(row[26]),
  grpcRequests: knownCount(row[27]),
  tlsRequests: knownCount(row[28]),
  connect: distributionTotals(row[1], row[6], row[7]),
})

export interface LossWords {
  readonly ring_dropped?: number
  readonly map_refused?: number
  readonly unmatched_responses?: number
  readonly ambiguous?: number
  readonly evicted?: number
  readonly fragments?: number
  readonly half_seen?: number
  readonly path_folded?: number
  readonly pipeline_overflow?: number
  readonly holes?: number
}
export const lossOf = (words: LossWords): Loss => ({
  ringDropped: words.ring_dropped ?? 0,
  mapRefused: words.map_refused ?? 0,
  unmatchedResponses: words.unmatched_responses ?? 0,
  ambiguous: words.ambiguous ?? 0,
  evicted: words.evicted ?? 0,
  fragments: words.fragments ?? 0,
  halfSeen: words.half_seen ?? 0,
  pathFolded: words.path_folded ?? 0,
  pipelineOverflow: words.pipeline_overflow ?? 0,
  holes: words.holes ?? null,
})

export interface ExcludedWords {
  readonly front_door?: number
  readonly ignored?: number
  readonly not_selected?: number
  readonly routed?: number
  readonly tls?: number
  readonly h2?: number
  readonly not_nginx?: number
}
export const excludedOf = (words: ExcludedWords): Excluded => ({
  frontDoor: words.front_door ?? 0,
  ignored: words.ignored ?? 0,
  notSelected: words.not_selected ?? 0,
  routed: words.routed ?? 0,
  tls: words.tls ?? 0,
  h2: words.h2 ?? 0,
  notNginx: words.not_nginx ?? null,
})

export interface ControlWords {
  readonly segments?: number
  readonly starts?: number
  readonly continuations?: number
  readonly retransmits?: number
  readonly second_sightings?: number
  readonly not_http?: number
  readonly partial?: number
  readonly ambiguous?: number
  readonly fragments?: number
  readonly opaque?: number
  readonly excluded?: number
  readonly requests?: number
  readonly answered?: number
  readonly failed?: number
  readonly unseen?: number
}
export const controlOf = (words: ControlWords): Control => ({
  segments: words.segments ?? 0,
  starts: words.starts ?? 0,
  continuations: words.continuations ?? 0,
  retransmits: words.retransmits ?? 0,
  secondSightings: words.second_sightings ?? 0,
  notHttp: words.not_http ?? 0,
  partial: words.partial ?? 0,
  ambiguous: words.ambiguous ?? 0,
  fragments: words.fragments ?? 0,
  opaque: words.opaque ?? 0,
  excluded: words.excluded ?? 0,
  requests: words.requests ?? 0,
  answered: words.answered ?? 0,
  failed: words.failed ?? 0,
  unseen: words.unseen ?? null,
})
