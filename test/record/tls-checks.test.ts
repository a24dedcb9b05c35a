import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  tlsChecks,
  tlsEntry,
  type TlsFacts,
  type TlsProgramFacts,
} from '../../src/record/doctor/tls-checks.ts'
import { diagnose, trafficChecks, wouldRecord, type Facts } from '../../src/record/doctor/diagnosis.ts'
import { NO_UPSTREAMS, shortLine, type Upstream } from '../../src/record/doctor/upstream-checks.ts'

const NGINX: TlsProgramFacts = {
  path: '/usr/sbin/nginx',
  processes: 3,
  read: true,
  probe: 'emulated',
  why: '',
  writes: 1000,
  reads: 2000,
  workers: 2,
}
const FACTS: TlsFacts = {
  kernel: true,
  why: '',
  entry_ns: 450,
  return_ns: 480,
  stepped_ns: 12_000,
  programs: [NGINX],
}

const linesOf = (changes: Partial<TlsFacts>): string[] =>
  tlsChecks({ ...FACTS, ...changes }, '6.1.0').map(
    ({ state, what, remedy }) => `${state}: ${what}${remedy === null ? '' : ` → ${remedy}`}`,
  )

test('each program has a line with what reading it costs at the present rate', () => {
  // (1000 · 450 + 2000 · (450 + 480)) ns of two workers
  assert.deepEqual(linesOf({}), [
    'ok: a probe costs nginx, as measured here: 450 ns at an entry, 480 ns at a return, 12000 ns at an entry that is single-stepped',
    'ok: /usr/sbin/nginx (3 processes): read within TLS by emulated probes; at 1000 writes and 2000 reads per second 0.1 % of a worker',
  ])
  assert.equal(tlsEntry(FACTS).programs[0]?.worker_share, 2_310_000 / 2 / 1e9)
})

test('an expensive program is estimated by what stepping costs, and the helper says why it is not read', () => {
  const stepped: TlsProgramFacts = {
    ...NGINX,
    processes: 1,
    read: false,
    probe: 'stepped',
    why: 'it begins with sub',
  }
  // (1000 · 12,000 + 2000 · 12,480) ns of two workers
  assert.deepEqual(linesOf({ programs: [stepped] }).slice(1), [
    'warning: /usr/sbin/nginx (1 process) is not read within TLS: it begins with sub; at 1000 writes and 2000 reads per second 1.8 % of a worker',
  ])
})

test('what was not measured is unknown, and not 0', () => {
  const idle: TlsProgramFacts = { ...NGINX, writes: 0, reads: 0 }
  assert.equal(tlsEntry({ ...FACTS, programs: [idle] }).programs[0]?.worker_share, 0)
  for (const program of [
    { ...NGINX, writes: null },
    { ...NGINX, reads: null },
    { ...NGINX, workers: 0 },
  ]) {
    assert.equal(tlsEntry({ ...FACTS, programs: [program] }).programs[0]?.worker_share, null)
    assert.match(linesOf({ programs: [program] })[1]!, /by emulated probes$/)
  }
  const unmeasured = { entry_ns: null, return_ns: null, stepped_ns: null }
  assert.deepEqual(linesOf(unmeasured), [
    'ok: /usr/sbin/nginx (3 processes): read within TLS by emulated probes',
  ])
})

test('a little is not nothing', () => {
  assert.match(
    linesOf({ programs: [{ ...NGINX, writes: 10, reads: 20 }] })[1]!,
    /per second <0\.1 % of a worker$/,
  )
  assert.match(
    linesOf({ programs: [{ ...NGINX, writes: 0, reads: 0 }] })[1]!,
    /per second 0\.0 % of a worker$/,
  )
})

test('where nothing could be read, a line says why', () => {
  const unset = {
    entry_ns: null,
    return_ns: null,
    stepped_ns: null,
    why: 'a probe cannot be set: not permitted',
  }
  assert.match(
    linesOf(unset)[0]!,
    /^warning: what a probe costs cannot be measured: a probe cannot be set: not permitted → /,
  )
  assert.match(linesOf({ programs: [] })[1]!, /^warning: no nginx runs whose TLS could be read → start it/)
  const foreign: TlsProgramFacts = { ...NGINX, read: false, probe: null, why: 'it has no ngx_ssl_write' }
  assert.match(
    linesOf({ programs: [foreign] })[1]!,
    /is not read within TLS: it has no ngx_ssl_write; at [^→]*$/,
  )
})

const HEALTHY: Facts = {
  kernel: '6.1.0',
  tcx: true,
  btf: true,
  rights: { missing: '', ptrace: true },
  interfaces: [{ name: 'eth0', up: true, readable: true, ingress: [], egress: [] }],
  nginx: 'known',
  front_doors: [80],
  ...NO_UPSTREAMS,
}
const HTTPS: Upstream = {
  pass: 'proxy_pass',
  target: 'https://b',
  kind: 'tls',
  place: 'tcp',
  servers: 0,
  examples: [],
}

test('a kernel without such probes cannot record with --tls, and records without it', () => {
  const checks = diagnose({ ...HEALTHY, tls: { ...FACTS, kernel: false } })
  assert.ok(!wouldRecord(checks))
  const [failed] = checks.filter(({ state }) => state === 'failed')
  assert.equal(failed?.what, '--tls needs Linux 6.6 for its probes, this is 6.1.0')
  assert.match(failed.remedy!, /without --tls it records/)
  assert.ok(wouldRecord(diagnose(HEALTHY)))
})

test('upstreams over TLS say that --tls reads them, and with it where that is said', () => {
  const lineOf = (facts: Facts): string => {
    const { what, remedy } = diagnose(facts).find(({ what }) => what.includes('https://b'))!
    return `${what} → ${remedy ?? ''}`
  }
  const facts = { ...HEALTHY, upstreams: [HTTPS] }
  assert.match(lineOf(facts), /TLS, not read: .* → --tls reads it, within nginx$/)
  assert.match(lineOf({ ...facts, tls: FACTS }), /: TLS, read as the lines "tls" say of its nginx → $/)
  assert.equal(shortLine(HTTPS), '"https://b": TLS, read with --tls')
  const sample = { seconds: 2, requests: 1, halfSeen: 0, routed: 0, opaque: 3 }
  const remedies = [false, true].map((readsTls) => trafficChecks({ ...sample, readsTls }).at(-1)!.remedy)
  assert.deepEqual(remedies, [
    '--tls reads those of nginx within TLS',
    'the lines "tls" say which nginx is read',
  ])
})
