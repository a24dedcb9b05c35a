/** Made by `make counters` from src/frame/model/counters.ts: change that file. */
import { addSparse, DistributionSum } from './distribution-sum.ts'
import { mergeDistribution, sumDistributions } from '../model/distribution.ts'
import type { Codes, ConnectionCounts, Counts, Distribution } from '../model/frame.ts'
import { mergeGrpc, sumGrpc } from '../model/grpc.ts'
import { mergeBuckets, sumBuckets } from '../model/histogram.ts'
import { addKnown, lastKnown } from '../model/known.ts'
import { micros, type Micros } from '../model/units.ts'
import { NO_CONNECTIONS } from '../model/nothing.ts'
import type { Failures } from '../model/counters.generated.ts'

/** Requests without a complete final head. */
export const failedRequests = (failures: Failures): number =>
  failures.reset + failures.closed + failures.aborted + failures.unanswered

/** Attempts that never sent a request. */
export const failedConnects = (
  row: Pick<ConnectionCounts, 'refused' | 'connectTimeout' | 'unreachable' | 'earlyClose'>,
): number => row.refused + row.connectTimeout + (row.unreachable ?? 0) + (row.earlyClose ?? 0)

/** Counts of simultaneous entities: open requests add up. In one pass, because every row of every tick is added here. */
export function sumCounts(parts: readonly Counts[]): Counts {
  let requests = 0
  let answered = 0
  let reset = 0
  let closed = 0
  let aborted = 0
  let unanswered = 0
  let interim = 0
  let retransmits = 0
  let retries = 0
  let bodyReset = 0
  let sentBytes: number | null = 0
  let receivedBytes: number | null = 0
  let unseen: number | null = 0
  let [inFlight, oldest] = [0, 0]
  for (const part of parts) {
    requests += part.requests
    answered += part.answered
    reset += part.failures.reset
    closed += part.failures.closed
    aborted += part.failures.aborted
    unanswered += part.failures.unanswered
    interim += part.interim
    retransmits += part.retransmits
    retries += part.retries
    bodyReset += part.bodyReset
    sentBytes = addKnown(sentBytes, part.sentBytes)
    receivedBytes = addKnown(receivedBytes, part.receivedBytes)
    unseen = addKnown(unseen, part.unseen)
    inFlight += part.inFlight
    if (part.oldest > oldest) oldest = part.oldest
  }
  return {
    requests,
    answered,
    interim,
    retransmits,
    retries,
    bodyReset,
    sentBytes,
    receivedBytes,
    unseen,
    failures: { reset, closed, aborted, unanswered },
    codes: sumBuckets(parts.map(({ codes }) => codes)),
    grpc: sumGrpc(parts),
    inFlight,
    oldest: micros(oldest),
    header: sumDistributions(parts.map(({ header }) => header)),
    total: sumDistributions(parts.map(({ total }) => total)),
  }
}

/** Counts of the same entity in consecutive spans: open requests are those that are open at the end. */
export const mergeCounts = (a: Counts, b: Counts): Counts => ({
  requests: a.requests + b.requests,
  answered: a.answered + b.answered,
  interim: a.interim + b.interim,
  retransmits: a.retransmits + b.retransmits,
  retries: a.retries + b.retries,
  bodyReset: a.bodyReset + b.bodyReset,
  sentBytes: addKnown(a.sentBytes, b.sentBytes),
  receivedBytes: addKnown(a.receivedBytes, b.receivedBytes),
  unseen: addKnown(a.unseen, b.unseen),
  failures: {
    reset: a.failures.reset + b.failures.reset,
    closed: a.failures.closed + b.failures.closed,
    aborted: a.failures.aborted + b.failures.aborted,
    unanswered: a.failures.unanswered + b.failures.unanswered,
  },
  codes: mergeBuckets(a.codes, b.codes),
  grpc: mergeGrpc(a.grpc, b.grpc),
  inFlight: b.inFlight,
  oldest: b.oldest,
  header: mergeDistribution(a.header, b.header),
  total: mergeDistribution(a.total, b.total),
})

