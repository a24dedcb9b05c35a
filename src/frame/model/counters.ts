/**
 * Every counter is declared here, once, one per line. `make counters` generates the code for C, the wire, the file and the sums from it.
 * Code that runs once per report loops over the lists instead.
 *
 * A counter's word is its spelling in C, on the wire, in SQL, JSON and Parquet. In TypeScript it is the same word in camelCase.
 * The order of the lines is the order of the wire's columns: never remove or reorder a line, add new ones at the end of their list.
 */

/**
 * Which cache line of `struct slot` has it (bpf/shared.h): that of the program that adds to it often. Requests leave on one CPU and answers
 * arrive on another, so each has a line of its own. What is rare (`body_reset`, `unseen`) is in `sending`, whoever adds to it.
 * A cache line holds eight 64-bit words, and both are full: `ending` has five counters and three sums of times, `sending` has eight
 * counters. The next counter makes a slot five cache lines, 64 bytes more per route: the assertion behind `struct slot` says so, and is
 * to be changed with it.
 */
export type Side = 'sending' | 'ending'

/**
 * `failure`: an attempt that got no complete final head; grouped in JSON as `failures`. `bytes`: a total that may exceed 2^53, so it is a
 * decimal string on the wire. `gauge`: a value at the end of the tick, on the wire too; a range has that of its last tick, and without a row
 * it is 0.
 */
export type Kind = 'count' | 'failure' | 'bytes' | 'gauge'

/** `later`: recordings and helpers of earlier versions do not have it; it is null for them. */
export type Since = 'first' | 'later'

export interface Counter<Word extends string = string, Of extends Kind = Kind, When extends Since = Since> {
  readonly word: Word
  /** in TypeScript */
  readonly name: CamelCase<Word>
  readonly kind: Of
  readonly since: When
  /** a comment in the generated code */
  readonly what: string
}

const of =
  <const Of extends Kind>(kind: Of) =>
  <const Word extends string, const When extends Since = 'first'>(
    word: Word,
    what: string,
    since: When = 'first' as When,
  ): Counter<Word, Of, When> => ({ word, name: camelCase(word), kind, since, what })
const counter = of('count')
const failure = of('failure')
const bytes = of('bytes')
const gauge = of('gauge')
const by = <Of extends Counter>(side: Side, of: Of): Of & { readonly side: Side } => ({ ...of, side })

/** Counters of a route slot, one (backend, route). */
export const ROUTE = [
  by('sending', counter('requests', 'attempts whose first byte left')),
  by('ending', counter('answered', 'the head of the final answer was complete')),
  by('ending', failure('reset', 'RST from the backend')),
  by('ending', failure('closed', 'FIN from the backend')),
  by('sending', failure('aborted', 'FIN or RST from nginx')),
  by('sending', failure('unanswered', 'the flow was given up, or its port used again')),
  by('ending', counter('interim', 'heads of 1xx answers other than 101')),
  by('sending', counter('retransmits', 'segments sent again while a request was open')),
  by('sending', counter('retries', 'attempts that follow a failed one of the same client request, inferred')),
  by('sending', counter('body_reset', 'answers whose body was cut off')),
  by('sending', bytes('sent_bytes', 'bytes of requests, with heads and framing', 'later')),
  by('ending', bytes('received_bytes', 'bytes of answers, with heads and framing', 'later')),
  by('sending', counter('unseen', 'attempts whose outcome lay in bytes that passed unseen', 'later')),
] as const

type Failure = Extract<(typeof ROUTE)[number], { readonly kind: 'failure' }>
const isFailure = (of: (typeof ROUTE)[number]): of is Failure => of.kind === 'failure'
/** The route counters that are failures, and the others. */
export const ROUTE_FAILURES = ROUTE.filter(isFailure)
export const ROUTE_PLAIN = ROUTE.filter((of) => !isFailure(of))

/** Counters of a backend, outside any request. */
export const CONNECTION = [
  counter('connects', 'connections that were established'),
  failure('refused', 'ECONNREFUSED'),
  failure('connect_timeout', 'given up before a SYN-ACK'),
  counter('retransmits', 'segments sent again while no request was open'),
  counter('opaque', 'connections that cannot be read: TLS, h2'),
  failure('unreachable', 'no connection for any other error: no route, host down, no free port', 'later'),
  failure('early_close', 'established, and ended by the peer before nginx sent a byte', 'later'),
  counter('tls_connects', 'connections whose first bytes are TLS', 'later'),
  counter('h2_connects', 'connections whose first bytes are HTTP/2 without TLS', 'later'),
  counter('fastcgi_connects', 'connections whose first bytes are FastCGI', 'later'),
  counter('uwsgi_connects', 'connections whose first bytes are uwsgi', 'later'),
  counter('scgi_connects', 'connections whose first bytes are SCGI', 'later'),
  counter('memcached_connects', 'connections whose first bytes are memcached', 'later'),
  counter('other_connects', 'connections whose first bytes are none of these, nor HTTP/1', 'later'),
  bytes('sent_bytes', 'bytes sent on connections that cannot be read', 'later'),
  bytes('received_bytes', 'bytes received on connections that cannot be read', 'later'),
  gauge('tls_open', 'open connections whose first bytes are TLS', 'later'),
  gauge('h2_open', 'open connections whose first bytes are HTTP/2 without TLS', 'later'),
  gauge('fastcgi_open', 'open connections whose first bytes are FastCGI', 'later'),
  gauge('uwsgi_open', 'open connections whose first bytes are uwsgi', 'later'),
  gauge('scgi_open', 'open connections whose first bytes are SCGI', 'later'),
  gauge('memcached_open', 'open connections whose first bytes are memcached', 'later'),
  gauge('other_open', 'open connections that speak something else, or on which nginx says nothing', 'later'),
  counter('h2_requests', 'requests read from HTTP/2 connections, gRPC among them', 'later'),
  counter('grpc_requests', 'requests whose content-type is application/grpc', 'later'),
  counter('tls_requests', 'requests read within TLS (--tls), whatever the protocol', 'later'),
] as const

