/**
 * Every counter of the product, declared once, a line each. `make counters` writes from it what would otherwise be written by hand in C,
 * in the wire, in the file and in sums; tables that are read once per report loop over it.
 *
 * A counter's word is its spelling in C, on the wire, in SQL, JSON and Parquet; in TypeScript it is the same word in camelCase.
 * Lines are never removed or reordered, new ones are added at the end of their list: their order is the order of the wire's columns.
 */

/**
 * Who adds to it in the kernel: counters of one side share a cache line, because requests leave on one CPU and answers arrive on another.
 * A line holds eight words. `ending` is full (five counters, and three sums of times); `sending` has room for one more. The next one needs
 * another line in `struct slot`, 64 bytes more per route: the compiler says so.
 */
export type Side = 'sending' | 'ending'

/**
 * `failure`: an attempt that got no complete final head; grouped in JSON as `failures`. `bytes`: a total that may pass 2^53, so that the
 * wire has it as a decimal string.
 */
export type Kind = 'count' | 'failure' | 'bytes'

/** `later`: recordings and helpers of earlier versions lack it, and it is null where they do. */
export type Since = 'first' | 'later'

export interface Counter<Word extends string = string, Of extends Kind = Kind, When extends Since = Since> {
  readonly word: Word
  /** in TypeScript */
  readonly name: CamelCase<Word>
  readonly kind: Of
  readonly since: When
  /** for readers of the generated code */
  readonly what: string
}

export type RouteCounter = Counter & { readonly side: Side }

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
const by = <Of extends Counter>(side: Side, of: Of): Of & { readonly side: Side } => ({ ...of, side })

/** Of a route slot: what (backend, route) did. */
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
  by('sending', counter('body_reset', 'answers whose body was broken off')),
  by('sending', bytes('sent_bytes', 'of requests, heads and framing within them', 'later')),
  by('ending', bytes('received_bytes', 'of answers, heads and framing within them', 'later')),
  by('sending', counter('unseen', 'attempts whose outcome lay in bytes that passed unseen', 'later')),
] as const

type Failure = Extract<(typeof ROUTE)[number], { readonly kind: 'failure' }>
const isFailure = (of: (typeof ROUTE)[number]): of is Failure => of.kind === 'failure'
/** Those of a route that are failures, and the others. */
export const ROUTE_FAILURES = ROUTE.filter(isFailure)
export const ROUTE_PLAIN = ROUTE.filter((of) => !isFailure(of))

/** Of a backend, outside any request. */
export const CONNECTION = [
  counter('connects', 'connections that were established'),
  failure('refused', 'ECONNREFUSED'),
  failure('connect_timeout', 'given up before a SYN-ACK'),
  counter('retransmits', 'segments sent again while no request was open'),
  counter('opaque', 'connections that cannot be read: TLS, h2'),
  failure('unreachable', 'no connection for any other error: no route, host down, no free port', 'later'),
  failure('early_close', 'established, and ended by the peer before nginx sent a byte', 'later'),
] as const

type ConnectFailure = Extract<(typeof CONNECTION)[number], { readonly kind: 'failure' }>
/** Connects that failed. */
export const CONNECT_FAILURES = CONNECTION.filter((of): of is ConnectFailure => of.kind === 'failure')

/** Of a host, per packet or request: why a number may be too small. */
export const LOSS = [
  counter('ring_dropped', 'events that found no room: percentiles rest on fewer requests'),
  counter('map_refused', 'requests that found no room in a table'),
  counter('unmatched_responses', 'answers to requests that were not seen'),
  counter('ambiguous', 'requests whose answer could not be told'),
  counter('evicted', 'flows that were pushed out'),
  counter('fragments', 'IP fragments'),
  counter('half_seen', 'flows of which one direction was seen'),
  counter('path_folded', 'paths that were cut'),
  counter('pipeline_overflow', 'requests beyond eight on a connection'),
  counter('holes', 'spans of bytes that passed unseen', 'later'),
] as const

/** Traffic that is not nginx's upstream leg, by reason: requests where one could be told, else flows. */
export const EXCLUDED = [
  counter('front_door', 'clients of a local nginx'),
  counter('ignored', '--ignore'),
  counter('not_selected', 'not in --only'),
  counter('routed', 'sent by no socket of this host'),
  counter('tls', 'TLS'),
  counter('h2', 'HTTP/2'),
] as const

/**
 * The control totals: each payload segment is counted in `segments` and in exactly one of the counters between it and `requests`.
 * Over all routes, requests = answered + failed + open.
 */
export const CONTROL = [
  counter('segments', 'all of them'),
  counter('starts', 'a message begins in it'),
  counter('continuations', 'it goes on with one'),
  counter('retransmits', 'nothing new, from the interface that brought it first'),
  counter('second_sightings', 'nothing new, from another interface'),
  counter('not_http', 'of no flow that speaks HTTP/1'),
  counter('partial', 'ahead of a hole: counted, not read'),
  counter('ambiguous', 'of a flow whose state was lost'),
  counter('fragments', 'IP fragments'),
  counter('opaque', 'TLS, h2, tunnels'),
  counter('excluded', 'left out by reason'),
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

/** An object of the model that has a list's counters. */
export type ByName<List extends readonly Counter[]> = {
  readonly [Of in List[number] as CamelCase<Of['word']>]: Value<Of>
}

/** The same by their words, as in JSON. */
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
