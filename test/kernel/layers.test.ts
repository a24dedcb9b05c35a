/** TRUTH.md, "Counting": what lies between Ethernet and TCP, on real devices: VLAN tags and IP fragments. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertEqualsTruth, assertNothingLost, assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import { addAddresses, makeNamespace, Place, range, removeNamespace } from './lab/network.ts'
import type { Step } from './lab/protocol.ts'
import { inside, lacking, sh } from './lab/system.ts'
import { tagged } from './lab/trouble.ts'
import { watch } from './lab/watch.ts'

const PORT = 8900
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe('layers', { skip: lacking('tc', 'clang') }, () => {
  for (const tags of [1, 2])
    test(`${tags} VLAN ${tags === 1 ? 'tag' : 'tags'} on a frame`, async () => {
      const [host, far] = [await makeNamespace('vp'), await makeNamespace('vf')]
      // Tags are put on behind the bridge and taken off in front of it: the port between sees each frame with them.
      for (const [namespace, port, address] of [
        [host, 'port', '10.84.0.1/24'],
        [far, 'back', '10.84.0.2/24'],
      ] as const) {
        if (namespace === host) await veth([host, 'port'], [far, 'back'])
        await sh('ip', '-n', namespace, 'link', 'add', 'br0', 'type', 'bridge')
        await sh('ip', '-n', namespace, 'link', 'set', port, 'master', 'br0')
        await sh('ip', '-n', namespace, 'link', 'set', port, 'up')
        await addAddresses(namespace, 'br0', [address])
        await tagged(namespace, 'br0', port, tags)
      }
      const [proxy, backend] = [await Place.open(host), await Place.open(far)]
      const rules = { '/big': { steps: [{ send: ok('x'.repeat(20_000)) }] } }
      await backend.call('listen', { address: '10.84.0.2', port: PORT, rules })
      const upload = `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n${'x'.repeat(9000)}`
      const requests = [get('/small'), get('/big'), upload]
      const ask = { address: '10.84.0.2', port: PORT, requests, times: 20, connections: 4 }
      const seen = await watch(host, () => proxy.call('ask', ask), ['--iface', 'port'])
      const truth = await backend.call('ledger')
      await Promise.all([proxy.close(), backend.close()])
      await Promise.all([removeNamespace(host), removeNamespace(far)])
      assertEqualsTruth(seen, truth)
      assertNothingLost(seen)
    })

  test('IP fragments are counted, every one, and what was in them is said to be half seen', async () => {
    const [near, router, far] = [
      await makeNamespace('fp'),
      await makeNamespace('fr'),
      await makeNamespace('ff'),
    ]
    await veth([near, 'leg'], [router, 'r1'])
    await veth([far, 'foot'], [router, 'r2'])
    await addAddresses(near, 'leg', ['10.85.0.1/24'])
    await addAddresses(router, 'r1', ['10.85.0.254/24'])
    await addAddresses(router, 'r2', ['10.86.0.254/24'])
    await addAddresses(far, 'foot', ['10.86.0.2/24'])
    await sh('ip', '-n', near, 'route', 'add', 'default', 'via', '10.85.0.254')
    await sh('ip', '-n', far, 'route', 'add', 'default', 'via', '10.86.0.254')
    await inside(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    // The far end allows fragments, and the router's way back is narrow.
    await inside(far, 'sysctl', '-qw', 'net.ipv4.ip_no_pmtu_disc=1')
    await sh('ip', '-n', router, 'link', 'set', 'r1', 'mtu', '600')
    const [proxy, backend] = [await Place.open(near), await Place.open(far)]
    const rules = { '/big': { steps: [{ send: ok('HTTP/1.1 500 x\r\n'.repeat(350)) }] } }
    await backend.call('listen', { address: '10.86.0.2', port: PORT, rules })
    const steps = range(1, 40).flatMap((n): Step[] => [
      { send: get(n % 2 === 1 ? '/big' : '/small') },
      { answers: n },
    ])
    const before = await fragmentsReceived(near)
    const seen = await watch(near, () =>
      proxy.call('talk', { address: '10.86.0.2', port: PORT, steps: [...steps, { end: 'fin' }] }),
    )
    const fragments = (await fragmentsReceived(near)) - before
    await Promise.all([proxy.close(), backend.close()])
    await Promise.all([near, router, far].map(removeNamespace))
    assert.ok(fragments >= 40, `${fragments} fragments`)
    assert.equal(seen.final.loss.fragments, fragments)
    const backendName = `10.86.0.2:${PORT}`
    assert.deepEqual(rowsOf(seen), {
      [`${backendName} GET /big`]: { requests: 20, codes: {} },
      [`${backendName} GET /small`]: { requests: 20, codes: { 200: 20 } },
    })
    assert.deepEqual(failuresOf(seen), { [`${backendName} GET /big`]: { unanswered: 20 } })
    assert.equal(seen.final.loss.halfSeen, 20)
    assertReconciles(seen)
  })
})

const veth = (
  [namespaceA, deviceA]: readonly [string, string],
  [namespaceB, deviceB]: readonly [string, string],
): Promise<string> =>
  sh(
    ...['ip', 'link', 'add', deviceA, 'netns', namespaceA, 'type', 'veth'],
    ...['peer', 'name', deviceB, 'netns', namespaceB],
  )

/** The kernel's own count: fragments that it was asked to put together. */
async function fragmentsReceived(namespace: string): Promise<number> {
  const [names = '', values = ''] = (await inside(namespace, 'grep', '^Ip:', '/proc/net/snmp')).split('\n')
  return Number(values.split(' ')[names.split(' ').indexOf('ReasmReqds')])
}
