/** Headers between Ethernet and TCP, on real devices: VLAN tags, extension headers, and IP fragments. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertEqualsTruth, assertNothingLost, assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import { addAddresses, makeNamespace, NamespaceAgent, range, removeNamespace } from './lab/network.ts'
import type { Step } from './lab/protocol.ts'
import { atInterfacesOnly, inside, lacking, sh } from './lab/system.ts'
import { addExtensionHeader, addVlanTags, relay } from './lab/impairments.ts'
import { watch, type Seen } from './lab/watch.ts'

const PORT = 8900
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const BIG = ok('HTTP/1.1 500 x\r\n'.repeat(350))
const SMALL = ok('small')

describe('packet headers', { skip: lacking('tc', 'clang', 'gcc') }, () => {
  for (const tags of [1, 2])
    test(`${tags} VLAN ${tags === 1 ? 'tag' : 'tags'} on a frame`, () =>
      // The bridge device adds the tags and the port removes them: the port's traffic has them.
      seesAllBehindBridges(['10.84.0.1', '10.84.0.2'], 24, (namespace, port) =>
        addVlanTags(namespace, 'br0', port, tags),
      ))

  test('an IPv6 extension header in front of TCP, in both directions', () =>
    seesAllBehindBridges(['fd84::1', 'fd84::2'], 64, async (namespace) => {
      await addExtensionHeader(namespace, 'br0')
      // A smaller MTU leaves room for the header in a full frame.
      await sh(
        'ip',
        '-n',
        namespace,
        'route',
        'replace',
        'fd84::/64',
        'dev',
        'br0',
        'proto',
        'kernel',
        'metric',
        '256',
        'mtu',
        'lock',
        '1400',
      )
    }))

  test(
    'every IPv4 fragment is counted, and answers in fragments are counted as half seen',
    { skip: atInterfacesOnly },
    async () => {
      const [near, router, far] = [
        await makeNamespace('fp'),
        await makeNamespace('fr'),
        await makeNamespace('ff'),
      ]
      await veth([near, 'leg'], [router, 'r1'])
      await veth([far, 'peer'], [router, 'r2'])
      await addAddresses(near, 'leg', ['10.85.0.1/24'])
      await addAddresses(router, 'r1', ['10.85.0.254/24'])
      await addAddresses(router, 'r2', ['10.86.0.254/24'])
      await addAddresses(far, 'peer', ['10.86.0.2/24'])
      await sh('ip', '-n', near, 'route', 'add', 'default', 'via', '10.85.0.254')
      await sh('ip', '-n', far, 'route', 'add', 'default', 'via', '10.86.0.254')
      await inside(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
      // The backend allows fragmentation, and the router's link back has a small MTU.
      await inside(far, 'sysctl', '-qw', 'net.ipv4.ip_no_pmtu_disc=1')
      await sh('ip', '-n', router, 'link', 'set', 'r1', 'mtu', '600')
      const { seen, received } = await bigAndSmall(near, far, '10.86.0.2', fragmentsOfIpv4)
      await Promise.all([near, router, far].map(removeNamespace))
      assertHalfSeen(seen, `10.86.0.2:${PORT}`, received)
    },
  )

  test('every IPv6 fragment is counted, too', { skip: atInterfacesOnly }, async () => {
    const [near, far] = [await makeNamespace('fp'), await makeNamespace('ff')]
    const cable = await relay([near, 'l3', 'fd85::1/64'], [far, 'l3', 'fd85::2/64'], ['', 'split=600'])
    const { seen, received } = await bigAndSmall(near, far, 'fd85::2', fragmentsOfIpv6)
    const { ba } = await cable.stop()
    await Promise.all([near, far].map(removeNamespace))
    assert.equal(received, 2 * ba.split)
    assertHalfSeen(seen, `[fd85::2]:${PORT}`, received)
  })
})

/** A proxy and a backend, each behind a bridge that changes frames; the proxy's port is recorded. */
async function seesAllBehindBridges(
  [near, beyond]: readonly [string, string],
  prefix: number,
  treat: (namespace: string, port: string) => Promise<unknown>,
): Promise<void> {
  const [host, far] = [await makeNamespace('vp'), await makeNamespace('vf')]
  await veth([host, 'port'], [far, 'back'])
  for (const [namespace, port, address] of [
    [host, 'port', near],
    [far, 'back', beyond],
  ] as const) {
    await sh('ip', '-n', namespace, 'link', 'add', 'br0', 'type', 'bridge')
    await sh('ip', '-n', namespace, 'link', 'set', port, 'master', 'br0')
    await sh('ip', '-n', namespace, 'link', 'set', port, 'up')
    await addAddresses(namespace, 'br0', [`${address}/${prefix}`])
    await treat(namespace, port)
  }
  const [proxy, backend] = [await NamespaceAgent.open(host), await NamespaceAgent.open(far)]
  const rules = { '/big': { steps: [{ send: ok('x'.repeat(20_000)) }] } }
  await backend.call('listen', { address: beyond, port: PORT, rules })
  const upload = `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n${'x'.repeat(9000)}`
  const requests = [get('/small'), get('/big'), upload]
  const ask = { address: beyond, port: PORT, requests, times: 20, connections: 4 }
  const seen = await watch(host, () => proxy.call('ask', ask), ['--iface', 'port'])
  const truth = await backend.call('ledger')
  await Promise.all([proxy.close(), backend.close()])
  await Promise.all([removeNamespace(host), removeNamespace(far)])
  assertEqualsTruth(seen, truth)
  assertNothingLost(seen)
}

