/** Within TLS, too, an exchange ends as nginx saw it end: whoever closed the connection, and whatever was read of it before. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesOf, loggedBytes } from './lab/bytes.ts'
import { certificates } from './lab/certificates.ts'
import {
  assertEqualsTruth,
  assertNothingLost,
  assertReconciles,
  countsOf,
  failuresOf,
  requestsOf,
  rowsOf,
  truthOf,
} from './lab/compare.ts'
import { range } from './lab/network.ts'
import type { Attempt } from './lab/nginx.ts'
import type { Rule, Rules, Step } from './lab/protocol.ts'
import { lackingTls, TlsLab, type Leg } from './lab/tls-lab.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const ok = (bytes: number, head = ''): string =>
  `HTTP/1.1 200 OK\r\n${head}Content-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`
const says = (...steps: readonly Step[]): Rule => ({ steps })
const PART = `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'p'.repeat(2000)}`

type Outcome = 'reset' | 'closed' | 'aborted' | 'cut' | 'whole'
/** How the backend ends it, and what that is. */
const ENDS: Readonly<Record<string, { readonly rule: Rule; readonly outcome: Outcome }>> = {
  '/fine': { rule: says({ send: ok(2) }), outcome: 'whole' },
  '/reset': { rule: says({ end: 'rst' }), outcome: 'reset' },
  '/closed': { rule: says({ end: 'fin' }), outcome: 'closed' },
  // Without TLS's own close_notify.
  '/torn': { rule: says({ end: 'torn' }), outcome: 'closed' },
  '/half-head': {
    rule: says({ send: 'HTTP/1.1 200 OK\r\nX-Ha' }, { pause: 20 }, { end: 'fin' }),
    outcome: 'closed',
  },
  '/half-head-reset': {
    rule: says({ send: 'HTTP/1.1 200 OK\r\nX-Ha' }, { pause: 20 }, { end: 'rst' }),
    outcome: 'reset',
  },
  '/hang': { rule: says({ end: 'hang' }), outcome: 'aborted' },
  '/body-reset': { rule: says({ send: PART }, { pause: 30 }, { end: 'rst' }), outcome: 'cut' },
  '/body-closed': { rule: says({ send: PART }, { pause: 30 }, { end: 'fin' }), outcome: 'cut' },
  '/body-torn': { rule: says({ send: PART }, { pause: 30 }, { end: 'torn' }), outcome: 'cut' },
  '/body-hang': { rule: says({ send: PART }, { end: 'hang' }), outcome: 'cut' },
}
const SIZES = [2, 1000, 16_384, 60_000, 300_000]
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

