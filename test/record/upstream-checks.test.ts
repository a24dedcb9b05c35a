import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diagnose } from '../../src/record/doctor/diagnosis.ts'
import { NO_UPSTREAMS, upstreamChecks, type Upstream } from '../../src/record/doctor/upstream-checks.ts'

const PROXY: Upstream = {
  pass: 'proxy_pass',
  target: 'http://10.0.0.1',
  kind: 'http',
  place: 'tcp',
  servers: 0,
  examples: [],
}
const linesFor = (...upstreams: readonly Partial<Upstream>[]): string[] =>
  upstreamChecks({
    ...NO_UPSTREAMS,
    upstreams: upstreams.map((upstream) => ({ ...PROXY, ...upstream })),
  }).map(({ state, what, remedy }) => `${state}: ${what}${remedy === null ? '' : ` → ${remedy}`}`)

test('each target has a line that says what is seen of it, and what helps where something does', () => {
  const only = 'connections, their failures, times and bytes only'
  assert.deepEqual(
    linesFor(
      PROXY,
      { target: 'https://10.0.0.1', kind: 'tls' },
      { pass: 'grpc_pass', target: '10.0.0.1:50051', kind: 'h2' },
      { pass: 'fastcgi_pass', target: 'unix:/run/php.sock', kind: 'fastcgi', place: 'unix' },
      { pass: 'fastcgi_pass', target: 'php', kind: 'fastcgi', servers: 5, examples: ['a:1', 'b:1', 'c:1'] },
      { target: '10.0.0.1:53', kind: 'stream', place: 'udp' },
      { target: 'http://$host', place: 'runtime' },
    ),
    [
      'ok: proxy_pass "http://10.0.0.1": HTTP/1, read',
      `warning: proxy_pass "https://10.0.0.1": TLS, not read: ${only} → --tls reads it, within nginx`,
      'ok: grpc_pass "10.0.0.1:50051": HTTP/2, read',
      'warning: fastcgi_pass "unix:/run/php.sock": not visible, its traffic crosses no interface → let it listen on a TCP port',
      `warning: fastcgi_pass "php" (a:1, b:1, c:1 and 2 more): FastCGI, not read: ${only}`,
      'warning: proxy_pass "10.0.0.1:53": UDP, not visible',
      'ok: proxy_pass "http://$host": its servers are only known when nginx runs; on a unix socket not visible, else HTTP/1, read',
    ],
  )
})

test('an upstream block with a unix socket and a TCP server has a line for each', () => {
  const mixed = { target: 'http://app', servers: 1 }
  assert.deepEqual(
    linesFor(
      { ...mixed, examples: ['10.0.0.1'] },
      { ...mixed, place: 'unix', examples: ['unix:/run/a.sock'] },
    ).map((line) => line.split(':')[1]),
    [' proxy_pass "http', ' proxy_pass "http'],
  )
})

test('many targets of which the same is seen are summed up, and the others keep their lines', () => {
  const many = Array.from({ length: 100 }, (_, n) => ({ target: `http://10.0.0.${n}` }))
  const lines = linesFor(...many, { target: 'https://a', kind: 'tls' })
  assert.equal(lines.length, 10)
  assert.equal(
    lines[8],
    'ok: proxy_pass to 92 more ("http://10.0.0.8", "http://10.0.0.9", "http://10.0.0.10", "http://10.0.0.11" and 88 more): HTTP/1, read',
  )
  assert.match(lines[9] ?? '', /https:\/\/a/)
  assert.equal(linesFor(...many.slice(0, 9)).length, 9, 'one alone is not summed up')
})

test('what could not be read or found no room in the list is said', () => {
  const facts = {
    ...NO_UPSTREAMS,
    upstreams_left_out: 45,
    upstreams_unlisted: 'the configuration of nginx 7 could not be read',
    upstreams_unlisted_count: 3,
  }
  assert.deepEqual(
    upstreamChecks(facts).map(({ what }) => what),
    [
      '45 further *_pass directives are not listed here',
      'upstreams may be missing here: the configuration of nginx 7 could not be read (and 2 more)',
    ],
  )
})

test('an nginx that only passes to FastCGI is not said to proxy nothing', () => {
  const facts = {
    kernel: '6.18',
    tcx: true,
    btf: true,
    rights: { missing: '', ptrace: true },
    interfaces: [],
    nginx: 'known',
    front_doors: [],
    ...NO_UPSTREAMS,
  } as const
  const text = (upstreams: readonly Upstream[]): string =>
    diagnose({ ...facts, upstreams })
      .map(({ what }) => what)
      .join('\n')
  assert.match(text([]), /proxies nothing yet/)
  assert.doesNotMatch(text([{ ...PROXY, pass: 'fastcgi_pass', kind: 'fastcgi' }]), /proxies nothing/)
})
