/** Made by `make counters` from src/frame/model/counters.ts: change that file. */
import type { ConnectionCounts, Codes, Counts } from '../../frame/model/frame.ts'
import type { SqlRow, SqlValue } from '../sqlite/database.ts'
import {
  count,
  known,
  knownSum,
  writeClasses,
  writeDistribution,
  span,
  sum,
  readDistribution,
  readGrpc,
  writeGrpc,
  withCode200,
  type HostCounts,
} from './rows.ts'

/** Writes the cells of COUNT_COLUMNS from `at` on. */
export function writeCounts(cells: SqlValue[], at: number, counts: Counts): void {
  cells[at] = counts.requests
  cells[at + 1] = counts.answered
  for (let i = 1; i <= 5; i++) cells[at + 1 + i] = 0
  writeClasses(cells, at + 1, counts.codes)
  cells[at + 7] = counts.failures.reset
  cells[at + 8] = counts.failures.closed
  cells[at + 9] = counts.failures.aborted
  cells[at + 10] = counts.failures.unanswered
  cells[at + 11] = counts.interim
  cells[at + 12] = counts.retransmits
  cells[at + 13] = counts.retries
  cells[at + 14] = counts.bodyReset
  cells[at + 29] = counts.sentBytes
  cells[at + 30] = counts.receivedBytes
  cells[at + 31] = counts.unseen
  cells[at + 32] = writeGrpc(counts.grpc)
  cells[at + 15] = counts.inFlight
  cells[at + 16] = counts.oldest
  writeDistribution(cells, at + 17, counts.header)
  writeDistribution(cells, at + 23, counts.total)
}

/** @param others the codes other than 200, sorted, as the status table holds them */
export const readCounts = (row: SqlRow, at: number, others: Codes): Counts => ({
  requests: count(row[at]),
  answered: count(row[at + 1]),
  interim: count(row[at + 11]),
  retransmits: count(row[at + 12]),
  retries: count(row[at + 13]),
  bodyReset: count(row[at + 14]),
  sentBytes: knownSum(row[at + 29]),
  receivedBytes: knownSum(row[at + 30]),
  unseen: known(row[at + 31]),
  failures: {
    reset: count(row[at + 7]),
    closed: count(row[at + 8]),
    aborted: count(row[at + 9]),
    unanswered: count(row[at + 10]),
  },
  codes: withCode200(others, count(row[at + 3])),
  grpc: readGrpc(row[at + 32]),
  inFlight: count(row[at + 15]),
  oldest: span(row[at + 16]),
  header: readDistribution(row, at + 17),
  total: readDistribution(row, at + 23),
})

export function writeConnection(cells: SqlValue[], at: number, counts: ConnectionCounts): void {
  cells[at] = counts.connects
  cells[at + 1] = counts.refused
  cells[at + 2] = counts.connectTimeout
  cells[at + 3] = counts.retransmits
  cells[at + 4] = counts.opaque
  cells[at + 11] = counts.unreachable
  cells[at + 12] = counts.earlyClose
  cells[at + 13] = counts.tlsConnects
  cells[at + 14] = counts.h2Connects
  cells[at + 15] = counts.fastcgiConnects
  cells[at + 16] = counts.uwsgiConnects
  cells[at + 17] = counts.scgiConnects
  cells[at + 18] = counts.memcachedConnects
  cells[at + 19] = counts.otherConnects
  cells[at + 20] = counts.sentBytes
  cells[at + 21] = counts.receivedBytes
  cells[at + 22] = counts.tlsOpen
  cells[at + 23] = counts.h2Open
  cells[at + 24] = counts.fastcgiOpen
  cells[at + 25] = counts.uwsgiOpen
  cells[at + 26] = counts.scgiOpen
  cells[at + 27] = counts.memcachedOpen
  cells[at + 28] = counts.otherOpen
  cells[at + 29] = counts.h2Requests
  cells[at + 30] = counts.grpcRequests
  cells[at + 31] = counts.tlsRequests
  writeDistribution(cells, at + 5, counts.connect)
}

