/** A process named nginx can exclude only requests to its own listening socket: the socket counts, not the port number. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertReconciles, rowsOf } from './lab/compare.ts'
import { buildStatic } from './lab/neighbour.ts'
import { Cable, range } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { inside, lacking } from './lab/system.ts'
import { startInNamespace } from './lab/impairments.ts'
import { watch } from './lab/watch.ts'

const FAR = '10.77.0.2'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const SCRIPT = fileURLToPath(new URL('lab/fakenginx.py', import.meta.url))

describe('listen ports of nginx', { skip: lacking('python3', 'setpriv') }, () => {
  let cable: Cable
  let port = 8800
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  /** Starts an unprivileged process named nginx; resolves when it has listened on all its ports. */
  async function fake(
    work: string,
    address: string,
    ports: readonly number[],
  ): Promise<{ listened: number; stop: () => Promise<void> }> {
    const setpriv = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
    const nobody = work === 'inherit' ? [] : setpriv
    const script = readFileSync(SCRIPT, 'utf8')
    const child = spawn(
      'ip',
      [
        ...['netns', 'exec', cable.proxy.namespace, ...nobody],
        ...['/usr/bin/python3', '-c', script, work, address, ...ports.map(String)],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    const exited = once(child, 'exit')
    const [said] = (await Promise.race([once(child.stdout, 'data'), exited])) as [Buffer | number | null]
    if (!Buffer.isBuffer(said)) throw new Error(`the fake ended with ${said}`)
    return {
      listened: Number(said.toString()),
      async stop() {
        child.stdin.end()
        await exited
      },
    }
  }

  /** Sends requests before, right after, and two ticks after `between`. */
  async function askThrough(
    between: () => Promise<void>,
    ask: (path: string, times: number) => Promise<unknown>,
  ) {
    return watch(cable.proxy.namespace, async (helper) => {
      await ask('/before', 10)
      await between()
      await ask('/after', 40)
      await helper.nextFrame()
      await helper.nextFrame()
      await ask('/later', 40)
    })
  }

  for (const [work, address] of [
    ['listen', '127.0.0.2'],
    ['hold', '127.0.0.2'],
    ['child', '127.0.0.2'],
    ['hold', '::1'],
  ] as const)
    test(`no port of a fake nginx hides a connection of nginx (${work}, ${address})`, async () => {
      const server = ++port
      const [low, high] = [41_000, 41_080]
      await cable.far.call('listen', { address: FAR, port: server })
      await cable.far.call('listen', { address: 'fd77::2', port: server })
      await inside(cable.proxy.namespace, 'sysctl', '-qw', `net.ipv4.ip_local_port_range=${low} ${high}`)
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `upstream kept { server ${FAR}:${server}; keepalive 8; }
         server { listen 127.0.0.1:8080; location / { proxy_pass http://${FAR}:${server}; proxy_set_header Connection close; }
           location /kept { proxy_pass http://kept; } }`,
      )
      let stop = (): Promise<void> => Promise.resolve()
      const seen = await askThrough(
        async () => {
          const { listened, stop: end } = await fake(
            work,
            address,
            range(low, high).filter((n) => work !== 'hold' || n % 3 === 0),
          )
          assert.ok(listened > 20, `${listened} ports listened`)
          stop = end
        },
        async (path, times) => {
          const ask = { address: '127.0.0.1', port: 8080, connections: 4 }
          for (const requests of [[get(path)], [get(`/kept${path}`)]])
            await cable.proxy.call('ask', { ...ask, requests, times: times / 4 })
        },
      )
      await stop()
      const attempts = nginx.attempts()
      await nginx.stop()
      await inside(cable.proxy.namespace, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=32768 60999')
      const rows = rowsOf(seen)
      for (const [target, count] of countBy(attempts.map(({ target }) => target)))
        assert.deepEqual(
          rows[`${FAR}:${server} GET ${target}`],
          { requests: count, codes: { 200: count } },
          target,
        )
      assertReconciles(seen)
    })

  test('a fake nginx that listens on the port number of a backend at another address hides no request to it', async () => {
    const server = ++port
    await cable.proxy.call('listen', { address: '127.0.0.1', port: server })
    const seen = await watch(cable.proxy.namespace, async () => {
      const { stop } = await fake('hold', '127.0.0.2', [server])
      await cable.proxy.call('ask', {
        address: '127.0.0.1',
        port: server,
        requests: [get('/real')],
        times: 30,
        connections: 3,
      })
      await stop()
    })
    assert.deepEqual(rowsOf(seen)[`127.0.0.1:${server} GET /real`], { requests: 30, codes: { 200: 30 } })
    assertReconciles(seen)
  })

  test('a socket that a fake nginx inherited from another user is no front door', async () => {
    const server = ++port
    const seen = await watch(cable.proxy.namespace, async () => {
      const { listened, stop } = await fake('inherit', '127.0.0.2', [server])
      assert.equal(listened, 1)
      await stop()
    })
    assert.deepEqual(rowsOf(seen)[`127.0.0.2:${server} GET /fake`], { requests: 1, codes: { 200: 1 } })
    assertReconciles(seen)
  })

  test('a port that a fake nginx has closed is a backend when another process listens there', async () => {
    const server = ++port
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await (await fake('listen', '127.0.0.2', [server])).stop()
      await cable.proxy.call('listen', { address: '127.0.0.2', port: server })
      await cable.proxy.call('ask', {
        address: '127.0.0.2',
        port: server,
        requests: [get('/at-once')],
        times: 20,
      })
      await helper.nextFrame()
      await helper.nextFrame()
      await cable.proxy.call('ask', {
        address: '127.0.0.2',
        port: server,
        requests: [get('/later')],
        times: 20,
      })
    })
    for (const path of ['/at-once', '/later'])
      assert.deepEqual(
        rowsOf(seen)[`127.0.0.2:${server} GET ${path}`],
        { requests: 20, codes: { 200: 20 } },
        path,
      )
    assertReconciles(seen)
  })

  test('the listen ports of a real nginx are excluded even if fake ones fill the table', async () => {
    const server = ++port
    await cable.far.call('listen', { address: FAR, port: server })
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      const { listened, stop } = await fake('hold', '127.0.0.2', range(20_000, 20_150))
      assert.equal(listened, 151)
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `server { listen 8080; listen [::]:8081 ipv6only=off; location / { proxy_pass http://${FAR}:${server}; } }`,
      )
      for (const [address, listener] of [
        ['127.0.0.1', 8080],
        ['127.0.0.1', 8081],
        ['::1', 8081],
      ] as const)
        for (const path of ['/early', '/late']) {
          await cable.proxy.call('ask', { address, port: listener, requests: [get(path)], times: 10 })
          await helper.nextFrame()
        }
      await nginx.stop()
      await stop()
    })
    assert.deepEqual(
      Object.keys(rowsOf(seen)).filter((row) => !row.startsWith('127.0.0.2:')),
      [`${FAR}:${server} GET /early`, `${FAR}:${server} GET /late`],
    )
    assert.deepEqual(rowsOf(seen)[`${FAR}:${server} GET /early`], { requests: 30, codes: { 200: 30 } })
    assert.equal(seen.sum.loss.mapRefused, 0)
    assertReconciles(seen)
  })

  test("a fake nginx that fills the table of addresses leaves entries for root's nginx", async () => {
    const server = ++port
    await cable.far.call('listen', { address: FAR, port: server })
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-listeners-'))
    chmodSync(folder, 0o755)
    await buildStatic('attacker.c', join(folder, 'nginx'))
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / { proxy_pass http://${FAR}:${server}; } }`,
    )
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      const connects = [join(folder, 'nginx'), 'connects', '127.0.0.4', '1000', '60000', '1000000']
      const fake = await startInNamespace(cable.proxy.namespace, [...nobody, ...connects])
      for (let frames = 0; frames < 3; frames++) await helper.nextFrame()
      assert.ok((await fake.stop()) > 4096)
      const requests = [get('/after')]
      await cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 10 })
    })
    await nginx.stop()
    rmSync(folder, { recursive: true })
    assert.deepEqual(rowsOf(seen), { [`${FAR}:${server} GET /after`]: { requests: 10, codes: { 200: 10 } } })
    assertReconciles(seen)
  })
})

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}
