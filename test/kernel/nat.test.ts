/**
 * NAT on this host: packets carry other addresses than the socket that nginx connected. The row is what nginx connected to, and its
 * log is the truth: docs/NUMBERS.md, "Who and what".
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildHelper } from './lab/build.ts'
import { assertEqualsTruth, assertReconciles, failuresOf, rowsOf, truthOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { atInterfacesOnly, inside, lacking } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const KEEPALIVE = 'proxy_http_version 1.1; proxy_set_header Connection "";'

describe('NAT on this host', { skip: lacking('nft') }, () => {
  let cable: Cable
  let port = 8400
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-nat-'))
  before(async () => {
    cable = await Cable.create()
    await inside(cable.proxy.namespace, 'ip', 'route', 'add', '10.96.0.0/16', 'via', '10.77.0.2')
    await inside(cable.proxy.namespace, 'ip', '-6', 'route', 'add', 'fd96::/64', 'via', 'fd77::2')
  })
  after(async () => {
    await cable.remove()
    rmSync(folder, { recursive: true })
  })

  async function translate(rules: string): Promise<void> {
    const file = join(folder, 'rules')
    writeFileSync(file, `flush ruleset\n${rules}\n`)
    await inside(cable.proxy.namespace, 'nft', '-f', file)
  }

  /** What nginx connects to, which endpoint has it in truth, and the rule between them. */
  const kinds: readonly (readonly [kind: string, target: string, endpoint: string, rule: string])[] = [
    [
      'a cluster address whose endpoint is another host',
      '10.96.0.10:PORT',
      '10.77.0.2',
      'ip daddr 10.96.0.10 tcp dport PORT dnat ip to 10.77.0.2:PORT',
    ],
    [
      'a cluster address whose endpoint is this host',
      '10.96.0.11:80',
      '10.77.0.1',
      'ip daddr 10.96.0.11 tcp dport 80 dnat ip to 10.77.0.1:PORT',
    ],
    [
      'a sidecar that takes all connections',
      '10.77.0.3:PORT',
      '0.0.0.0',
      'tcp dport PORT redirect to :1PORT',
    ],
    [
      'an IPv6 cluster address whose endpoint is another host',
      '[fd96::10]:80',
      'fd77::2',
      'ip6 daddr fd96::10 tcp dport 80 dnat ip6 to [fd77::2]:PORT',
    ],
    [
      'an IPv6 cluster address whose endpoint is this host',
      '[fd96::11]:80',
      'fd77::1',
      'ip6 daddr fd96::11 tcp dport 80 dnat ip6 to [fd77::1]:PORT',
    ],
  ]
  for (const [kind, target, endpoint, rule] of kinds)
    test(`answers find their requests: ${kind}`, async () => {
      port++
      const ported = (text: string): string => text.replaceAll('PORT', String(port))
      const place = ['10.77.0.2', 'fd77::2'].includes(endpoint) ? cable.far : cable.proxy
      const listening = rule.includes('redirect') ? 10_000 + port : port
      await place.call('listen', { address: endpoint, port: listening })
      await translate(
        `table inet n { chain o { type nat hook output priority -100; ${ported(rule.replace('1PORT', String(listening)))}; }; }`,
      )
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `upstream u { server ${ported(target)}; keepalive 4; }
         server { listen 127.0.0.1:8080; ${KEEPALIVE} location /fresh { proxy_pass http://${ported(target)}; proxy_set_header Connection close; } location / { proxy_pass http://u; } }`,
      )
      const seen = await watch(cable.proxy.namespace, () =>
        cable.proxy.call('ask', {
          address: '127.0.0.1',
          port: 8080,
          requests: [get('/kept'), get('/fresh')],
          times: 20,
          connections: 4,
        }),
      )
      const truth = truthOf(nginx.attempts())
      await nginx.stop()
      assert.equal(Object.keys(truth).length, 2)
      assertEqualsTruth(seen, truth)
    })

  test('two connections whose tuples cross on the wire are told apart', async () => {
    port++
    await cable.far.call('listen', { address: '10.77.0.2', port })
    // Both leave for the same endpoint, from the same port of their sockets: one of the two is given another port on the wire.
    await translate(
      `table ip n { chain o { type nat hook output priority -100; ip daddr 10.96.0.12 tcp dport ${port} dnat to 10.77.0.2:${port}; }; }`,
    )
    const steps = (path: string): { send: string }[] => [{ send: get(path) }]
    const far = { localPort: 45_001, steps: [...steps('/by-cluster-address'), { bytes: 10 }, { pause: 300 }] }
    const near = { localPort: 45_001, steps: [{ pause: 100 }, ...steps('/direct'), { bytes: 10 }] }
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talkMany', [
        { address: '10.96.0.12', port, ...far },
        { address: '10.77.0.2', port, ...near },
      ]),
    )
    assert.deepEqual(rowsOf(seen), {
      [`10.77.0.2:${port} GET /direct`]: { requests: 1, codes: { 200: 1 } },
      [`10.96.0.12:${port} GET /by-cluster-address`]: { requests: 1, codes: { 200: 1 } },
    })
    assertReconciles(seen)
  })

  test('masquerade with changed ports: the row is the backend, and a reset is its own', async () => {
    port++
    await cable.far.call('listen', {
      address: '10.77.0.2',
      port,
      rules: { '/reset': { steps: [{ end: 'rst' }] } },
    })
    await translate(
      `table ip n { chain p { type nat hook postrouting priority 100; tcp dport ${port} masquerade to :40000-41000; }; }`,
    )
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / { proxy_pass http://10.77.0.2:${port}; } }`,
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', {
        address: '127.0.0.1',
        port: 8080,
        requests: [get('/fine'), get('/reset')],
        times: 10,
        connections: 2,
      }),
    )
    await nginx.stop()
    assert.deepEqual(rowsOf(seen)[`10.77.0.2:${port} GET /fine`], { requests: 10, codes: { 200: 10 } })
    assert.deepEqual(failuresOf(seen), { [`10.77.0.2:${port} GET /reset`]: { reset: 10 } })
    assertReconciles(seen)
  })

  test('a connection that is older than the recorder is known by what was connected to', async () => {
    port++
    await cable.far.call('listen', { address: '10.77.0.2', port })
    await translate(
      `table ip n { chain o { type nat hook output priority -100; ip daddr 10.96.0.13 tcp dport 80 dnat to 10.77.0.2:${port}; }; }`,
    )
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream u { server 10.96.0.13:80; keepalive 1; }
       server { listen 127.0.0.1:8080; ${KEEPALIVE} location / { proxy_pass http://u; } }`,
    )
    const ask = (times: number): Promise<readonly number[]> =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get('/old')], times })
    await ask(3)
    const seen = await watch(cable.proxy.namespace, async () => {
      await sleep(100)
      await ask(20)
    })
    await nginx.stop()
    assert.deepEqual(rowsOf(seen), { '10.96.0.13:80 GET /old': { requests: 20, codes: { 200: 20 } } })
    assertReconciles(seen)
  })

  test(
    'other processes cannot take all room for translated connections',
    { skip: atInterfacesOnly },
    async () => {
      port++
      const program = await buildHelper(folder, '-DMAX_TRANSLATIONS=4')
      await cable.far.call('listen', { address: '10.77.0.2', port })
      await translate(
        `table ip n { chain o { type nat hook output priority -100; ip daddr 10.96.0.14 tcp dport 80 dnat to 10.77.0.2:${port}; }; }`,
      )
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `upstream u { server 10.96.0.14:80; keepalive 1; }
       server { listen 127.0.0.1:8080; ${KEEPALIVE} location / { proxy_pass http://u; } }`,
      )
      const held = { address: '10.96.0.14', port: 80, steps: [{ send: get('/held') }, { pause: 2500 }] }
      const seen = await watch(
        cable.proxy.namespace,
        async () => {
          const others = cable.proxy.call('talkMany', [held, held, held, held, held])
          await sleep(500)
          const requests = [get('/nginx')]
          await cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 20 })
          await others
        },
        [],
        program,
      )
      await nginx.stop()
      assert.deepEqual(rowsOf(seen)['10.96.0.14:80 GET /nginx'], { requests: 20, codes: { 200: 20 } })
      const { requests, codes } = rowsOf(seen)['10.96.0.14:80 GET /held']!
      assert.deepEqual({ requests, codes }, { requests: 2, codes: { 200: 2 } }, 'half of the room is theirs')
      assert.equal(seen.final.loss.mapRefused, 3, 'what found none is said')
    },
  )
})
