/** A packet that passes several interfaces is counted once. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertEqualsTruth, assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import {
  addVeth,
  addAddresses,
  makeNamespace,
  NamespaceAgent,
  range,
  removeNamespace,
} from './lab/network.ts'
import type { Step, Truth } from './lab/protocol.ts'
import { atInterfacesOnly, lacking, sh } from './lab/system.ts'
import { uncaptured } from './lab/beside.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const REQUESTS = [
  get('/a'),
  get('/b'),
  `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n${'x'.repeat(9000)}`,
]
const PORT = 8400

describe('packets on several interfaces', { skip: lacking() }, () => {
  test('a bridge and its veth port', { skip: atInterfacesOnly }, async () => {
    await withNamespaces(2, async ([host = '', far = '']) => {
      await addVeth([host, 'port'], [far, 'eth0'])
      await bridge(host, ['port'])
      await addAddresses(host, 'br0', ['10.80.0.1/24'])
      await addAddresses(far, 'eth0', ['10.80.0.2/24'])
      const { seen, truth } = await load(host, host, far, '10.80.0.2')
      assertEqualsTruth(seen, truth)
      assert.ok(seen.final.control.secondSightings >= seen.final.control.requests, 'each was seen twice')
    })
  })

  test('container to container over a bridge, seen from the host', { skip: atInterfacesOnly }, async () => {
    await withNamespaces(3, async ([host = '', near = '', far = '']) => {
      await addVeth([host, 'port1'], [near, 'eth0'])
      await addVeth([host, 'port2'], [far, 'eth0'])
      await bridge(host, ['port1', 'port2'])
      await addAddresses(near, 'eth0', ['10.80.0.1/24'])
      await addAddresses(far, 'eth0', ['10.80.0.2/24'])
      const { seen, truth } = await load(host, near, far, '10.80.0.2')
      assertEqualsTruth(seen, truth)
    })
  })

  test('a macvlan and its parent', async () => {
    await withNamespaces(2, async ([host = '', far = '']) => {
      await addVeth([host, 'leg'], [far, 'eth0'])
      await sh('ip', '-n', host, 'link', 'set', 'leg', 'up')
      await sh('ip', '-n', host, 'link', 'add', 'mv0', 'link', 'leg', 'type', 'macvlan', 'mode', 'bridge')
      await addAddresses(host, 'mv0', ['10.80.0.1/24'])
      await addAddresses(far, 'eth0', ['10.80.0.2/24'])
      const { seen, truth } = await load(host, host, far, '10.80.0.2')
      assertEqualsTruth(seen, truth)
    })
  })

  test('the loopback, where each packet leaves and arrives', async () => {
    await withNamespaces(1, async ([host = '']) => {
      const { seen, truth } = await load(host, host, host, '127.0.0.1')
      assertEqualsTruth(seen, truth)
    })
  })

  test('connections that move to another interface', async () => {
    await withNamespaces(2, async ([host = '', far = '']) => {
      await twoVethPairs(host, far)
      const steps = range(1, 60).flatMap((n): Step[] => [
        { send: get('/move') },
        { answers: n },
        { pause: 20 },
      ])
      const talks = range(1, 5).map(() => ({
        address: '10.90.0.2',
        port: PORT,
        steps,
        localAddress: '10.90.0.1',
      }))
      const [proxy, backend] = [await NamespaceAgent.open(host), await NamespaceAgent.open(far)]
      await backend.call('listen', { address: '10.90.0.2', port: PORT })
      const seen = await watch(host, async () => {
        const talking = proxy.call('talkMany', talks)
        await sleep(500)
        await sh('ip', '-n', host, 'route', 'replace', '10.90.0.2/32', 'via', '10.82.0.2', 'src', '10.90.0.1')
        await sh('ip', '-n', far, 'route', 'replace', '10.90.0.1/32', 'via', '10.82.0.1', 'src', '10.90.0.2')
        await sleep(200)
        await sh('ip', '-n', host, 'link', 'del', 'c1')
        await talking
      })
      const truth = await backend.call('ledger')
      await Promise.all([proxy.close(), backend.close()])
      assertEqualsTruth(seen, truth)
      assert.equal(Object.values(truth)[0]?.requests, 300)
    })
  })

  test('a new interface is recorded, and a removed one ends nothing else', async () => {
    await withNamespaces(2, async ([host = '', far = '']) => {
      await twoVethPairs(host, far)
      const { seen, truth } = await load(host, host, far, '10.81.0.2', async (ask, helper) => {
        await ask('10.81.0.2')
        await addVeth([host, 'c3'], [far, 'd3'])
        await addAddresses(host, 'c3', ['10.83.0.1/24'])
        await addAddresses(far, 'd3', ['10.83.0.2/24'])
        await helper.nextFrame()
        await helper.nextFrame()
        await sh('ip', '-n', host, 'link', 'del', 'c2')
        await ask('10.83.0.2')
        await ask('10.81.0.2')
      })
      assertEqualsTruth(seen, truth)
      assert.equal(Object.keys(truth).length, 6)
    })
  })

  const skip = uncaptured('that the client is no nginx: its sockets do not tell of its connect')
  test(
    'a connection seen in one direction is counted as half seen, and no answer is invented',
    { skip },
    async () => {
      await withNamespaces(2, async ([host = '', far = '']) => {
        await twoVethPairs(host, far)
        // Requests leave by c1, answers arrive by c2: only c1 is recorded.
        await sh('ip', '-n', far, 'route', 'replace', '10.90.0.1/32', 'via', '10.82.0.1', 'src', '10.90.0.2')
        for (const name of ['all', 'c1', 'c2'])
          await sh('ip', 'netns', 'exec', host, 'sysctl', '-qw', `net.ipv4.conf.${name}.rp_filter=0`)
        const [proxy, backend] = [await NamespaceAgent.open(host), await NamespaceAgent.open(far)]
        await backend.call('listen', { address: '10.90.0.2', port: PORT })
        const steps = range(1, 20).flatMap((n): Step[] => [{ send: get('/half') }, { answers: n }])
        const talk = {
          address: '10.90.0.2',
          port: PORT,
          steps: [...steps, { end: 'fin' as const }],
          localAddress: '10.90.0.1',
        }
        const seen = await watch(host, () => proxy.call('talk', talk), ['--iface', 'c1'])
        await Promise.all([proxy.close(), backend.close()])
        const { totals } = seen.sum
        const [row] = Object.values(rowsOf(seen))
        assert.equal(row?.requests, 20)
        assert.equal(totals.unseen, 20, 'each was answered when the next one leaves, or the FIN')
        assert.deepEqual(failuresOf(seen), {})
        assert.equal(totals.inFlight, 0)
        assert.equal(totals.answered, 0)
        assert.ok(seen.final.loss.halfSeen > 0, 'half_seen counts them')
        assertReconciles(seen)
      })
    },
  )
})

type Ask = (address: string) => Promise<unknown>

/** Sends requests from `near` to a backend in `far` while `host` is recorded. */
async function load(
  host: string,
  near: string,
  far: string,
  address: string,
  during: (ask: Ask, helper: Helper) => Promise<unknown> = (ask) => ask(address),
): Promise<{ seen: Seen; truth: Truth }> {
  const [proxy, backend] = [await NamespaceAgent.open(near), await NamespaceAgent.open(far)]
  await backend.call('listen', { address: '0.0.0.0', port: PORT })
  const ask: Ask = async (to) =>
    proxy.call('ask', { address: to, port: PORT, requests: REQUESTS, times: 80, connections: 6 })
  const asked: string[] = []
  const seen = await watch(host, (helper) =>
    during(async (to) => {
      asked.push(to)
      await ask(to)
    }, helper),
  )
  await Promise.all([proxy.close(), backend.close()])
  return { seen, truth: truthFor(asked) }
}