/** Connections of the same backend in consecutive spans: open are those that are open at the end. */
export const mergeConnections = (a: ConnectionCounts, b: ConnectionCounts): ConnectionCounts => ({
  connects: a.connects + b.connects,
  refused: a.refused + b.refused,
  connectTimeout: a.connectTimeout + b.connectTimeout,
  retransmits: a.retransmits + b.retransmits,
  opaque: a.opaque + b.opaque,
  unreachable: addKnown(a.unreachable, b.unreachable),
  earlyClose: addKnown(a.earlyClose, b.earlyClose),
  tlsConnects: addKnown(a.tlsConnects, b.tlsConnects),
  h2Connects: addKnown(a.h2Connects, b.h2Connects),
  fastcgiConnects: addKnown(a.fastcgiConnects, b.fastcgiConnects),
  uwsgiConnects: addKnown(a.uwsgiConnects, b.uwsgiConnects),
  scgiConnects: addKnown(a.scgiConnects, b.scgiConnects),
  memcachedConnects: addKnown(a.memcachedConnects, b.memcachedConnects),
  otherConnects: addKnown(a.otherConnects, b.otherConnects),
  sentBytes: addKnown(a.sentBytes, b.sentBytes),
  receivedBytes: addKnown(a.receivedBytes, b.receivedBytes),
  tlsOpen: lastKnown(a.tlsOpen, b.tlsOpen),
  h2Open: lastKnown(a.h2Open, b.h2Open),
  fastcgiOpen: lastKnown(a.fastcgiOpen, b.fastcgiOpen),
  uwsgiOpen: lastKnown(a.uwsgiOpen, b.uwsgiOpen),
  scgiOpen: lastKnown(a.scgiOpen, b.scgiOpen),
  memcachedOpen: lastKnown(a.memcachedOpen, b.memcachedOpen),
  otherOpen: lastKnown(a.otherOpen, b.otherOpen),
  h2Requests: (a.h2Requests ?? 0) + (b.h2Requests ?? 0),
  grpcRequests: (a.grpcRequests ?? 0) + (b.grpcRequests ?? 0),
  tlsRequests: (a.tlsRequests ?? 0) + (b.tlsRequests ?? 0),
  connect: mergeDistribution(a.connect, b.connect),
})

/** Of simultaneous entities: open connections add up. */
export const addConnections = (a: ConnectionCounts, b: ConnectionCounts): ConnectionCounts => ({
  connects: a.connects + b.connects,
  refused: a.refused + b.refused,
  connectTimeout: a.connectTimeout + b.connectTimeout,
  retransmits: a.retransmits + b.retransmits,
  opaque: a.opaque + b.opaque,
  unreachable: addKnown(a.unreachable, b.unreachable),
  earlyClose: addKnown(a.earlyClose, b.earlyClose),
  tlsConnects: addKnown(a.tlsConnects, b.tlsConnects),
  h2Connects: addKnown(a.h2Connects, b.h2Connects),
  fastcgiConnects: addKnown(a.fastcgiConnects, b.fastcgiConnects),
  uwsgiConnects: addKnown(a.uwsgiConnects, b.uwsgiConnects),
  scgiConnects: addKnown(a.scgiConnects, b.scgiConnects),
  memcachedConnects: addKnown(a.memcachedConnects, b.memcachedConnects),
  otherConnects: addKnown(a.otherConnects, b.otherConnects),
  sentBytes: addKnown(a.sentBytes, b.sentBytes),
  receivedBytes: addKnown(a.receivedBytes, b.receivedBytes),
  tlsOpen: addKnown(a.tlsOpen, b.tlsOpen),
  h2Open: addKnown(a.h2Open, b.h2Open),
  fastcgiOpen: addKnown(a.fastcgiOpen, b.fastcgiOpen),
  uwsgiOpen: addKnown(a.uwsgiOpen, b.uwsgiOpen),
  scgiOpen: addKnown(a.scgiOpen, b.scgiOpen),
  memcachedOpen: addKnown(a.memcachedOpen, b.memcachedOpen),
  otherOpen: addKnown(a.otherOpen, b.otherOpen),
  h2Requests: (a.h2Requests ?? 0) + (b.h2Requests ?? 0),
  grpcRequests: (a.grpcRequests ?? 0) + (b.grpcRequests ?? 0),
  tlsRequests: (a.tlsRequests ?? 0) + (b.tlsRequests ?? 0),
  connect: mergeDistribution(a.connect, b.connect),
})

/** Open connections that cannot be read. */
export const openConnections = (
  row: Pick<
    ConnectionCounts,
    'tlsOpen' | 'h2Open' | 'fastcgiOpen' | 'uwsgiOpen' | 'scgiOpen' | 'memcachedOpen' | 'otherOpen'
  >,
): number | null =>
  addKnown(
    addKnown(
      addKnown(
        addKnown(addKnown(addKnown(row.tlsOpen, row.h2Open), row.fastcgiOpen), row.uwsgiOpen),
        row.scgiOpen,
      ),
      row.memcachedOpen,
    ),
    row.otherOpen,
  )

