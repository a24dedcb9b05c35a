/** What a backend speaks: docs/NUMBERS.md, `protocol`. */
import type { ConnectionCounts, Counts } from './frame.ts'
import { grpcEnded } from './grpc.ts'

/** Protocols whose requests are read. Of as many requests, the first of them. */
const READ = ['http/1', 'h2', 'grpc'] as const

export const PROTOCOLS = [
  ...READ,
  'tls',
  'h2-unread',
  'fastcgi',
  'uwsgi',
  'scgi',
  'memcached',
  'other',
] as const
export type Protocol = (typeof PROTOCOLS)[number]

type Row = Pick<Counts, 'requests' | 'inFlight' | 'answered' | 'grpc'> & {
  readonly connection: ConnectionCounts
}

/** Whether requests are read where a backend speaks this. */
export const isRead = (protocol: string | null): boolean => READ.some((word) => word === protocol)

/**
 * Of most requests, else of most connections, begun or open. null: nothing was sent, all that was read began before the range, or the
 * recording is older than this.
 */
export function protocolOf(row: Row): Protocol | null {
  const { requests, inFlight, connection } = row
  if (requests > 0) return ofRequests(requests, connection)
  const before = ofEarlierRequests(row)
  if (before !== null || inFlight > 0) return before
  const connections: readonly (readonly [Protocol, number | null, number | null])[] = [
    ['tls', connection.tlsConnects, connection.tlsOpen],
    ['h2-unread', connection.h2Connects, connection.h2Open],
    ['fastcgi', connection.fastcgiConnects, connection.fastcgiOpen],
    ['uwsgi', connection.uwsgiConnects, connection.uwsgiOpen],
    ['scgi', connection.scgiConnects, connection.scgiOpen],
    ['memcached', connection.memcachedConnects, connection.memcachedOpen],
    ['other', connection.otherConnects, connection.otherOpen],
  ]
  const counts = connections.map(([protocol, begun, open]) => ({
    protocol,
    count: Math.max(begun ?? 0, open ?? 0),
  }))
  const most = counts.reduce((a, b) => (b.count > a.count ? b : a))
  return most.count === 0 ? null : most.protocol
}

/** Where a recording does not know of HTTP/2, it read HTTP/1 only. */
function ofRequests(requests: number, { h2Requests, grpcRequests }: ConnectionCounts): Protocol {
  const [h2, grpc] = [h2Requests ?? 0, grpcRequests ?? 0]
  const counts = [requests - h2, h2 - grpc, grpc]
  return READ[counts.indexOf(Math.max(...counts))]!
}

/** Whether requests were read within TLS (`--tls`); null: it is not known. Recorders that are older than this read none. */
export const isTls = ({ connection: { tlsRequests } }: Pick<Row, 'connection'>): boolean | null =>
  tlsRequests === null ? null : tlsRequests > 0

/** Of requests that began before the range: only gRPC has a status at its end that tells. A recorder that did not know gRPC read HTTP/1 only. */
function ofEarlierRequests({ inFlight, answered, grpc }: Row): Protocol | null {
  const ended = grpcEnded(grpc)
  if (ended === null) return inFlight > 0 ? 'http/1' : null
  return ended > answered / 2 ? 'grpc' : null
}

/** Whether there are requests that cannot be read: their number is unknown, and not 0. */
export function isUnread(row: Row): boolean {
  if (row.requests > 0 || row.inFlight > 0) return false
  const protocol = protocolOf(row)
  if (protocol !== null) return !isRead(protocol)
  return row.connection.opaque > 0 || unreadBytes(row.connection) > 0
}

/** Of connections that were open before the range, and are no more at its end, only bytes tell. */
const unreadBytes = ({ sentBytes, receivedBytes }: ConnectionCounts): number =>
  (sentBytes ?? 0) + (receivedBytes ?? 0)