/** Every answer is 200, so the requests are the truth (the backend listens on all addresses and does not tell them apart). */
function truthFor(asked: readonly string[]): Truth {
  const truth: Record<string, { requests: number; codes: Record<string, number> }> = {}
  for (const address of asked)
    for (const route of ['GET /a', 'GET /b', 'POST /up']) {
      const row = (truth[`${address}:${PORT} ${route}`] ??= { requests: 0, codes: { 200: 0 } })
      row.requests += 80
      row.codes[200] = (row.codes[200] ?? 0) + 80
    }
  return truth
}

async function bridge(host: string, ports: readonly string[]): Promise<void> {
  await sh('ip', '-n', host, 'link', 'add', 'br0', 'type', 'bridge')
  for (const port of ports) {
    await sh('ip', '-n', host, 'link', 'set', port, 'master', 'br0')
    await sh('ip', '-n', host, 'link', 'set', port, 'up')
  }
  await sh('ip', '-n', host, 'link', 'set', 'br0', 'up')
}

/**
 * Two veth pairs: c1–d1 (10.81.0.0/24) and c2–d2 (10.82.0.0/24). 10.90.0.1 and 10.90.0.2 are on the loopbacks and are routed by
 * c1.
 */
async function twoVethPairs(host: string, far: string): Promise<void> {
  for (const n of [1, 2]) {
    await addVeth([host, `c${n}`], [far, `d${n}`])
    await addAddresses(host, `c${n}`, [`10.8${n}.0.1/24`])
    await addAddresses(far, `d${n}`, [`10.8${n}.0.2/24`])
  }
  await addAddresses(host, 'lo', ['10.90.0.1/32'])
  await addAddresses(far, 'lo', ['10.90.0.2/32'])
  await sh('ip', '-n', host, 'route', 'add', '10.90.0.2/32', 'via', '10.81.0.2', 'src', '10.90.0.1')
  await sh('ip', '-n', far, 'route', 'add', '10.90.0.1/32', 'via', '10.81.0.1', 'src', '10.90.0.2')
}

async function withNamespaces(
  count: number,
  during: (names: readonly string[]) => Promise<void>,
): Promise<void> {
  const names: string[] = []
  try {
    for (const n of range(1, count)) names.push(await makeNamespace(`s${n}`))
    await during(names)
  } finally {
    for (const name of names) await removeNamespace(name)
  }
}