/** The span is followed by one without a row of the backend: a row with open connections is sent every tick. */
export const endedConnections = (row: ConnectionCounts): ConnectionCounts =>
  openConnections(row) === 0
    ? row
    : {
        ...row,
        tlsOpen: lastKnown(row.tlsOpen, 0),
        h2Open: lastKnown(row.h2Open, 0),
        fastcgiOpen: lastKnown(row.fastcgiOpen, 0),
        uwsgiOpen: lastKnown(row.uwsgiOpen, 0),
        scgiOpen: lastKnown(row.scgiOpen, 0),
        memcachedOpen: lastKnown(row.memcachedOpen, 0),
        otherOpen: lastKnown(row.otherOpen, 0),
      }

/** Whether any number of the row is not 0. */
export const isActive = (row: Counts): boolean =>
  row.inFlight !== 0 ||
  row.total.count !== 0 ||
  row.total.sampled !== 0 ||
  row.header.sampled !== 0 ||
  (row.grpc ?? []).length !== 0 ||
  row.requests +
    row.answered +
    row.failures.reset +
    row.failures.closed +
    row.failures.aborted +
    row.failures.unanswered +
    row.interim +
    row.retransmits +
    row.retries +
    row.bodyReset +
    (row.sentBytes ?? 0) +
    (row.receivedBytes ?? 0) +
    (row.unseen ?? 0) !==
    0

export const isConnectionActive = (row: ConnectionCounts): boolean =>
  row.connect.sampled !== 0 ||
  row.connects +
    row.refused +
    row.connectTimeout +
    row.retransmits +
    row.opaque +
    (row.unreachable ?? 0) +
    (row.earlyClose ?? 0) +
    (row.tlsConnects ?? 0) +
    (row.h2Connects ?? 0) +
    (row.fastcgiConnects ?? 0) +
    (row.uwsgiConnects ?? 0) +
    (row.scgiConnects ?? 0) +
    (row.memcachedConnects ?? 0) +
    (row.otherConnects ?? 0) +
    (row.sentBytes ?? 0) +
    (row.receivedBytes ?? 0) +
    (row.tlsOpen ?? 0) +
    (row.h2Open ?? 0) +
    (row.fastcgiOpen ?? 0) +
    (row.uwsgiOpen ?? 0) +
    (row.scgiOpen ?? 0) +
    (row.memcachedOpen ?? 0) +
    (row.otherOpen ?? 0) +
    (row.h2Requests ?? 0) +
    (row.grpcRequests ?? 0) +
    (row.tlsRequests ?? 0) !==
    0

/** The sum of all counts of a row, without times and bytes. */
export const countsIn = (row: Counts): number =>
  row.requests +
  row.answered +
  row.failures.reset +
  row.failures.closed +
  row.failures.aborted +
  row.failures.unanswered +
  row.interim +
  row.retransmits +
  row.retries +
  row.bodyReset +
  (row.unseen ?? 0) +
  row.inFlight +
  countsInCodes(row.codes) +
  countsInCodes(row.grpc ?? []) +
  countsInDistribution(row.header) +
  countsInDistribution(row.total)

/** The sum of all numbers of a row that are added up over rows. */
export const weightOf = (row: Counts): number =>
  countsIn(row) + (row.sentBytes ?? 0) + (row.receivedBytes ?? 0) + row.header.sum + row.total.sum

export const connectionCountsIn = (row: ConnectionCounts): number =>
  row.connects +
  row.refused +
  row.connectTimeout +
  row.retransmits +
  row.opaque +
  (row.unreachable ?? 0) +
  (row.earlyClose ?? 0) +
  (row.tlsConnects ?? 0) +
  (row.h2Connects ?? 0) +
  (row.fastcgiConnects ?? 0) +
  (row.uwsgiConnects ?? 0) +
  (row.scgiConnects ?? 0) +
  (row.memcachedConnects ?? 0) +
  (row.otherConnects ?? 0) +
  (row.tlsOpen ?? 0) +
  (row.h2Open ?? 0) +
  (row.fastcgiOpen ?? 0) +
  (row.uwsgiOpen ?? 0) +
  (row.scgiOpen ?? 0) +
  (row.memcachedOpen ?? 0) +
  (row.otherOpen ?? 0) +
  (row.h2Requests ?? 0) +
  (row.grpcRequests ?? 0) +
  (row.tlsRequests ?? 0) +
  countsInDistribution(row.connect)

