/**
 * Traffic that is not nginx's upstream leg is excluded and counted by reason; opaque traffic is reported: docs/NUMBERS.md,
 * "What is missing, and what is left out".
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertExcluded, assertEqualsTruth, assertReconciles, rowsOf } from './lab/compare.ts'
import { addAddresses, Cable, makeNamespace, NamespaceAgent, range, removeNamespace } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import type { Truth } from './lab/protocol.ts'
import { atInterfacesOnly, inside, lacking, sh } from './lab/system.ts'
import { relay } from './lab/impairments.ts'
import { watch } from './lab/watch.ts'

const FAR = '10.77.0.2'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const row = (requests: number, code = 200): Truth[string] => ({ requests, codes: { [code]: requests } })

describe('excluded traffic', { skip: lacking() }, () => {
  let cable: Cable
  let port = 8500
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  test("requests to nginx's own port are excluded as front door, from local and remote clients", async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 8080; listen [::]:8080; location / { proxy_pass http://${FAR}:${port}; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const address of ['127.0.0.1', '10.77.0.1', '::1'])
        await cable.proxy.call('ask', {
          address,
          port: 8080,
          requests: [get('/near')],
          times: 50,
          connections: 4,
        })
      await cable.far.call('ask', { address: '10.77.0.1', port: 8080, requests: [get('/afar')], times: 50 })
    })
    await nginx.stop()
    assertEqualsTruth(seen, { [`${FAR}:${port} GET /afar`]: row(50), [`${FAR}:${port} GET /near`]: row(150) })
    assert.ok(seen.hello.front_doors.includes(8080))
    assertExcluded(seen, 'frontDoor', 150)
  })

  test('requests to an nginx that starts after the recorder are excluded too', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await helper.nextFrame()
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `server { listen 8080; location / { proxy_pass http://${FAR}:${port}; } }`,
      )
      for (const address of ['127.0.0.1', '10.77.0.1'])
        await cable.proxy.call('ask', {
          address,
          port: 8080,
          requests: [get('/later')],
          times: 50,
          connections: 2,
        })
      await nginx.stop()
    })
    assertEqualsTruth(seen, { [`${FAR}:${port} GET /later`]: row(100) })
    assertExcluded(seen, 'frontDoor', 100)
  })

  test('an nginx proxies whatever its directive is: requests to one that has only fastcgi_pass or grpc_pass are front door', async () => {
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 8080; location / { return 200 ok; } location /php { fastcgi_pass unix:/run/none.sock; } }
       server { listen [::1]:8081; location / { return 200 ok; } location /rpc { grpc_pass grpc://${FAR}:50051; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const [address, listen] of [
        ['127.0.0.1', 8080],
        ['::1', 8081],
      ] as const)
        await cable.proxy.call('ask', { address, port: listen, requests: [get('/')], times: 10 })
    })
    await nginx.stop()
    assertEqualsTruth(seen, {})
    assert.deepEqual([...seen.hello.front_doors].sort(), [8080, 8081])
    assertExcluded(seen, 'frontDoor', 20)
  })

  test('an nginx on this host can be a backend', async () => {
    const front = await startLabNginx(
      cable.proxy.namespace,
      'server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:8081; } }',
    )
    const back = await startLabNginx(
      cable.proxy.namespace,
      'server { listen 127.0.0.1:8081; return 200 ok; }',
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', {
        address: '127.0.0.1',
        port: 8080,
        requests: [get('/x')],
        times: 100,
        connections: 4,
      }),
    )
    await Promise.all([front.stop(), back.stop()])
    assertEqualsTruth(seen, { '127.0.0.1:8081 GET /x': row(100) })
  })

  test('a backend that is itself a proxy is counted as a backend of the first nginx, and not as front door', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const front = await startLabNginx(
      cable.proxy.namespace,
      'server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:8081; } }',
    )
    const second = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8081; location / { proxy_pass http://${FAR}:${port}; } }`,
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', {
        address: '127.0.0.1',
        port: 8080,
        requests: [get('/x')],
        times: 100,
        connections: 4,
      }),
    )
    await Promise.all([front.stop(), second.stop()])
    assertEqualsTruth(seen, { [`${FAR}:${port} GET /x`]: row(100), '127.0.0.1:8081 GET /x': row(100) })
  })

  test('a remote backend may use the port number of the front door', async () => {
    await cable.far.call('listen', { address: FAR, port: 8080 })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 10.77.0.1:8080; location / { proxy_pass http://${FAR}:8080; } }`,
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', {
        address: '10.77.0.1',
        port: 8080,
        requests: [get('/x')],
        times: 100,
        connections: 4,
      }),
    )
    await nginx.stop()
    assertEqualsTruth(seen, { [`${FAR}:8080 GET /x`]: row(100) })
    assertExcluded(seen, 'frontDoor', 100)
  })

  test('--ignore excludes a port, or a port of one address', async () => {
    port++
    const ports = [port, port + 100]
    for (const number of ports)
      for (const address of [FAR, '10.77.0.3']) await cable.far.call('listen', { address, port: number })
    const askAll = async (): Promise<void> => {
      for (const number of ports)
        for (const address of [FAR, '10.77.0.3'])
          await cable.proxy.call('ask', { address, port: number, requests: [get('/x')], times: 20 })
    }
    const [one = 0, two = 0] = ports
    const byPort = await watch(cable.proxy.namespace, askAll, ['--ignore', String(one)])
    assertEqualsTruth(byPort, { [`${FAR}:${two} GET /x`]: row(20), [`10.77.0.3:${two} GET /x`]: row(20) })
    assertExcluded(byPort, 'ignored', 40)
    const byAddress = await watch(cable.proxy.namespace, askAll, ['--ignore', `${FAR}:${one},${two}`])
    assertEqualsTruth(byAddress, { [`10.77.0.3:${one} GET /x`]: row(20) })
    assertExcluded(byAddress, 'ignored', 60)
  })

  test('--only keeps the backends in its networks, IPv6 too', async () => {
    port++
    for (const address of [FAR, '10.77.0.5', 'fd77::2']) await cable.far.call('listen', { address, port })
    const seen = await watch(
      cable.proxy.namespace,
      async () => {
        for (const address of [FAR, '10.77.0.5', 'fd77::2'])
          await cable.proxy.call('ask', { address, port, requests: [get('/x')], times: 20 })
      },
      ['--only', '10.77.0.4/31,fd77::/64'],
    )
    assertEqualsTruth(seen, { [`10.77.0.5:${port} GET /x`]: row(20), [`[fd77::2]:${port} GET /x`]: row(20) })
    assertExcluded(seen, 'notSelected', 20)
  })

  for (const stacked of [false, true])
    test(
      `requests that are only routed through this host${stacked ? ' and leave by a bridge' : ''} are excluded, and counted once`,
      { skip: atInterfacesOnly },
      async () => {
        port++
        const [outside, host, far] = [
          await makeNamespace('outside'),
          await makeNamespace('router'),
          await makeNamespace('far'),
        ]
        const wire = await relay([outside, 'l3', '10.84.0.1/24'], [host, 'l3', '10.84.0.2/24'])
        await sh(...`ip link add port netns ${host} type veth peer name eth0 netns ${far}`.split(' '))
        await sh('ip', '-n', host, 'link', 'set', 'port', 'up')
        if (stacked) {
          await sh('ip', '-n', host, 'link', 'add', 'br0', 'type', 'bridge')
          await sh('ip', '-n', host, 'link', 'set', 'port', 'master', 'br0')
        }
        await addAddresses(host, stacked ? 'br0' : 'port', ['10.85.0.1/24'])
        await addAddresses(far, 'eth0', ['10.85.0.2/24'])
        await sh('ip', '-n', outside, 'route', 'add', 'default', 'via', '10.84.0.2')
        await sh('ip', '-n', far, 'route', 'add', 'default', 'via', '10.85.0.1')
        await inside(host, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
        const agents = [
          await NamespaceAgent.open(outside),
          await NamespaceAgent.open(host),
          await NamespaceAgent.open(far),
        ] as const
        const [remote, own, backend] = agents
        await backend.call('listen', { address: '10.85.0.2', port })
        const ask = { address: '10.85.0.2', port, times: 60, connections: 3 }
        const seen = await watch(host, async () => {
          await remote.call('ask', { ...ask, requests: [get('/routed')] })
          await own.call('ask', { ...ask, requests: [get('/own')] })
        })
        const again = await retransmitted(outside)
        await Promise.all(agents.map((agent) => agent.close()))
        await wire.stop()
        await Promise.all([outside, host, far].map(removeNamespace))
        assertEqualsTruth(seen, { [`10.85.0.2:${port} GET /own`]: row(60) })
        const { routed } = seen.sum.excluded
        assert.ok(routed >= 60 && routed <= 60 + again, `${routed} routed, ${again} sent again`)
      },
    )

  test('TLS and HTTP/2 are opaque connections of their backend, not requests', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const hello = `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'r'.repeat(500)}`
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00'
    const talk = (send: string) => ({
      address: FAR,
      port,
      steps: [{ send }, { pause: 20 }, { end: 'rst' as const }],
    })
    // A request makes the backend known: TLS of other programs to other hosts gets no row.
    const seen = await watch(cable.proxy.namespace, async () => {
      await cable.proxy.call('ask', {
        address: FAR,
        port,
        requests: [get('/known')],
        times: 1,
        connections: 1,
      })
      await cable.proxy.call('talkMany', [
        ...range(1, 7).map(() => talk(hello)),
        ...range(1, 5).map(() => talk(preface)),
      ])
    })
    assert.deepEqual(Object.keys(rowsOf(seen)), [`${FAR}:${port} GET /known`])
    assert.equal(seen.sum.backends[0]?.connection.opaque, 12)
    assertExcluded(seen, 'tls', 7)
    assertExcluded(seen, 'h2', 5)
    assertReconciles(seen)
  })

  test('other protocols are not HTTP', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const words = [
      'EHLO mail.example\r\n',
      '*1\r\n$4\r\nPING\r\n',
      'SSH-2.0-OpenSSH\r\n',
      'GETx nothing',
      '\0\0\0\0binary',
    ]
    const talks = words.map((send) => ({
      address: FAR,
      port,
      steps: [{ send }, { pause: 20 }, { end: 'rst' as const }],
    }))
    const seen = await watch(cable.proxy.namespace, () => cable.proxy.call('talkMany', talks))
    assert.deepEqual(rowsOf(seen), {})
    assertReconciles(seen)
  })

  test('two addresses of one port are two backends', async () => {
    port++
    await addAddresses(cable.far.namespace, 'lo', ['10.85.0.1/32'])
    await sh('ip', '-n', cable.proxy.namespace, 'route', 'add', '10.85.0.1/32', 'via', FAR)
    for (const address of [FAR, '10.85.0.1']) await cable.far.call('listen', { address, port })
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const address of [FAR, '10.85.0.1'])
        await cable.proxy.call('ask', { address, port, requests: [get('/x')], times: 20 })
    })
    assertEqualsTruth(seen, { [`${FAR}:${port} GET /x`]: row(20), [`10.85.0.1:${port} GET /x`]: row(20) })
  })
})

/** Retransmitted segments of the namespace: for routed traffic they count as new. */
async function retransmitted(namespace: string): Promise<number> {
  const [names = '', values = ''] = (await inside(namespace, 'grep', '^Tcp:', '/proc/net/snmp')).split('\n')
  return Number(values.split(' ')[names.split(' ').indexOf('RetransSegs')])
}
