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

/** Of most requests, else of most connections. null: nothing was sent, or the recording is older than this. */
export function protocolOf({ requests, inFlight, connection }: Row): Protocol | null {
  if (requests > 0 || inFlight > 0) return 'http/1'
  const connects: readonly (readonly [Protocol, number | null])[] = [
    ['tls', connection.tlsConnects],
    ['h2-unread', connection.h2Connects],
    ['fastcgi', connection.fastcgiConnects],
    ['uwsgi', connection.uwsgiConnects],
    ['scgi', connection.scgiConnects],
    ['memcached', connection.memcachedConnects],
    ['other', connection.otherConnects],
  ]
  const [most] = [...connects].sort(([, a], [, b]) => (b ?? 0) - (a ?? 0))
  return !most?.[1] ? null : most[0]
}

/** Whether there are requests that cannot be read: their number is unknown, and not 0. */
export const isUnread = (row: Row): boolean =>
  row.requests === 0 && row.inFlight === 0 && (protocolOf(row) !== null || row.connection.opaque > 0)
