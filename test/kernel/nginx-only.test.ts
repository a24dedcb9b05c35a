/** `--nginx-only`: what an nginx sends is recorded, and equals its log; what others send to the same backend is counted as left out. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { assertNothingLost, assertReconciles, failuresOf, rowsOf, truthOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx, type LabNginx } from './lab/nginx.ts'
import { sandboxRefusing } from './lab/refuse.ts'
import { inside, lacking, PROBE, sh, unlessLong } from './lab/system.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const ONLY = '--nginx-only'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const hostOf = (address: string): string => (address.includes(':') ? `[${address}]` : address)

describe('--nginx-only', { skip: lacking('gcc', 'unshare') }, () => {
  let cable: Cable
  let port = 9100
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-nginx-only-'))
  before(async () => {
    cable = await Cable.create()
    copyFileSync('/usr/sbin/nginx', join(folder, 'edge'))
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  const listen = async (address: string): Promise<number> => {
    await (address === FAR || address === 'fd77::2' ? cable.far : cable.proxy).call('listen', {
      address,
      port: ++port,
      rules: { '/reset': { steps: [{ end: 'rst' }] } },
    })
    return port
  }
  /** Keeps its connections to the backend. */
  const startNginx = (backend: string, program = 'nginx'): Promise<LabNginx> =>
    startLabNginx(
      cable.proxy.namespace,
      `upstream api { server ${backend}; keepalive 4; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://api; } }`,
      false,
      { program },
    )
  const ask = (address: string, at: number, path: string, times: number): Promise<unknown> =>
    cable.proxy.call('ask', { address, port: at, requests: [get(path)], times, connections: 2 })

  const leftOut = ({ sum: { excluded } }: Seen): object => ({
    notNginx: excluded.notNginx,
    frontDoor: excluded.frontDoor,
  })

  for (const traced of [true, false]) {
    const how = traced ? '' : ', without tracing programs'
    const record = async (during: (helper: Helper) => Promise<unknown>): Promise<Seen> => {
      if (traced) return watch(cable.proxy.namespace, during, [ONLY])
      const [sandbox, word] = await sandboxRefusing('load')
      return watch(cable.proxy.namespace, during, [word, PROBE, ONLY], sandbox)
    }

    for (const [address, inShort] of [
      [FAR, traced],
      ['fd77::2', !traced],
      ['127.0.0.1', !traced],
      ['::1', traced],
    ] as const)
      test(
        `beside a client of the same backend, nginx's log alone is recorded (${address}${how})`,
        { skip: !inShort && unlessLong },
        async () => {
          const backend = `${hostOf(address)}:${await listen(address)}`
          const nginx = await startNginx(backend)
          const seen = await record(async (helper) => {
            await Promise.all([ask('127.0.0.1', 8080, '/x', 60), ask(address, port, '/x', 50)])
            await helper.nextFrame()
            await ask(address, port, '/reset', 5)
            await Promise.all([ask('127.0.0.1', 8080, '/y', 30), ask(address, port, '/y', 20)])
          })
          const attempts = nginx.attempts()
          await nginx.stop()
          assert.equal(attempts.length, 90)
          assert.deepEqual(rowsOf(seen), truthOf(attempts))
          assert.deepEqual(failuresOf(seen), {})
          assert.deepEqual(leftOut(seen), { notNginx: 75, frontDoor: 90 })
          assertNothingLost(seen)
          assertReconciles(seen)
        },
      )

    for (const [address, inShort] of [
      [FAR, traced],
      ['fd77::2', !traced],
      ['::1', false],
    ] as const)
      test(
        `a connection that is older than the recorder is of the process that has it (${address}${how})`,
        { skip: !inShort && unlessLong },
        async () => {
          const backend = `${hostOf(address)}:${await listen(address)}`
          const nginx = await startNginx(backend)
          await ask('127.0.0.1', 8080, '/before', 4)
          await nginx.logged(4)
          const later = join(folder, `later-${port}`)
          const client = cable.proxy.call('talk', {
            address,
            port,
            steps: [
              ...[{ send: get('/before') }, { answers: 1 }, { until: later }],
              ...[{ send: get('/after') }, { answers: 2 }, { send: get('/after') }, { answers: 3 }],
            ],
          })
          const seen = await record(async (helper) => {
            writeFileSync(later, '')
            assert.equal((await client).codes.length, 3)
            await ask('127.0.0.1', 8080, '/after', 10)
            await helper.nextFrame()
          })
          const attempts = nginx.attempts().slice(4)
          await nginx.stop()
          assert.deepEqual(rowsOf(seen), truthOf(attempts))
          assert.equal(attempts.length, 10)
          // The clients of its front door have connected anew, and reach it over connections that are new.
          assert.deepEqual(leftOut(seen), { notNginx: 2, frontDoor: 10 })
          // It has one connection, or two if two clients asked at once before.
          const { connects } = seen.sum.totals.connection
          assert.ok(connects <= 1, `nginx used the connections that it had, and ${connects} new ones`)
          assertReconciles(seen)
        },
      )

    for (const older of [false, true])
      test(`${older ? 'a request of an older connection' : 'a SYN'} that waits for the neighbour's address leaves in another process, and is nginx's${how}`, async () => {
        const backend = `${FAR}:${await listen(FAR)}`
        const nginx = await startNginx(backend)
        const once = { address: '127.0.0.1', port: 8080, requests: [get('/x')] }
        const before = older ? 1 : 0
        if (older) await cable.proxy.call('ask', once)
        await nginx.logged(before)
        const seen = await record(() => withoutNeighbour(cable, () => cable.proxy.call('ask', once)))
        const attempts = nginx.attempts().slice(before)
        await nginx.stop()
        assert.equal(attempts.length, 1)
        assert.deepEqual(rowsOf(seen), truthOf(attempts))
        assert.equal(seen.sum.totals.connection.connects, older ? 0 : 1)
        assert.deepEqual(leftOut(seen), { notNginx: 0, frontDoor: 1 })
        assertReconciles(seen)
      })

    test(`the clients of an nginx that starts after the recorder are front door from their first request${how}`, async () => {
      const backend = `${FAR}:${await listen(FAR)}`
      let attempts: ReturnType<LabNginx['attempts']> = []
      const seen = await record(async (helper) => {
        const nginx = await startNginx(backend)
        await ask('127.0.0.1', 8080, '/x', 20)
        await helper.nextFrame()
        await ask('127.0.0.1', 8080, '/y', 20)
        attempts = nginx.attempts()
        await nginx.stop()
      })
      assert.equal(attempts.length, 40)
      assert.deepEqual(rowsOf(seen), truthOf(attempts))
      assert.deepEqual(leftOut(seen), { notNginx: 0, frontDoor: 40 })
      assertReconciles(seen)
    })
  }

  test("another's connection that is older than the recorder may have the same two ports", async () => {
    const backend = `${FAR}:${await listen(FAR)}`
    const [other, near] = ['10.77.0.3', '10.77.0.101']
    await cable.far.call('listen', { address: other, port })
    await sh('ip', '-n', cable.proxy.namespace, 'addr', 'add', `${near}/24`, 'dev', 'leg')
    const nginx = await startNginx(backend)
    await cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get('/before')] })
    const sockets = await inside(
      cable.proxy.namespace,
      'ss',
      '-Htn',
      'state',
      'established',
      'dport',
      '=',
      `:${port}`,
    )
    const [, localPort] = /10\.77\.0\.1:(\d+)/.exec(sockets)!
    const later = join(folder, `same-ports-${port}`)
    const client = cable.proxy.call('talk', {
      address: other,
      port,
      localAddress: near,
      localPort: Number(localPort),
      steps: [
        { send: get('/before') },
        { answers: 1 },
        { until: later },
        { send: get('/after') },
        { answers: 2 },
      ],
    })
    const seen = await watch(
      cable.proxy.namespace,
      async (helper) => {
        writeFileSync(later, '')
        assert.equal((await client).codes.length, 2)
        await helper.nextFrame()
      },
      [ONLY],
    )
    await nginx.stop()
    await sh('ip', '-n', cable.proxy.namespace, 'addr', 'del', `${near}/24`, 'dev', 'leg')
    assert.deepEqual(rowsOf(seen), {})
    assert.equal(seen.sum.excluded.notNginx, 1)
  })

  test('a connection belongs to who opened it, though another process had its port before', async () => {
    const backend = `${FAR}:${await listen(FAR)}`
    const nginx = await startNginx(backend)
    const end = { end: 'rst' as const }
    await inside(cable.proxy.namespace, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=45000 45000')
    const seen = await watch(
      cable.proxy.namespace,
      async () => {
        for (const path of ['/one', '/two', '/three']) {
          const steps = [{ send: get(path) }, { answers: 1 }, end]
          await cable.proxy.call('talk', { address: FAR, port, steps })
          await cable.proxy.call('talk', { address: '127.0.0.1', port: 8080, steps })
        }
      },
      [ONLY],
    ).finally(() =>
      inside(cable.proxy.namespace, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=32768 60999'),
    )
    const attempts = nginx.attempts()
    await nginx.stop()
    assert.deepEqual(rowsOf(seen), truthOf(attempts))
    assert.ok(attempts.length >= 1)
    assert.ok((seen.sum.excluded.notNginx ?? 0) >= 1)
    assertReconciles(seen)
  })

  test('an nginx of another name in another pid namespace is nginx', async () => {
    const backend = `${FAR}:${await listen(FAR)}`
    const program = join(folder, 'nested')
    const edge = join(folder, 'edge')
    writeFileSync(program, `#!/bin/sh\nexec unshare -p -f --mount-proc --kill-child ${edge} "$@"\n`, {
      mode: 0o755,
    })
    const nginx = await startNginx(backend, program)
    const [master] = readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8').split(' ')
    const seen = await watch(
      cable.proxy.namespace,
      () => Promise.all([ask('127.0.0.1', 8080, '/x', 20), ask(FAR, port, '/x', 10)]),
      [ONLY],
    ).finally(() => process.kill(Number(master), 'SIGTERM'))
    const attempts = nginx.attempts()
    await nginx.stop()
    assert.equal(attempts.length, 20)
    assert.deepEqual(rowsOf(seen), truthOf(attempts))
    assert.deepEqual(leftOut(seen), { notNginx: 10, frontDoor: 20 })
    assertReconciles(seen)
  })

  test('an nginx that serves files is no front door: its clients are left out as others are', async () => {
    const nginx = await startLabNginx(cable.proxy.namespace, 'server { listen 127.0.0.1:8081; return 204; }')
    const seen = await watch(cable.proxy.namespace, () => ask('127.0.0.1', 8081, '/x', 20), [ONLY])
    await nginx.stop()
    assert.deepEqual(rowsOf(seen), {})
    assert.deepEqual(leftOut(seen), { notNginx: 20, frontDoor: 0 })
    assertReconciles(seen)
  })
})

