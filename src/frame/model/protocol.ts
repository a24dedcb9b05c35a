/** What a backend speaks: docs/NUMBERS.md, `protocol`. */
import type { ConnectionCounts, Counts } from './frame.ts'

export const PROTOCOLS = [
  'http/1',
  'tls',
  'h2-unread',
  'fastcgi',
  'uwsgi',
  'scgi',
  'memcached',
  'other',
] as const
export type Protocol = (typeof PROTOCOLS)[number]

type Row = Pick<Counts, 'requests' | 'inFlight'> & { readonly connection: ConnectionCounts }

/** Of most requests, else of most connections, begun or open. null: nothing was sent, or the recording is older than this. */
export function protocolOf({ requests, inFlight, connection }: Row): Protocol | null {
  if (requests > 0 || inFlight > 0) return 'http/1'
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

/** Whether there are requests that cannot be read: their number is unknown, and not 0. */
export const isUnread = (row: Row): boolean =>
  row.requests === 0 &&
  row.inFlight === 0 &&
  (protocolOf(row) !== null || row.connection.opaque > 0 || unreadBytes(row.connection) > 0)

/** Of connections that were open before the range, and are no more at its end, only bytes tell. */
const unreadBytes = ({ sentBytes, receivedBytes }: ConnectionCounts): number =>
  (sentBytes ?? 0) + (receivedBytes ?? 0)