describe('endings within TLS', { skip: lackingTls() }, () => {
  const lab = new TlsLab(9300)

  for (const version of VERSIONS)
    test(`reset, closed, given up: before the head, within it and in the body, ${version}`, async () => {
      const rules = Object.fromEntries(Object.entries(ENDS).map(([path, { rule }]) => [path, rule]))
      const leg = await lab.open({ rules, tls: { version }, location: 'proxy_read_timeout 300ms;' })
      const { seen, attempts, served } = await lab.record([leg], async () => {
        await lab.ask(leg, Object.keys(ENDS).map(get), 5)
        await sleep(100)
      })
      const row = (path: string): string => `${leg.backend} GET ${path}`
      const pathsOf = (...outcomes: readonly Outcome[]): readonly string[] =>
        Object.keys(ENDS).filter((path) => outcomes.includes(ENDS[path]!.outcome))
      assert.deepEqual(requestsOf(rowsOf(seen)), requestsOf(served))
      assert.deepEqual(requestsOf(rowsOf(seen)), requestsOf(truthOf(attempts)))
      for (const path of Object.keys(ENDS))
        assert.deepEqual(
          rowsOf(seen)[row(path)]?.codes,
          pathsOf('whole', 'cut').includes(path) ? { 200: 5 } : {},
          path,
        )
      assert.deepEqual(
        failuresOf(seen),
        Object.fromEntries(
          pathsOf('reset', 'closed', 'aborted')
            .map((path) => [row(path), { [ENDS[path]!.outcome]: 5 }] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        ),
      )
      assert.equal(seen.sum.totals.bodyReset, 5 * pathsOf('cut').length)
      assert.deepEqual(bytesOf(seen), loggedBytes(attempts))
      assertNothingLost(seen)
      assertReconciles(seen)
    })

  test('FIN right behind the last answer, however long it is, cuts nothing', async () => {
    const of = (...kinds: readonly (readonly [string, (bytes: number) => Rule])[]): Rules =>
      Object.fromEntries(
        SIZES.flatMap((bytes) => kinds.map(([kind, rule]) => [`/${kind}/${bytes}`, rule(bytes)])),
      )
    const closing = (bytes: number): Rule =>
      says({ send: ok(bytes, 'Connection: close\r\n') }, { end: 'fin' })
    const kept = (bytes: number): Rule => says({ send: ok(bytes) })
    // On a connection that nginx keeps it would meet the next request.
    const torn = (bytes: number): Rule => says({ send: ok(bytes) }, { end: 'torn' })
    const keeps = of(['closing', closing], ['kept', kept])
    const closes = of(['closing', closing], ['torn', torn])
    const legs = [
      await lab.open({ rules: keeps }),
      await lab.open({ rules: keeps, tls: { version: 'TLSv1.2' } }),
      await lab.open({ rules: closes, fresh: true }),
      await lab.open({ rules: closes, fresh: true, tls: { version: 'TLSv1.2' } }),
    ]
    const asked = legs.map((_, i) => Object.keys(i < 2 ? keeps : closes).map(get))
    const { seen, attempts, served } = await lab.record(legs, () =>
      Promise.all(legs.map((leg, i) => lab.ask(leg, asked[i]!, 6))),
    )
    assertEqualsTruth(seen, truthOf(attempts))
    assert.deepEqual(truthOf(attempts), sorted(served))
    assert.deepEqual(bytesOf(seen), loggedBytes(attempts))
    assert.equal(seen.sum.totals.bodyReset, 0)
  })

  test('what a reset destroys before nginx has read it was never answered: as nginx has it', async () => {
    const rules: Rules = {
      '/a': says({ send: ok(20) }, { end: 'rst' }),
      '/b': says({ send: ok(200_000) }, { end: 'rst' }),
    }
    const legs = [
      await lab.open({ rules, fresh: true }),
      await lab.open({ rules, fresh: true, tls: { version: 'TLSv1.2' } }),
    ]
    const { seen, attempts } = await lab.record(legs, () =>
      Promise.all(legs.map((leg) => lab.ask(leg, [get('/a'), get('/b')], 20))),
    )
    assert.equal(attempts.length, 80)
    assertIsAsNginxRead(seen, attempts)
    assert.deepEqual(bytesOf(seen), loggedBytes(attempts))
  })

  test('a client that leaves is aborted before the head, and a cut answer behind it', async () => {
    const rules: Rules = {
      '/waits': says({ pause: 1500 }, { send: ok(2) }),
      '/streams': says({ send: PART }, { pause: 1500 }, { send: 'p'.repeat(98_000) }),
    }
    const leg = await lab.open({ rules, location: 'proxy_buffering off;' })
    const { seen, attempts } = await lab.record([leg], async (nginx) => {
      const talk = (path: string, end: 'fin' | 'rst') => ({
        address: '127.0.0.1',
        port: leg.listener,
        steps: [{ send: get(path) }, { pause: 200 }, { end }],
      })
      const talks = range(1, 4).flatMap(() => [
        talk('/waits', 'fin'),
        talk('/waits', 'rst'),
        talk('/streams', 'rst'),
      ])
      await lab.cable.proxy.call('talkMany', talks)
      await nginx.logged(12)
    })
    const row = (path: string): string => `${leg.backend} GET ${path}`
    assert.deepEqual(requestsOf(rowsOf(seen)), requestsOf(truthOf(attempts)))
    assert.deepEqual(failuresOf(seen), { [row('/waits')]: { aborted: 8 } })
    assert.equal(seen.sum.totals.bodyReset, 4)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('a worker that is killed leaves nothing open', async () => {
    const leg = await lab.open({ rules: { '*': says({ end: 'hang' }) } })
    const { seen } = await lab.record([leg], async (nginx, helper) => {
      const asked = lab.ask(leg, [get('/hang')], 4, 4)
      await sleep(500)
      const [worker] = await nginx.workers()
      process.kill(worker!, 'SIGKILL')
      await asked
      await helper.nextFrame()
      await helper.nextFrame()
    })
    assert.deepEqual(failuresOf(seen), { [`${leg.backend} GET /hang`]: { aborted: 4 } })
    assert.equal(seen.sum.totals.inFlight, 0)
    assertReconciles(seen)
  })

  test('a handshake that fails is a connection without a request', async () => {
    const { authority, client } = certificates()
    const refused = await lab.open({ listen: () => Promise.resolve() })
    const legs = {
      plain: await lab.open({
        listen: (address, port) =>
          lab.cable.far.call('listen', { address, port, rules: { '*': says({ end: 'fin' }) } }),
        location: 'proxy_connect_timeout 300ms;',
      }),
      wrongName: await lab.open({
        location: `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${authority}; proxy_ssl_name other.lab;`,
      }),
      unknownAuthority: await lab.open({
        location: `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${client.certificate};`,
      }),
      otherVersion: await lab.open({ tls: { version: 'TLSv1.3' }, location: 'proxy_ssl_protocols TLSv1.2;' }),
      noCertificate: await lab.open({ tls: { version: 'TLSv1.2', clients: 'known' } }),
    }
    const all = [refused, ...Object.values(legs)]
    const { seen, attempts } = await lab.record(all, () =>
      Promise.all(all.map((leg) => lab.ask(leg, [get('/never')], 4))),
    )
    assert.deepEqual(
      Object.fromEntries(
        all.map(({ backend }) => [backend, attempts.filter((of) => of.backend === backend).length]),
      ),
      Object.fromEntries(all.map(({ backend }) => [backend, 4])),
    )
    assert.ok(attempts.every(({ connect }) => connect === null))
    assert.deepEqual(rowsOf(seen), {})
    for (const { backend } of Object.values(legs))
      assert.deepEqual(countsOf(seen, backend), { connects: 4, requests: 0, failures: 0 }, backend)
    assert.deepEqual(countsOf(seen, refused.backend), { connects: 0, requests: 0, failures: 4 })
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('TLS 1.3: a client certificate that is missing is told behind the request', async () => {
    const leg: Leg = { tls: { version: 'TLSv1.3', clients: 'known' } }
    const open = await lab.open(leg)
    const { seen, attempts } = await lab.record([open], () => lab.ask(open, [get('/refused')], 8))
    // The handshake is over for nginx before the backend refuses: some requests are sent, as nginx's connect time tells.
    assert.deepEqual(requestsOf(rowsOf(seen)), requestsOf(truthOf(attempts)))
    // An alert that comes before the FIN makes nginx give up.
    assertIsAsNginxRead(seen, attempts, seen.sum.totals.failures.aborted)
  })
})

/** nginx says 502 where it has read no head: then the request has failed. */
function assertIsAsNginxRead(
  seen: Awaited<ReturnType<TlsLab['record']>>['seen'],
  attempts: readonly Attempt[],
  aborted = 0,
): void {
  const sent = attempts.filter(({ connect }) => connect !== null)
  const { requests, answered, failures } = seen.sum.totals
  assert.equal(requests, sent.length)
  assert.equal(answered, sent.filter(({ status }) => status === 200).length)
  assert.equal(failures.reset + failures.closed + aborted, sent.filter(({ status }) => status === 502).length)
  assertNothingLost(seen)
  assertReconciles(seen)
}

const sorted = <Row>(rows: Readonly<Record<string, Row>>): Record<string, Row> =>
  Object.fromEntries(Object.entries(rows).sort(([a], [b]) => (a < b ? -1 : 1)))