/** What is sent meanwhile waits for the address of FAR, and leaves in the process that tells it. */
async function withoutNeighbour({ proxy, far }: Cable, send: () => Promise<unknown>): Promise<void> {
  const [near, address] = [await hardware(proxy.namespace, 'leg'), await hardware(far.namespace, 'peer')]
  const neighbour = (of: string, ...words: readonly string[]): Promise<string> =>
    sh('ip', '-n', of, 'neigh', ...words)
  // It neither answers nor asks, which would tell its own address, too.
  await inside(far.namespace, 'sysctl', '-qw', 'net.ipv4.conf.peer.arp_ignore=8')
  await neighbour(far.namespace, 'replace', '10.77.0.1', 'lladdr', near, 'dev', 'peer')
  await neighbour(proxy.namespace, 'flush', 'dev', 'leg')
  const sent = send()
  while (!(await neighbour(proxy.namespace, 'show', FAR, 'dev', 'leg')).includes('INCOMPLETE')) continue
  const known = ['lladdr', address, 'nud', 'reachable', 'dev', 'leg']
  await neighbour(proxy.namespace, 'replace', FAR, ...known)
  await sent
  await inside(far.namespace, 'sysctl', '-qw', 'net.ipv4.conf.peer.arp_ignore=0')
}

const hardware = async (namespace: string, link: string): Promise<string> =>
  (await inside(namespace, 'cat', `/sys/class/net/${link}/address`)).trim()