export const connectionWeightOf = (row: ConnectionCounts): number =>
  connectionCountsIn(row) + (row.sentBytes ?? 0) + (row.receivedBytes ?? 0) + row.connect.sum

const countsInDistribution = ({ count, sampled }: Distribution): number => count + sampled

function countsInCodes(codes: Codes): number {
  let weight = 0
  for (let i = 1; i < codes.length; i += 2) weight += codes[i]!
  return weight
}

/** A sum that grows in place: a recorder adds thousands of rows per second, and each would otherwise be a new object. */
export class CountsSum {
  #requests = 0
  #answered = 0
  #reset = 0
  #closed = 0
  #aborted = 0
  #unanswered = 0
  #interim = 0
  #retransmits = 0
  #retries = 0
  #bodyReset = 0
  #sentBytes: number | null = 0
  #receivedBytes: number | null = 0
  #unseen: number | null = 0
  readonly #codes: number[] = []
  readonly #grpc: number[] = []
  #isGrpcKnown = true
  #inFlight = 0
  #oldest: Micros = micros(0)
  readonly #header = new DistributionSum()
  readonly #total = new DistributionSum()
  /** the last span that was added: its requests are still open if it is also the last span of the sum; 0: nothing was added */
  #span = 0

  get isEmpty(): boolean {
    return this.#span === 0
  }

  /** The result of `value` must not be used after this call. */
  clear(): void {
    this.#requests = 0
    this.#answered = 0
    this.#reset = 0
    this.#closed = 0
    this.#aborted = 0
    this.#unanswered = 0
    this.#interim = 0
    this.#retransmits = 0
    this.#retries = 0
    this.#bodyReset = 0
    this.#sentBytes = 0
    this.#receivedBytes = 0
    this.#unseen = 0
    this.#codes.length = 0
    this.#grpc.length = 0
    this.#isGrpcKnown = true
    this.#inFlight = 0
    this.#oldest = micros(0)
    this.#header.clear()
    this.#total.clear()
    this.#span = 0
  }