/**
 * Recorders that do not have these read no HTTP/2, and nothing within TLS. So a sum takes null for 0, and of a backend that one of several recordings knows better,
 * it is said what it speaks.
 */
export const NONE_BEFORE: readonly string[] = ['h2_requests', 'grpc_requests', 'tls_requests']

type ConnectFailure = Extract<(typeof CONNECTION)[number], { readonly kind: 'failure' }>
/** The counters of failed connects. */
export const CONNECT_FAILURES = CONNECTION.filter((of): of is ConnectFailure => of.kind === 'failure')

/** Counters of a host, per packet or request: reasons why a number may be too small. */
export const LOSS = [
  counter('ring_dropped', 'events for which the ring was full: percentiles use fewer requests'),
  counter('map_refused', 'requests for which a table was full'),
  counter('unmatched_responses', 'answers to requests that were not seen'),
  counter('ambiguous', 'requests whose answer could not be determined'),
  counter('evicted', 'flows given up because their socket was gone'),
  counter('fragments', 'IP fragments'),
  counter('half_seen', 'flows of which a direction, or both, was not seen'),
  counter('path_folded', 'paths that were cut'),
  counter('pipeline_overflow', 'requests beyond eight on a connection'),
  counter('holes', 'spans of bytes that passed unseen', 'later'),
] as const

/** Traffic that is not nginx's upstream leg, by reason: in requests where they could be recognised, else in flows. */
export const EXCLUDED = [
  counter('front_door', 'clients of a local nginx'),
  counter('ignored', '--ignore'),
  counter('not_selected', 'not in --only'),
  counter('routed', 'sent by no socket of this host'),
  counter('tls', 'TLS'),
  counter('h2', 'HTTP/2'),
  counter('not_nginx', '--nginx-only: sent by no nginx', 'later'),
] as const

/**
 * The control totals: each payload segment is counted in `segments` and in exactly one of the counters between it and `requests`.
 * Over all routes, requests = answered + failed + open.
 */
export const CONTROL = [
  counter('segments', 'all payload segments'),
  counter('starts', 'a message begins in it'),
  counter('continuations', 'a message continues in it'),
  counter('retransmits', 'no new bytes, on the interface where they were first seen'),
  counter('second_sightings', 'no new bytes, on another interface'),
  counter('not_http', 'of a flow that is not HTTP/1'),
  counter('partial', 'ahead of a hole: counted, not read'),
  counter('ambiguous', 'of a flow whose state was lost'),
  counter('fragments', 'IP fragments'),
  counter('opaque', 'TLS, h2, tunnels'),
  counter('excluded', 'excluded, for any reason'),
  counter('requests', 'over all routes'),
  counter('answered', 'over all routes'),
  counter('failed', 'over all routes'),
  counter('unseen', 'over all routes', 'later'),
] as const

export type CamelCase<Word extends string> = Word extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Word

/** body_reset → bodyReset */
function camelCase<Word extends string>(word: Word): CamelCase<Word> {
  return word.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) as CamelCase<Word>
}

type Value<Of extends Counter> = Of['since'] extends 'later' ? number | null : number

/** An object of the model with the counters of a list. */
export type ByName<List extends readonly Counter[]> = {
  readonly [Of in List[number] as CamelCase<Of['word']>]: Value<Of>
}

/** The same with the counters' words as keys, as in JSON. */
export type ByWord<List extends readonly Counter[]> = {
  readonly [Of in List[number] as Of['word']]: Value<Of>
}

/** In the order of the list. */
export const valuesOf = <const List extends readonly Counter[]>(
  list: List,
  counts: ByName<List>,
): readonly (number | null)[] =>
  list.map(({ name }) => (counts as Readonly<Record<string, number | null>>)[name] ?? null)

export function byWord<const List extends readonly Counter[]>(
  list: List,
  counts: ByName<List>,
): ByWord<List> {
  const values = valuesOf(list, counts)
  return Object.fromEntries(list.map(({ word }, i) => [word, values[i]])) as ByWord<List>
}
