/** Connections that cannot be read: their bytes are those of the peer's own ledger, and those that are open are counted. docs/NUMBERS.md. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openOf } from '../../src/frame/expression/measure.ts'
import { ofFrame } from '../../src/frame/sum/merge.ts'
import { protocolOf } from '../../src/frame/model/protocol.ts'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { assertNothingLost, assertReconciles, rowsOf } from './lab/compare.ts'
import { dropEvery, dropNothing } from './lab/impairments.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { inside, lacking, ROOT, sh } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const PEERS = fileURLToPath(new URL('lab/peers.py', import.meta.url))
const HOSTS = ['10.77.0.2', 'fd77::2'] as const
const addressOf = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** address → [bytes to the peer, bytes from it] */
type Bytes = Readonly<Record<string, readonly [number | null, number | null]>>

interface Peers {
  /** Resolves with what they took and gave. */
  stop(): Promise<Bytes>
}

describe('connections that cannot be read', { skip: lacking('python3', 'openssl') }, () => {
  let cable: Cable
  let port = 9700
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-unread-'))
  const certificate = join(folder, 'both.pem')

  before(async () => {
    cable = await Cable.create()
    await sh(
      ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=lab'],
      ...['-keyout', certificate, '-out', `${certificate}.crt`],
    )
    await sh('sh', '-c', `cat ${certificate}.crt >> ${certificate}`)
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  test('the bytes of TLS and memcached equal what the peer took and gave, open or closed by either side, over IPv4 and IPv6', async () => {
    const { peers, conf, tls, memcached } = await startBoth()
    const nginx = await startLabNginx(cable.proxy.namespace, conf)
    let open: readonly (readonly [string, string | null, number | null])[] = []
    let established: readonly (readonly [string, string, number])[] = []
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await askAll(['/kept', '/closed', '/bye'], [20, 5, 5])
      await helper.nextFrame()
      const frame = await helper.nextFrame()
      open = openIn(frame)
      established = await establishedOf({ tls, memcached })
    })
    const ledger = await peers.stop()
    await nginx.stop()
    assert.deepEqual(open, established)
    assert.ok(established.every(([, , connections]) => connections > 0))
    assert.deepEqual(bytesOf(seen), ledger)
    assert.deepEqual(rowsOf(seen), {})
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('retransmitted bytes count once, in both directions', async () => {
    const { peers, conf } = await startBoth()
    const nginx = await startLabNginx(cable.proxy.namespace, conf)
    await dropEvery(cable.far.namespace, 'peer', 'ingress', 5)
    await dropEvery(cable.proxy.namespace, 'leg', 'ingress', 7)
    const seen = await watch(cable.proxy.namespace, () => askAll(['/kept', '/bye'], [6, 2]))
    await dropNothing(cable.far.namespace, 'peer')
    await dropNothing(cable.proxy.namespace, 'leg')
    const ledger = await peers.stop()
    await nginx.stop()
    assert.deepEqual(bytesOf(seen), ledger)
    assertReconciles(seen)
  })

  test('a peer that speaks first, to which nginx says something, little or nothing', async () => {
    port += 10
    const names = HOSTS.flatMap((host) => [0, 1, 2].map((i) => [host, port + i] as const))
    const peers = await startPeers(names.map(([host, at]) => [host, String(at), 'banner'] as const))
    const says = [[], ['EHLO'], ['EHLO', 'bye']]
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      const clients = await Promise.all(
        names.map(([host, at]) =>
          startReady(cable.proxy.namespace, [
            'python3',
            PEERS,
            'call',
            host,
            String(at),
            '3',
            ...says[at - port]!,
          ]),
        ),
      )
      // silent ones are looked for every 8 s
      await sleep(9000)
      await helper.nextFrame()
      const { backends } = ofFrame(await helper.nextFrame())
      // who said `bye` has been closed by the peer, and has not closed it himself
      assert.deepEqual(
        backends.map((sum) => [sum.backend.address, openOf(sum), protocolOf(sum)]).sort(),
        names.map(([host, at]) => [addressOf(host, at), 3, 'other']).sort(),
      )
      for (const client of clients) await end(client)
    })
    const ledger = await peers.stop()
    assert.deepEqual(bytesOf(seen), ledger)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('HTTP beside it, over the same nginx, has no such bytes and none such open', async () => {
    const { peers, conf, tls } = await startBoth()
    const plain = port + 5
    await cable.far.call('listen', { address: HOSTS[0], port: plain })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      conf.replace('server {', `server { location /plain { proxy_pass http://${HOSTS[0]}:${plain}; }`),
    )
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await askAll(['/kept', '/plain'], [3, 30])
      await helper.nextFrame()
    })
    const ledger = await peers.stop()
    const attempts = nginx.attempts().filter(({ target }) => target.startsWith('/plain'))
    await nginx.stop()
    const row = seen.sum.backends.find(({ backend }) => backend.address === addressOf(HOSTS[0], plain))!
    assert.deepEqual([row.connection.sentBytes, row.connection.receivedBytes, openOf(row)], [0, 0, null])
    assert.equal(
      row.sentBytes,
      attempts.reduce((sum, { sent }) => sum + (sent ?? 0), 0),
    )
    assert.deepEqual(bytesOf(seen)[tls[0]!], ledger[tls[0]!])
  })

  test('a row with open connections stays on the screen and in reports, with what it speaks', async () => {
    const { peers, conf, tls } = await startBoth()
    const file = join(folder, 'x.db')
    const main = join(ROOT, 'dist/main.js')
    const nginx = await startLabNginx(cable.proxy.namespace, conf)
    const recorder = await startReady(
      cable.proxy.namespace,
      [process.execPath, main, 'record', '--out', file],
      'stderr',
    )
    await askAll(['/kept'], [2])
    await sleep(4200)
    const ended = once(recorder, 'exit')
    recorder.kill('SIGINT')
    await ended
    const ledger = await peers.stop()
    await nginx.stop()
    const run = (...words: readonly string[]): Promise<string> => sh(process.execPath, main, ...words)
    // The window of one second has no connect in it.
    const screen = await run('replay', file, '--print', '--at', '-1s', '--window', '1', '--size', '80x24')
    assert.match(screen, new RegExp(`${tls[0]!.replaceAll('.', '\\.')} .*tls.* open`))
    assert.doesNotMatch(screen, /No request to a backend/)
    const report = JSON.parse(await run('report', file, '--format', 'json', '--from', '-2s')) as {
      readonly backends: readonly {
        backend: string
        protocol: string
        open_connections: number
        connects: number
      }[]
    }
    const row = report.backends.find(({ backend }) => backend === tls[0])!
    assert.deepEqual([row.protocol, row.connects, row.open_connections > 0], ['tls', 0, true])
    const whole = JSON.parse(await run('report', file, '--format', 'json')) as {
      readonly totals: { sent_bytes: number; received_bytes: number }
    }
    const sum = (i: 0 | 1): number => Object.values(ledger).reduce((all, row) => all + (row[i] ?? 0), 0)
    assert.deepEqual([whole.totals.sent_bytes, whole.totals.received_bytes], [sum(0), sum(1)])
  })

  /** A TLS and a memcached peer on each address, and an nginx that goes to them over kept connections and over new ones. */
  async function startBoth(): Promise<{ peers: Peers; conf: string; tls: string[]; memcached: string[] }> {
    port += 10
    const peers = await startPeers(
      HOSTS.flatMap((host) => [
        [host, String(port), 'tls'] as const,
        [host, String(port + 1), 'memcached'] as const,
      ]),
    )
    const [tls, memcached] = [0, 1].map((i) => HOSTS.map((host) => addressOf(host, port + i)))
    const conf = [
      ...HOSTS.flatMap((_, i) => [
        `upstream tls${i} { server ${tls![i]!}; keepalive 8; }`,
        `upstream memcached${i} { server ${memcached![i]!}; keepalive 8; }`,
      ]),
      'server { listen 127.0.0.1:8080;',
      ...HOSTS.flatMap((_, i) => [
        `location /kept/tls/${i} { proxy_pass https://tls${i}; }`,
        `location /closed/tls/${i} { proxy_pass https://${tls![i]!}; }`,
        `location /bye/tls/${i} { proxy_pass https://${tls![i]!}/bye; }`,
        `location /kept/memcached/${i} { set $memcached_key $uri; memcached_pass memcached${i}; }`,
        `location /closed/memcached/${i} { set $memcached_key $uri; memcached_pass ${memcached![i]!}; }`,
      ]),
      '}',
    ].join('\n')
    return { peers, conf, tls: tls!, memcached: memcached! }
  }

  /** Each kind of path so many times, some with a body. */
  async function askAll(kinds: readonly string[], times: readonly number[]): Promise<void> {
    const body = 'y'.repeat(30_000)
    const requests = (path: string): string[] => [
      `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
      ...(path.includes('/kept/tls')
        ? [`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`]
        : []),
    ]
    const pathsOf = (kind: string): string[] => {
      if (kind === '/plain') return [kind]
      const protocols = kind === '/bye' ? ['tls'] : ['tls', 'memcached']
      return HOSTS.flatMap((_, i) => protocols.map((protocol) => `${kind}/${protocol}/${i}`))
    }
    const paths = kinds.flatMap((kind, k) => pathsOf(kind).map((path) => [path, times[k]!] as const))
    const codes = await Promise.all(
      paths.map(([path, n]) =>
        cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: requests(path), times: n }),
      ),
    )
    assert.deepEqual([...new Set(codes.flat())], [200])
  }

  async function startPeers(list: readonly (readonly [string, string, string])[]): Promise<Peers> {
    const child = await startReady(cable.far.namespace, [
      'python3',
      PEERS,
      'serve',
      certificate,
      ...list.flat(),
    ])
    return {
      async stop() {
        let text = ''
        child.stdout!.on('data', (part: Buffer) => (text += part.toString()))
        await end(child)
        const ledger = JSON.parse(text) as Record<string, [number, number]>
        return Object.fromEntries(
          Object.entries(ledger).map(([name, row]) => {
            const [host = '', at] = name.split(' ')
            return [addressOf(host, Number(at)), row]
          }),
        )
      },
    }
  }

  async function establishedOf(
    of: Readonly<Record<string, readonly string[]>>,
  ): Promise<[string, string, number][]> {
    const sockets = (await inside(cable.far.namespace, 'ss', '-Htn', 'state', 'established')).split('\n')
    return Object.entries(of)
      .flatMap(([protocol, addresses]) =>
        addresses.map((address): [string, string, number] => [
          address,
          protocol,
          sockets.filter((line) => line.split(/\s+/)[2] === address).length,
        ]),
      )
      .sort()
  }
})

/** Starts a program in the namespace, and waits for its first word. */
async function startReady(
  namespace: string,
  words: readonly string[],
  from: 'stdout' | 'stderr' = 'stdout',
): Promise<ChildProcess> {
  const child = spawn('ip', ['netns', 'exec', namespace, ...words], { stdio: 'pipe' })
  let said = ''
  child.stderr.on('data', (part: Buffer) => (said += part.toString()))
  const exited = once(child, 'exit')
  await Promise.race([once(child[from], 'data'), exited])
  if (child.exitCode !== null) throw new Error(`${words.join(' ')} did not start: ${said}`)
  return child
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.stdin!.end()
  await closed
}

const bytesOf = ({ sum }: Seen): Bytes =>
  Object.fromEntries(
    sum.backends.map(({ backend, connection }) => [
      backend.address,
      [connection.sentBytes, connection.receivedBytes] as const,
    ]),
  )

const openIn = (frame: SecondFrame): (readonly [string, string | null, number | null])[] =>
  ofFrame(frame)
    .backends.map((sum) => [sum.backend.address, protocolOf(sum), openOf(sum)] as const)
    .sort()