  /** @param span numbered from 1 */
  add(counts: Counts, span: number): void {
    this.#requests += counts.requests
    this.#answered += counts.answered
    this.#reset += counts.failures.reset
    this.#closed += counts.failures.closed
    this.#aborted += counts.failures.aborted
    this.#unanswered += counts.failures.unanswered
    this.#interim += counts.interim
    this.#retransmits += counts.retransmits
    this.#retries += counts.retries
    this.#bodyReset += counts.bodyReset
    this.#sentBytes = addKnown(this.#sentBytes, counts.sentBytes)
    this.#receivedBytes = addKnown(this.#receivedBytes, counts.receivedBytes)
    this.#unseen = addKnown(this.#unseen, counts.unseen)
    addSparse(this.#codes, counts.codes)
    if (counts.grpc === null) this.#isGrpcKnown = false
    else addSparse(this.#grpc, counts.grpc)
    this.#inFlight = counts.inFlight
    this.#oldest = counts.oldest
    this.#header.add(counts.header)
    this.#total.add(counts.total)
    this.#span = span
  }

  /** @param last the last span of the sum */
  value(last: number): Counts {
    const isOpen = this.#span === last
    return {
      requests: this.#requests,
      answered: this.#answered,
      interim: this.#interim,
      retransmits: this.#retransmits,
      retries: this.#retries,
      bodyReset: this.#bodyReset,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      unseen: this.#unseen,
      failures: {
        reset: this.#reset,
        closed: this.#closed,
        aborted: this.#aborted,
        unanswered: this.#unanswered,
      },
      codes: this.#codes,
      grpc: this.#isGrpcKnown ? this.#grpc : null,
      inFlight: isOpen ? this.#inFlight : 0,
      oldest: isOpen ? this.#oldest : micros(0),
      header: this.#header.value(),
      total: this.#total.value(),
    }
  }
}

export class ConnectionSum {
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
  #sentBytes: number | null = 0
  #receivedBytes: number | null = 0
  #tlsOpen: number | null = 0
  #h2Open: number | null = 0
  #fastcgiOpen: number | null = 0
  #uwsgiOpen: number | null = 0
  #scgiOpen: number | null = 0
  #memcachedOpen: number | null = 0
  #otherOpen: number | null = 0
  #h2Requests: number | null = 0
  #grpcRequests: number | null = 0
  #tlsRequests: number | null = 0
  readonly #connect = new DistributionSum()
  /** the last span that was added; 0: none */
  #span = 0

  /** @param span numbered from 1 */
  add(counts: ConnectionCounts, span: number): void {
    this.#span = span
    this.#connects += counts.connects
    this.#refused += counts.refused
    this.#connectTimeout += counts.connectTimeout
    this.#retransmits += counts.retransmits
    this.#opaque += counts.opaque
    this.#unreachable = addKnown(this.#unreachable, counts.unreachable)
    this.#earlyClose = addKnown(this.#earlyClose, counts.earlyClose)
    this.#tlsConnects = addKnown(this.#tlsConnects, counts.tlsConnects)
    this.#h2Connects = addKnown(this.#h2Connects, counts.h2Connects)
    this.#fastcgiConnects = addKnown(this.#fastcgiConnects, counts.fastcgiConnects)
    this.#uwsgiConnects = addKnown(this.#uwsgiConnects, counts.uwsgiConnects)
    this.#scgiConnects = addKnown(this.#scgiConnects, counts.scgiConnects)
    this.#memcachedConnects = addKnown(this.#memcachedConnects, counts.memcachedConnects)
    this.#otherConnects = addKnown(this.#otherConnects, counts.otherConnects)
    this.#sentBytes = addKnown(this.#sentBytes, counts.sentBytes)
    this.#receivedBytes = addKnown(this.#receivedBytes, counts.receivedBytes)
    this.#tlsOpen = lastKnown(this.#tlsOpen, counts.tlsOpen)
    this.#h2Open = lastKnown(this.#h2Open, counts.h2Open)
    this.#fastcgiOpen = lastKnown(this.#fastcgiOpen, counts.fastcgiOpen)
    this.#uwsgiOpen = lastKnown(this.#uwsgiOpen, counts.uwsgiOpen)
    this.#scgiOpen = lastKnown(this.#scgiOpen, counts.scgiOpen)
    this.#memcachedOpen = lastKnown(this.#memcachedOpen, counts.memcachedOpen)
    this.#otherOpen = lastKnown(this.#otherOpen, counts.otherOpen)
    this.#h2Requests = (this.#h2Requests ?? 0) + (counts.h2Requests ?? 0)
    this.#grpcRequests = (this.#grpcRequests ?? 0) + (counts.grpcRequests ?? 0)
    this.#tlsRequests = (this.#tlsRequests ?? 0) + (counts.tlsRequests ?? 0)
    this.#connect.add(counts.connect)
  }

  /** @param last the last span of the sum */
  value(last: number): ConnectionCounts {
    if (this.#span === 0) return NO_CONNECTIONS
    const isOpen = this.#span === last
    return {
      connects: this.#connects,
      refused: this.#refused,
      connectTimeout: this.#connectTimeout,
      retransmits: this.#retransmits,
      opaque: this.#opaque,
      unreachable: this.#unreachable,
      earlyClose: this.#earlyClose,
      tlsConnects: this.#tlsConnects,
      h2Connects: this.#h2Connects,
      fastcgiConnects: this.#fastcgiConnects,
      uwsgiConnects: this.#uwsgiConnects,
      scgiConnects: this.#scgiConnects,
      memcachedConnects: this.#memcachedConnects,
      otherConnects: this.#otherConnects,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      tlsOpen: isOpen ? this.#tlsOpen : lastKnown(this.#tlsOpen, 0),
      h2Open: isOpen ? this.#h2Open : lastKnown(this.#h2Open, 0),
      fastcgiOpen: isOpen ? this.#fastcgiOpen : lastKnown(this.#fastcgiOpen, 0),
      uwsgiOpen: isOpen ? this.#uwsgiOpen : lastKnown(this.#uwsgiOpen, 0),
      scgiOpen: isOpen ? this.#scgiOpen : lastKnown(this.#scgiOpen, 0),
      memcachedOpen: isOpen ? this.#memcachedOpen : lastKnown(this.#memcachedOpen, 0),
      otherOpen: isOpen ? this.#otherOpen : lastKnown(this.#otherOpen, 0),
      h2Requests: this.#h2Requests,
      grpcRequests: this.#grpcRequests,
      tlsRequests: this.#tlsRequests,
      connect: this.#connect.value(),
    }
  }
}
