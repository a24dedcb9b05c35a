/** Forged segments of a backend: those that the kernel rejects are not counted. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { assertEqualsTruth, assertReconciles, failuresOf, truthOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { inside, lacking, sh, unlessLong } from './lab/system.ts'
import { startSpoofer } from './lab/impairments.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'
const TIMES = 8
const RAW_SYN = fileURLToPath(new URL('lab/rawsyn.py', import.meta.url))

describe('forged segments', { skip: lacking('gcc', 'python3', 'nft') }, () => {
  let cable: Cable
  let port = 8750
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  const connectionOf = (seen: Seen, address: string) =>
    seen.sum.backends.find(({ backend }) => backend.address === address)?.connection

  for (const [family, address, nowhere] of [
    ['IPv4', '10.77.0.2', '10.77.0.99'],
    ['IPv6', 'fd77::2', 'fd77::99'],
  ] as const) {
    const named = (host: string): string => (host.includes(':') ? `[${host}]` : host)
    const askTimes = (times: number) =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get('/held')], times })
    const watchForged = async (
      how: 'near' | 'exact',
      server: string,
      during: (helper: Helper) => Promise<unknown> = () => Promise.resolve(),
    ) => {
      port++
      const neighbour = ['neigh', 'replace', nowhere, 'lladdr', '02:00:00:00:00:99', 'dev', 'leg']
      await sh('ip', '-n', cable.proxy.namespace, ...neighbour)
      await cable.far.call('listen', {
        address,
        port,
        // An exact RST comes before the answer, however late it is sent.
        rules: { '*': { steps: [{ pause: how === 'exact' ? 3000 : 150 }, { send: ok }] } },
      })
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `server { listen 127.0.0.1:8080; location / { proxy_connect_timeout 300ms; proxy_pass http://${named(server)}:${port}; } }`,
      )
      const spoof = await startSpoofer(cable.far.namespace, 'peer', port, how)
      const seen = await watch(cable.proxy.namespace, async (helper) => {
        await askTimes(TIMES)
        await during(helper)
      })
      const forged = await spoof.stop()
      const attempts = nginx.attempts()
      await nginx.stop()
      return { seen, forged, attempts, backend: `${named(server)}:${port}` }
    }

    test(`RST, FIN, payload and SYN-ACK with a wrong sequence number change no count (${family})`, async () => {
      const { seen, forged, attempts } = await watchForged('near', address)
      assert.ok(forged >= 50 * TIMES, `${forged} forged segments`)
      assert.equal(attempts.filter(({ status }) => status === 200).length, TIMES, 'nginx was not disturbed')
      assertEqualsTruth(seen, truthOf(attempts))
      assert.equal(seen.sum.totals.retransmits, 0)
    })

    // As behind a firewall, or while nginx is in connect() and its socket's lock is held.
    test(`an RST while its socket has not taken the SYN-ACK that was seen (${family})`, async () => {
      port++
      const { namespace } = cable.proxy
      const late = `add table inet late; add chain inet late in { type filter hook input priority 0; };
        add rule inet late in tcp sport ${port} tcp doff > 5 tcp flags & (syn | ack) == syn | ack drop`
      await cable.far.call('listen', { address, port, rules: { '*': { steps: [{ send: ok }] } } })
      const nginx = await startLabNginx(
        namespace,
        `server { listen 127.0.0.1:8080; location / { proxy_pass http://${named(address)}:${port}; } }`,
      )
      const spoof = await startSpoofer(cable.far.namespace, 'peer', port, 'late')
      await inside(namespace, 'nft', late)
      const seen = await watch(namespace, () => askTimes(TIMES))
      await spoof.stop()
      await inside(namespace, 'nft', 'delete table inet late')
      const attempts = nginx.attempts()
      await nginx.stop()
      assert.equal(attempts.filter(({ status }) => status === 200).length, TIMES)
      assertEqualsTruth(seen, truthOf(attempts))
    })

    const skip = family === 'IPv6' && unlessLong
    test(`an RST that does not acknowledge the SYN is no refusal (${family})`, { skip }, async () => {
      const { seen, forged, backend } = await watchForged('near', nowhere, () => sleep(4500))
      assert.ok(forged > 20)
      assert.equal(connectionOf(seen, backend)?.refused, 0)
      assert.equal(connectionOf(seen, backend)?.connectTimeout, TIMES)
      assertReconciles(seen)
    })

    test(`an RST with the exact sequence number counts, as for the kernel (${family})`, async () => {
      const { seen, attempts, backend } = await watchForged('exact', address)
      assert.equal(attempts.filter(({ status }) => status === 502).length, TIMES)
      // On a busy machine a connection may be reset before nginx has sent its request: no request then.
      const { requests } = seen.sum.totals
      assert.ok(requests > TIMES / 2, `${requests} requests`)
      assert.deepEqual(failuresOf(seen), { [`${backend} GET /held`]: { reset: requests } })
      assertReconciles(seen)
      const refused = await watchForged('exact', nowhere)
      assert.equal(connectionOf(refused.seen, refused.backend)?.refused, TIMES)
    })

    if (family === 'IPv4')
      test('a SYN of a raw socket does not replace a connection', async () => {
        port++
        const rules = { '*': { steps: [{ pause: 4000 }, { send: ok }] } }
        await cable.far.call('listen', { address, port, rules })
        const nginx = await startLabNginx(
          cable.proxy.namespace,
          `server { listen 127.0.0.1:8080; location / { proxy_pass http://${address}:${port}; } }`,
        )
        let sent = ''
        const seen = await watch(cable.proxy.namespace, async () => {
          const ask = { address: '127.0.0.1', port: 8080, requests: [get('/open')] }
          const asked = cable.proxy.call('ask', ask)
          await sleep(500)
          sent = await inside(cable.proxy.namespace, 'python3', RAW_SYN, '10.77.0.1', address, String(port))
          await asked
        })
        await nginx.stop()
        assert.equal(sent.trim(), '1')
        assertEqualsTruth(seen, { [`${address}:${port} GET /open`]: { requests: 1, codes: { 200: 1 } } })
      })

    test(`a refusal on this host is counted once (${family})`, async () => {
      const [here, closed] = [family === 'IPv4' ? '127.0.0.1' : '[::1]', ++port]
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `server { listen 127.0.0.1:8080; location / { proxy_pass http://${here}:${closed}; } }`,
      )
      const seen = await watch(cable.proxy.namespace, () =>
        cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get('/x')], times: TIMES }),
      )
      await nginx.stop()
      assert.equal(connectionOf(seen, `${here}:${closed}`)?.refused, TIMES)
      assertReconciles(seen)
    })
  }
})
