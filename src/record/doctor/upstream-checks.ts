/** What can be seen of each upstream that nginx's configuration names, as doctor's lines. */

/** A line about nginx. */
export interface UpstreamCheck {
  readonly state: 'ok' | 'warning'
  readonly what: string
  /** null for ok, and where nothing helps */
  readonly remedy: string | null
}

/** A target of a `*_pass` directive. An upstream block whose servers are at different places is one entry per place. */
export interface Upstream {
  /** the directive, `proxy_pass` */
  readonly pass: string
  /** as written, without its URI */
  readonly target: string
  readonly kind: Kind
  readonly place: 'tcp' | 'unix' | 'udp' | 'runtime'
  /** of the upstream block that it names; 0 without one */
  readonly servers: number
  /** the first of them */
  readonly examples: readonly string[]
}

type Kind =
  | 'unknown'
  | 'http'
  | 'h2'
  | 'tls'
  | 'fastcgi'
  | 'uwsgi'
  | 'scgi'
  | 'memcached'
  | 'stream'
  | 'proxy_protocol'
  | 'other'

export interface UpstreamFacts {
  readonly upstreams: readonly Upstream[]
  /** directives that found no room in the list */
  readonly upstreams_left_out: number
  /** why upstreams of a configuration may be missing, for the first of them; empty if none is missing */
  readonly upstreams_unlisted: string
  readonly upstreams_unlisted_count: number
}

export const NO_UPSTREAMS: UpstreamFacts = {
  upstreams: [],
  upstreams_left_out: 0,
  upstreams_unlisted: '',
  upstreams_unlisted_count: 0,
}

type Sight = Omit<UpstreamCheck, 'what'> & { readonly words: string }

/** Targets with a line of their own, of those of which the same is seen; the others share a line. */
const MAX_LINES = 8
const MAX_NAMES = 4

/** @param readsTls with `--tls` */
export function upstreamChecks(facts: UpstreamFacts, readsTls = false): readonly UpstreamCheck[] {
  return [...groups(facts.upstreams, readsTls).flatMap(linesOf), ...missingChecks(facts)]
}

interface Group {
  readonly pass: string
  readonly sight: Sight
  readonly upstreams: Upstream[]
}

function groups(upstreams: readonly Upstream[], readsTls: boolean): readonly Group[] {
  const found = new Map<string, Group>()
  for (const upstream of upstreams) {
    const { pass } = upstream
    const sight = sightOf(upstream, readsTls)
    const key = `${pass} ${sight.words}`
    const group = found.get(key) ?? { pass, sight, upstreams: [] }
    group.upstreams.push(upstream)
    found.set(key, group)
  }
  return [...found.values()]
}

function linesOf({ pass, sight: { state, words, remedy }, upstreams }: Group): readonly UpstreamCheck[] {
  const line = (name: string): UpstreamCheck => ({ state, what: `${pass} ${name}: ${words}`, remedy })
  // A line that sums up one target would be no shorter than its own.
  const own = upstreams.length <= MAX_LINES + 1 ? upstreams.length : MAX_LINES
  const rest = upstreams.slice(own)
  return [
    ...upstreams.slice(0, own).map((upstream) => line(`"${upstream.target}"${serversOf(upstream)}`)),
    ...(rest.length === 0
      ? []
      : [
          line(
            `to ${rest.length} more (${few(
              rest.map(({ target }) => `"${target}"`),
              rest.length,
            )})`,
          ),
        ]),
  ]
}

/** What it names, and what keeps its requests from being read: `"http://api" (10.0.0.1:80)`, `"https://b": TLS`. */
export function shortLine(upstream: Upstream): string {
  const what = upstream.place === 'tcp' ? SHORT_KINDS[upstream.kind] : SHORT_PLACES[upstream.place]
  return `"${upstream.target}"${serversOf(upstream)}${what === '' ? '' : `: ${what}`}`
}

const SHORT_PLACES = {
  unix: 'a unix socket, not visible',
  udp: 'UDP, not visible',
  runtime: 'known when nginx runs',
} as const satisfies Record<Exclude<Upstream['place'], 'tcp'>, string>

const SHORT_KINDS = {
  unknown: '',
  http: '',
  h2: '',
  tls: 'TLS, read with --tls',
  fastcgi: 'FastCGI, connections only',
  uwsgi: 'uwsgi, connections only',
  scgi: 'SCGI, connections only',
  memcached: 'memcached, connections only',
  stream: 'a TCP stream',
  proxy_protocol: 'a TCP stream',
  other: 'connections only',
} as const satisfies Record<Kind, string>

const serversOf = ({ servers, examples }: Upstream): string =>
  servers === 0 ? '' : ` (${few(examples, servers)})`

/** The first of them, and how many more there are. */
export function few(names: readonly string[], count: number = names.length): string {
  const named = names.slice(0, MAX_NAMES)
  const rest = count - named.length
  return `${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

// ---- what is seen ----

const seen = (words: string): Sight => ({ state: 'ok', words, remedy: null })
const partly = (what: string, remedy: string | null = null): Sight => ({
  state: 'warning',
  words: `${what}, not read: connections, their failures, times and bytes only`,
  remedy,
})

const SIGHTS = {
  unknown: seen('read where it is HTTP/1 or HTTP/2'),
  http: seen('HTTP/1, read'),
  h2: seen('HTTP/2, read'),
  tls: partly('TLS', '--tls reads it, within nginx'),
  fastcgi: partly('FastCGI'),
  uwsgi: partly('uwsgi'),
  scgi: partly('SCGI'),
  memcached: partly('memcached'),
  stream: seen('a TCP stream, read where it is HTTP/1; else connections, their failures, times and bytes'),
  proxy_protocol: seen(
    'a TCP stream behind a PROXY protocol line, read where it is HTTP/1; else connections, their failures, times and bytes',
  ),
  other: partly('a protocol of its own'),
} as const satisfies Record<Kind, Sight>

/** With `--tls`. */
const READ_TLS = seen('TLS, read as the lines "tls" say of its nginx')

function sightOf({ place, kind }: Upstream, readsTls: boolean): Sight {
  const sight = kind === 'tls' && readsTls ? READ_TLS : SIGHTS[kind]
  switch (place) {
    case 'tcp':
      return sight
    case 'runtime':
      // A warning, where there is one to give, is about the protocol, which is known.
      return {
        ...sight,
        words: `its servers are only known when nginx runs; on a unix socket not visible, else ${sight.words}`,
      }
    case 'udp':
      return { state: 'warning', words: 'UDP, not visible', remedy: null }
    case 'unix':
      return {
        state: 'warning',
        words: 'not visible, its traffic crosses no interface',
        remedy: 'let it listen on a TCP port',
      }
  }
}

function missingChecks(facts: UpstreamFacts): readonly UpstreamCheck[] {
  const checks: UpstreamCheck[] = []
  if (facts.upstreams_left_out > 0)
    checks.push({
      state: 'ok',
      what: `${facts.upstreams_left_out} further *_pass directives are not listed here`,
      remedy: null,
    })
  if (facts.upstreams_unlisted !== '') {
    const others =
      facts.upstreams_unlisted_count > 1 ? ` (and ${facts.upstreams_unlisted_count - 1} more)` : ''
    checks.push({
      state: 'warning',
      what: `upstreams may be missing here: ${facts.upstreams_unlisted}${others}`,
      remedy: "to see all: 'sudo nginx -T' prints the whole configuration",
    })
  }
  return checks
}