/** 20 fragmented answers and 20 others, on one connection. */
async function bigAndSmall(
  near: string,
  far: string,
  address: string,
  fragments: (namespace: string) => Promise<number>,
): Promise<{ readonly seen: Seen; readonly received: number }> {
  const [proxy, backend] = [await NamespaceAgent.open(near), await NamespaceAgent.open(far)]
  const rules = { '/big': { steps: [{ send: BIG }] }, '/small': { steps: [{ send: SMALL }] } }
  await backend.call('listen', { address, port: PORT, rules })
  const steps = range(1, 20).flatMap((): Step[] => [
    ...[{ send: get('/big') }, { bytes: BIG.length }],
    ...[{ send: get('/small') }, { bytes: SMALL.length }],
  ])
  const before = await fragments(near)
  const seen = await watch(near, () =>
    proxy.call('talk', { address, port: PORT, steps: [...steps, { end: 'fin' }] }),
  )
  const received = (await fragments(near)) - before
  await Promise.all([proxy.close(), backend.close()])
  return { seen, received }
}

function assertHalfSeen(seen: Seen, backend: string, fragments: number): void {
  assert.ok(fragments >= 40, `${fragments} fragments`)
  assert.equal(seen.final.loss.fragments, fragments)
  assert.deepEqual(rowsOf(seen), {
    [`${backend} GET /big`]: { requests: 20, codes: {} },
    [`${backend} GET /small`]: { requests: 20, codes: { 200: 20 } },
  })
  assert.deepEqual(failuresOf(seen), {})
  assert.equal(seen.sum.totals.unseen, 20, 'what lay in the fragments is not known')
  assert.equal(seen.final.loss.holes, 20)
  assertReconciles(seen)
}

const veth = (
  [namespaceA, deviceA]: readonly [string, string],
  [namespaceB, deviceB]: readonly [string, string],
): Promise<string> =>
  sh(
    ...['ip', 'link', 'add', deviceA, 'netns', namespaceA, 'type', 'veth'],
    ...['peer', 'name', deviceB, 'netns', namespaceB],
  )

/** The kernel's count of received fragments (ReasmReqds). */
async function fragmentsOfIpv4(namespace: string): Promise<number> {
  const [names = '', values = ''] = (await inside(namespace, 'grep', '^Ip:', '/proc/net/snmp')).split('\n')
  return Number(values.split(' ')[names.split(' ').indexOf('ReasmReqds')])
}

const fragmentsOfIpv6 = async (namespace: string): Promise<number> =>
  Number((await inside(namespace, 'grep', 'Ip6ReasmReqds', '/proc/net/snmp6')).trim().split(/\s+/)[1])
