/** Made by `make counters` from src/frame/model/counters.ts: change that file. */

/** Attempts that got no complete final head. */

export interface Failures {
  /** RST from the backend */
  readonly reset: number
  /** FIN from the backend */
  readonly closed: number
  /** FIN or RST from nginx */
  readonly aborted: number
  /** the flow was given up, or its port used again */
  readonly unanswered: number
}
export const NO_FAILURES: Failures = { reset: 0, closed: 0, aborted: 0, unanswered: 0 }

/** Exact counters of a (backend, route). null: not known. */
export interface RouteCounters {
  /** attempts whose first byte left */
  readonly requests: number
  /** the head of the final answer was complete */
  readonly answered: number
  /** heads of 1xx answers other than 101 */
  readonly interim: number
  /** segments sent again while a request was open */
  readonly retransmits: number
  /** attempts that follow a failed one of the same client request, inferred */
  readonly retries: number
  /** answers whose body was cut off */
  readonly bodyReset: number
  /** bytes of requests, with heads and framing */
  readonly sentBytes: number | null
  /** bytes of answers, with heads and framing */
  readonly receivedBytes: number | null
  /** attempts whose outcome lay in bytes that passed unseen */
  readonly unseen: number | null
  readonly failures: Failures
}
export const NO_ROUTE: RouteCounters = {
  requests: 0,
  answered: 0,
  interim: 0,
  retransmits: 0,
  retries: 0,
  bodyReset: 0,
  sentBytes: 0,
  receivedBytes: 0,
  unseen: 0,
  failures: NO_FAILURES,
}

/** The same as totals on the wire. */
export interface RouteTotals {
  readonly requests: number
  readonly answered: number
  readonly interim: number
  readonly retransmits: number
  readonly retries: number
  readonly bodyReset: number
  readonly sentBytes: bigint | null
  readonly receivedBytes: bigint | null
  readonly unseen: number | null
  readonly failures: Failures
}

/** What happened to a backend outside any request. */

export interface ConnectionCounters {
  /** connections that were established */
  readonly connects: number
  /** ECONNREFUSED */
  readonly refused: number
  /** given up before a SYN-ACK */
  readonly connectTimeout: number
  /** segments sent again while no request was open */
  readonly retransmits: number
  /** connections that cannot be read: TLS, h2 */
  readonly opaque: number
  /** no connection for any other error: no route, host down, no free port */
  readonly unreachable: number | null
  /** established, and ended by the peer before nginx sent a byte */
  readonly earlyClose: number | null
  /** connections whose first bytes are TLS */
  readonly tlsConnects: number | null
  /** connections whose first bytes are HTTP/2 without TLS */
  readonly h2Connects: number | null
  /** connections whose first bytes are FastCGI */
  readonly fastcgiConnects: number | null
  /** connections whose first bytes are uwsgi */
  readonly uwsgiConnects: number | null
  /** connections whose first bytes are SCGI */
  readonly scgiConnects: number | null
  /** connections whose first bytes are memcached */
  readonly memcachedConnects: number | null
  /** connections whose first bytes are none of these, nor HTTP/1 */
  readonly otherConnects: number | null
  /** bytes sent on connections that cannot be read */
  readonly sentBytes: number | null
  /** bytes received on connections that cannot be read */
  readonly receivedBytes: number | null
  /** open connections whose first bytes are TLS */
  readonly tlsOpen: number | null
  /** open connections whose first bytes are HTTP/2 without TLS */
  readonly h2Open: number | null
  /** open connections whose first bytes are FastCGI */
  readonly fastcgiOpen: number | null
  /** open connections whose first bytes are uwsgi */
  readonly uwsgiOpen: number | null
  /** open connections whose first bytes are SCGI */
  readonly scgiOpen: number | null
  /** open connections whose first bytes are memcached */
  readonly memcachedOpen: number | null
  /** open connections that speak something else, or on which nginx says nothing */
  readonly otherOpen: number | null
  /** requests read from HTTP/2 connections, gRPC among them */
  readonly h2Requests: number | null
  /** requests whose content-type is application/grpc */
  readonly grpcRequests: number | null
  /** requests read within TLS (--tls), whatever the protocol */
  readonly tlsRequests: number | null
}
export const NO_CONNECTION: ConnectionCounters = {
  connects: 0,
  refused: 0,
  connectTimeout: 0,
  retransmits: 0,
  opaque: 0,
  unreachable: 0,
  earlyClose: 0,
  tlsConnects: 0,
  h2Connects: 0,
  fastcgiConnects: 0,
  uwsgiConnects: 0,
  scgiConnects: 0,
  memcachedConnects: 0,
  otherConnects: 0,
  sentBytes: 0,
  receivedBytes: 0,
  tlsOpen: 0,
  h2Open: 0,
  fastcgiOpen: 0,
  uwsgiOpen: 0,
  scgiOpen: 0,
  memcachedOpen: 0,
  otherOpen: 0,
  h2Requests: 0,
  grpcRequests: 0,
  tlsRequests: 0,
}

