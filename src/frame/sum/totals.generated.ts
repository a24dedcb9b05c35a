/** Made by `make counters` from src/frame/model/counters.ts: change that file. */
import type { ConnectionRow, TrafficRow } from '../model/frame.ts'
import { advanceCodes, codesSince, DistributionTotal, knownSince } from './running-totals.ts'
import type { ConnectionTotals, TrafficTotals } from '../model/snapshot.ts'
import { NO_FAILURES, type Failures } from '../model/counters.generated.ts'
import { failedRequests } from './sums.generated.ts'

export class SlotTotal {
  #requests = 0
  #answered = 0
  #interim = 0
  #retransmits = 0
  #retries = 0
  #bodyReset = 0
  #sentBytes: bigint | null = 0n
  #receivedBytes: bigint | null = 0n
  #unseen: number | null = 0
  #failures: Failures = NO_FAILURES
  #codes: number[] = []
  /** as far as it was told: what a row leaves out is in the next that tells */
  #grpc: number[] = []
  readonly #header = new DistributionTotal()
  readonly #total = new DistributionTotal()

  /** The difference to the previous totals, which `now` replaces. null: a total fell, and nothing is changed */
  advance(now: TrafficTotals): TrafficRow | null {
    const failures = failuresSince(this.#failures, now.failures)
    const codes = codesSince(this.#codes, now.codes)
    const grpc = codesSince(this.#grpc, now.grpc ?? [])
    const header = this.#header.since(now.header)
    const total = this.#total.since(now.total)
    if (failures === null || codes === null || grpc === null || header === null || total === null) return null
    const row: TrafficRow = {
      backend: now.backend,
      route: now.route,
      requests: now.requests - this.#requests,
      answered: now.answered - this.#answered,
      interim: now.interim - this.#interim,
      retransmits: now.retransmits - this.#retransmits,
      retries: now.retries - this.#retries,
      bodyReset: now.bodyReset - this.#bodyReset,
      sentBytes: knownSince(this.#sentBytes, now.sentBytes),
      receivedBytes: knownSince(this.#receivedBytes, now.receivedBytes),
      unseen: knownSince(this.#unseen, now.unseen),
      failures,
      codes,
      grpc: now.grpc === null ? null : grpc,
      inFlight: openOf(now),
      oldest: now.oldest,
      header,
      total,
    }
    if (
      row.requests < 0 ||
      row.answered < 0 ||
      row.interim < 0 ||
      row.retransmits < 0 ||
      row.retries < 0 ||
      row.bodyReset < 0 ||
      (row.sentBytes ?? 0) < 0 ||
      (row.receivedBytes ?? 0) < 0 ||
      (row.unseen ?? 0) < 0
    )
      return null
    this.#requests = now.requests
    this.#answered = now.answered
    this.#interim = now.interim
    this.#retransmits = now.retransmits
    this.#retries = now.retries
    this.#bodyReset = now.bodyReset
    this.#sentBytes = now.sentBytes
    this.#receivedBytes = now.receivedBytes
    this.#unseen = now.unseen
    this.#failures = now.failures
    this.#codes = advanceCodes(this.#codes, now.codes)
    this.#grpc = advanceCodes(this.#grpc, now.grpc ?? [])
    this.#header.set(now.header)
    this.#total.set(now.total)
    return row
  }
}

/** The open requests of a slot: at least 0, even if its totals contradict each other. */
const openOf = ({ requests, answered, failures, unseen }: TrafficTotals): number =>
  Math.max(0, requests - answered - failedRequests(failures) - (unseen ?? 0))

/** null: a total fell */
function failuresSince(before: Failures, now: Failures): Failures | null {
  const since = {
    reset: now.reset - before.reset,
    closed: now.closed - before.closed,
    aborted: now.aborted - before.aborted,
    unanswered: now.unanswered - before.unanswered,
  }
  if (since.reset < 0 || since.closed < 0 || since.aborted < 0 || since.unanswered < 0) return null
  // Nearly always there are none: then all rows share one object.
  return failedRequests(since) === 0 ? NO_FAILURES : since
}

export class ConnectionTotal {
  #connects = 0
  #refused = 0
  #connectTimeout = 0
  #retransmits = 0
  #opaque = 0
  #unreachable: number | null = 0
  #earlyClose: number | null = 0
  #tlsConnects: number | null = 0
  #h2Connects: number | null = 0
  #fastcgiConnects: number | null = 0
  #uwsgiConnects: number | null = 0
  #scgiConnects: number | null = 0
  #memcachedConnects: number | null = 0
  #otherConnects: number | null = 0
  #sentBytes: bigint | null = 0n
  #receivedBytes: bigint | null = 0n
  #h2Requests: number | null = 0
  #grpcRequests: number | null = 0
  #tlsRequests: number | null = 0
  readonly #connect = new DistributionTotal()

  /** The difference to the previous totals, which `now` replaces. null: a total fell, and nothing is changed */
  advance(now: ConnectionTotals): ConnectionRow | null {
    const connect = this.#connect.since(now.connect)
    if (connect === null) return null
    const row: ConnectionRow = {
      backend: now.backend,
      connects: now.connects - this.#connects,
      refused: now.refused - this.#refused,
      connectTimeout: now.connectTimeout - this.#connectTimeout,
      retransmits: now.retransmits - this.#retransmits,
      opaque: now.opaque - this.#opaque,
      unreachable: knownSince(this.#unreachable, now.unreachable),
      earlyClose: knownSince(this.#earlyClose, now.earlyClose),
      tlsConnects: knownSince(this.#tlsConnects, now.tlsConnects),
      h2Connects: knownSince(this.#h2Connects, now.h2Connects),
      fastcgiConnects: knownSince(this.#fastcgiConnects, now.fastcgiConnects),
      uwsgiConnects: knownSince(this.#uwsgiConnects, now.uwsgiConnects),
      scgiConnects: knownSince(this.#scgiConnects, now.scgiConnects),
      memcachedConnects: knownSince(this.#memcachedConnects, now.memcachedConnects),
      otherConnects: knownSince(this.#otherConnects, now.otherConnects),
      sentBytes: knownSince(this.#sentBytes, now.sentBytes),
      receivedBytes: knownSince(this.#receivedBytes, now.receivedBytes),
      tlsOpen: now.tlsOpen,
      h2Open: now.h2Open,
      fastcgiOpen: now.fastcgiOpen,
      uwsgiOpen: now.uwsgiOpen,
      scgiOpen: now.scgiOpen,
      memcachedOpen: now.memcachedOpen,
      otherOpen: now.otherOpen,
      h2Requests: knownSince(this.#h2Requests, now.h2Requests),
      grpcRequests: knownSince(this.#grpcRequests, now.grpcRequests),
      tlsRequests: knownSince(this.#tlsRequests, now.tlsRequests),
      connect,
    }
    if (
      row.connects < 0 ||
      row.refused < 0 ||
      row.connectTimeout < 0 ||
      row.retransmits < 0 ||
      row.opaque < 0 ||
      (row.unreachable ?? 0) < 0 ||
      (row.earlyClose ?? 0) < 0 ||
      (row.tlsConnects ?? 0) < 0 ||
      (row.h2Connects ?? 0) < 0 ||
      (row.fastcgiConnects ?? 0) < 0 ||
      (row.uwsgiConnects ?? 0) < 0 ||
      (row.scgiConnects ?? 0) < 0 ||
      (row.memcachedConnects ?? 0) < 0 ||
      (row.otherConnects ?? 0) < 0 ||
      (row.sentBytes ?? 0) < 0 ||
      (row.receivedBytes ?? 0) < 0 ||
      (row.h2Requests ?? 0) < 0 ||
      (row.grpcRequests ?? 0) < 0 ||
      (row.tlsRequests ?? 0) < 0
    )
      return null
    this.#connects = now.connects
    this.#refused = now.refused
    this.#connectTimeout = now.connectTimeout
    this.#retransmits = now.retransmits
    this.#opaque = now.opaque
    this.#unreachable = now.unreachable
    this.#earlyClose = now.earlyClose
    this.#tlsConnects = now.tlsConnects
    this.#h2Connects = now.h2Connects
    this.#fastcgiConnects = now.fastcgiConnects
    this.#uwsgiConnects = now.uwsgiConnects
    this.#scgiConnects = now.scgiConnects
    this.#memcachedConnects = now.memcachedConnects
    this.#otherConnects = now.otherConnects
    this.#sentBytes = now.sentBytes
    this.#receivedBytes = now.receivedBytes
    this.#h2Requests = now.h2Requests
    this.#grpcRequests = now.grpcRequests
    this.#tlsRequests = now.tlsRequests
    this.#connect.set(now.connect)
    return row
  }
}