export const readConnection = (row: SqlRow, at: number): ConnectionCounts => ({
  connects: count(row[at]),
  refused: count(row[at + 1]),
  connectTimeout: count(row[at + 2]),
  retransmits: count(row[at + 3]),
  opaque: count(row[at + 4]),
  unreachable: known(row[at + 11]),
  earlyClose: known(row[at + 12]),
  tlsConnects: known(row[at + 13]),
  h2Connects: known(row[at + 14]),
  fastcgiConnects: known(row[at + 15]),
  uwsgiConnects: known(row[at + 16]),
  scgiConnects: known(row[at + 17]),
  memcachedConnects: known(row[at + 18]),
  otherConnects: known(row[at + 19]),
  sentBytes: knownSum(row[at + 20]),
  receivedBytes: knownSum(row[at + 21]),
  tlsOpen: known(row[at + 22]),
  h2Open: known(row[at + 23]),
  fastcgiOpen: known(row[at + 24]),
  uwsgiOpen: known(row[at + 25]),
  scgiOpen: known(row[at + 26]),
  memcachedOpen: known(row[at + 27]),
  otherOpen: known(row[at + 28]),
  h2Requests: known(row[at + 29]),
  grpcRequests: known(row[at + 30]),
  tlsRequests: known(row[at + 31]),
  connect: readDistribution(row, at + 5),
})

/** Writes the cells of HOST_COLUMNS from `at` on. */
export function writeHost(cells: SqlValue[], at: number, { loss, excluded, control }: HostCounts): void {
  cells[at + 0] = loss.ringDropped
  cells[at + 1] = loss.mapRefused
  cells[at + 2] = loss.unmatchedResponses
  cells[at + 3] = loss.ambiguous
  cells[at + 4] = loss.evicted
  cells[at + 5] = loss.fragments
  cells[at + 6] = loss.halfSeen
  cells[at + 7] = loss.pathFolded
  cells[at + 8] = loss.pipelineOverflow
  cells[at + 9] = excluded.frontDoor
  cells[at + 10] = excluded.ignored
  cells[at + 11] = excluded.notSelected
  cells[at + 12] = excluded.routed
  cells[at + 13] = excluded.tls
  cells[at + 14] = excluded.h2
  cells[at + 15] = control.segments
  cells[at + 16] = control.starts
  cells[at + 17] = control.continuations
  cells[at + 18] = control.retransmits
  cells[at + 19] = control.secondSightings
  cells[at + 20] = control.notHttp
  cells[at + 21] = control.partial
  cells[at + 22] = control.ambiguous
  cells[at + 23] = control.fragments
  cells[at + 24] = control.opaque
  cells[at + 25] = control.excluded
  cells[at + 26] = control.requests
  cells[at + 27] = control.answered
  cells[at + 28] = control.failed
  cells[at + 29] = loss.holes
  cells[at + 30] = excluded.notNginx
  cells[at + 31] = control.unseen
}

export const readHost = (row: SqlRow, at: number): HostCounts => ({
  loss: {
    ringDropped: sum(row[at + 0]),
    mapRefused: sum(row[at + 1]),
    unmatchedResponses: sum(row[at + 2]),
    ambiguous: sum(row[at + 3]),
    evicted: sum(row[at + 4]),
    fragments: sum(row[at + 5]),
    halfSeen: sum(row[at + 6]),
    pathFolded: sum(row[at + 7]),
    pipelineOverflow: sum(row[at + 8]),
    holes: knownSum(row[at + 29]),
  },
  excluded: {
    frontDoor: sum(row[at + 9]),
    ignored: sum(row[at + 10]),
    notSelected: sum(row[at + 11]),
    routed: sum(row[at + 12]),
    tls: sum(row[at + 13]),
    h2: sum(row[at + 14]),
    notNginx: knownSum(row[at + 30]),
  },
  control: {
    segments: sum(row[at + 15]),
    starts: sum(row[at + 16]),
    continuations: sum(row[at + 17]),
    retransmits: sum(row[at + 18]),
    secondSightings: sum(row[at + 19]),
    notHttp: sum(row[at + 20]),
    partial: sum(row[at + 21]),
    ambiguous: sum(row[at + 22]),
    fragments: sum(row[at + 23]),
    opaque: sum(row[at + 24]),
    excluded: sum(row[at + 25]),
    requests: sum(row[at + 26]),
    answered: sum(row[at + 27]),
    failed: sum(row[at + 28]),
    unseen: knownSum(row[at + 31]),
  },
})