/** The same as totals on the wire. */
export interface ConnectionWireTotals {
  readonly connects: number
  readonly refused: number
  readonly connectTimeout: number
  readonly retransmits: number
  readonly opaque: number
  readonly unreachable: number | null
  readonly earlyClose: number | null
  readonly tlsConnects: number | null
  readonly h2Connects: number | null
  readonly fastcgiConnects: number | null
  readonly uwsgiConnects: number | null
  readonly scgiConnects: number | null
  readonly memcachedConnects: number | null
  readonly otherConnects: number | null
  readonly sentBytes: bigint | null
  readonly receivedBytes: bigint | null
  readonly tlsOpen: number | null
  readonly h2Open: number | null
  readonly fastcgiOpen: number | null
  readonly uwsgiOpen: number | null
  readonly scgiOpen: number | null
  readonly memcachedOpen: number | null
  readonly otherOpen: number | null
  readonly h2Requests: number | null
  readonly grpcRequests: number | null
  readonly tlsRequests: number | null
}
/** Why a number may be too small. */

export interface Loss {
  /** events for which the ring was full: percentiles use fewer requests */
  readonly ringDropped: number
  /** requests for which a table was full */
  readonly mapRefused: number
  /** answers to requests that were not seen */
  readonly unmatchedResponses: number
  /** requests whose answer could not be determined */
  readonly ambiguous: number
  /** flows given up because their socket was gone */
  readonly evicted: number
  /** IP fragments */
  readonly fragments: number
  /** flows of which a direction, or both, was not seen */
  readonly halfSeen: number
  /** paths that were cut */
  readonly pathFolded: number
  /** requests beyond eight on a connection */
  readonly pipelineOverflow: number
  /** spans of bytes that passed unseen */
  readonly holes: number | null
}
export const NO_LOSS: Loss = {
  ringDropped: 0,
  mapRefused: 0,
  unmatchedResponses: 0,
  ambiguous: 0,
  evicted: 0,
  fragments: 0,
  halfSeen: 0,
  pathFolded: 0,
  pipelineOverflow: 0,
  holes: 0,
}

/** Traffic that is not nginx's upstream leg, by reason. Counted in requests where these can be recognised, else in flows. */

export interface Excluded {
  /** clients of a local nginx */
  readonly frontDoor: number
  /** --ignore */
  readonly ignored: number
  /** not in --only */
  readonly notSelected: number
  /** sent by no socket of this host */
  readonly routed: number
  /** TLS */
  readonly tls: number
  /** HTTP/2 */
  readonly h2: number
  /** --nginx-only: sent by no nginx */
  readonly notNginx: number | null
}
export const NO_EXCLUDED: Excluded = {
  frontDoor: 0,
  ignored: 0,
  notSelected: 0,
  routed: 0,
  tls: 0,
  h2: 0,
  notNginx: 0,
}

/**
 * Each payload segment that a program saw is counted by exactly one of these: segments = the sum of the others up to `excluded`.
 * Requests: started = answered + failed + open, over all routes.
 */

export interface Control {
  /** all payload segments */
  readonly segments: number
  /** a message begins in it */
  readonly starts: number
  /** a message continues in it */
  readonly continuations: number
  /** no new bytes, on the interface where they were first seen */
  readonly retransmits: number
  /** no new bytes, on another interface */
  readonly secondSightings: number
  /** of a flow that is not HTTP/1 */
  readonly notHttp: number
  /** ahead of a hole: counted, not read */
  readonly partial: number
  /** of a flow whose state was lost */
  readonly ambiguous: number
  /** IP fragments */
  readonly fragments: number
  /** TLS, h2, tunnels */
  readonly opaque: number
  /** excluded, for any reason */
  readonly excluded: number
  /** over all routes */
  readonly requests: number
  /** over all routes */
  readonly answered: number
  /** over all routes */
  readonly failed: number
  /** over all routes */
  readonly unseen: number | null
}
export const NO_CONTROL: Control = {
  segments: 0,
  starts: 0,
  continuations: 0,
  retransmits: 0,
  secondSightings: 0,
  notHttp: 0,
  partial: 0,
  ambiguous: 0,
  fragments: 0,
  opaque: 0,
  excluded: 0,
  requests: 0,
  answered: 0,
  failed: 0,
  unseen: 0,
}
