/** Connect, header and total time equal nginx's variables, for each request: docs/NUMBERS.md, "Three times". */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertReconciles } from './lab/compare.ts'
import { Cable, makeNamespace, NamespaceAgent, range, removeNamespace } from './lab/network.ts'
import { canRunRealtime, startLabNginx, type Attempt } from './lab/nginx.ts'
import type { GrpcCall, Rules, Step } from './lab/protocol.ts'
import { lacking } from './lab/system.ts'
import { certificates } from './lab/certificates.ts'
import { lackingTls } from './lab/tls-lab.ts'
import { relay } from './lab/impairments.ts'
import { uncaptured } from './lab/beside.ts'
import { watch, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const PORT = 8200
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** In ms. nginx rounds to 1 ms and updates its clock once per event loop. */
const tolerance = (seconds: number): number => 1 + 0.02 * seconds * 1000
const WITHIN = 0.99

const streamed: Step[] = [
  { pause: 10 },
  { send: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n' },
  { pause: 30 },
  { send: 'abc' },
  { pause: 30 },
  { send: 'def' },
]
const splitHead: Step[] = [
  { send: 'HTTP/1.1 200 OK\r\nContent-' },
  { pause: 25 },
  { send: 'Length: 2\r\n\r\n' },
  { pause: 10 },
  { send: 'ok' },
]
const chunked: Step[] = [
  { send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' },
  { pause: 20 },
  { send: '2\r\nok\r\n0\r\n\r\n' },
]
/** Each path is requested once, so that a row is one request. */
const KINDS: Readonly<Record<string, readonly Step[]>> = {
  quick: [{ send: ok('quick') }],
  slow: [{ pause: 80 }, { send: ok('slow') }],
  streamed,
  split: splitHead,
  chunked,
  large: [{ pause: 5 }, { send: ok('x'.repeat(300_000)) }],
}

/** Each method is called once, as each path. No large answers: `grpc_pass` does not buffer, and reads as slowly as its client. */
const GRPC_KINDS: readonly Omit<GrpcCall, 'path'>[] = [
  { kind: 'unary', bytes: 20, answer: { bytes: 200 } },
  { kind: 'unary', answer: { waitMs: 60, status: 14 } },
  { kind: 'unary', bytes: 100_000, answer: { bytes: 3000 } },
  { kind: 'server', answer: { messages: 4, bytes: 100, waitMs: 15 } },
  { kind: 'client', messages: 3, bytes: 100, everyMs: 15 },
]

const notRealtime =
  'needs the right to run nginx at a real-time priority: otherwise its clock depends on the scheduler'

describe('times', { skip: lacking() || (canRunRealtime() ? false : notRealtime) }, () => {
  let cable: Cable
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  test('header and total time equal nginx’s: keepalive or new connection, streamed, split, uploaded', async (t) => {
    const paths = range(1, 60).flatMap((n) => Object.keys(KINDS).map((kind) => `/${kind}/${n}`))
    const rules: Rules = Object.fromEntries(
      paths.flatMap((path) => {
        const rule = { steps: KINDS[path.split('/')[1]!]! }
        return [
          [path, rule],
          [`/fresh${path}`, rule],
          [`/up${path}`, rule],
        ]
      }),
    )
    await cable.far.call('listen', { address: FAR, port: PORT, rules })
    const configuration = `upstream kept { server ${FAR}:${PORT}; keepalive 16; }
       server { listen 127.0.0.1:8080; proxy_buffering off;
         location / { proxy_pass http://kept; }
         location /fresh/ { proxy_set_header Connection close; proxy_pass http://${FAR}:${PORT}; } }`
    const body = 'b'.repeat(200_000)
    const upload = (path: string): string =>
      `POST /up${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const requests = [
      ...paths.map(get),
      ...paths.map((path) => get(`/fresh${path}`)),
      ...paths.filter((path) => path.endsWith('0')).map(upload),
    ]
    await repeatUntilQuiet(t, async () => {
      const { seen, attempts } = await ask(cable.proxy, configuration, requests, 6)
      assert.equal(attempts.length, requests.length)
      assertReconciles(seen)
      assertClose(t, seen, attempts, 'header')
      assertClose(t, seen, attempts, 'total')
    })
  })

  test('a head delayed by a delayed ACK has the same time as in nginx’s log', async (t) => {
    // Two writes under Nagle's algorithm: the second is sent when the proxy has acknowledged the first, 40 ms later.
    const steps: Step[] = [{ send: 'HTTP/1.1 200 OK\r\nContent-' }, { send: 'Length: 2\r\n\r\nok' }]
    const port = PORT + 1
    await cable.far.call('listen', { address: FAR, port, nagle: true, rules: { '*': { steps } } })
    const configuration = `upstream kept { server ${FAR}:${port}; keepalive 16; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://kept; } }`
    const requests = range(1, 200).map((n) => get(`/late/${n}x`))
    await repeatUntilQuiet(t, async () => {
      const { seen, attempts } = await ask(cable.proxy, configuration, requests, 4)
      const late = attempts.filter(({ header }) => (header ?? 0) >= 0.03).length
      assert.ok(late > 20, `${late} of ${attempts.length} waited for an ACK`)
      assertReconciles(seen)
      assertClose(t, seen, attempts, 'header')
      assertClose(t, seen, attempts, 'total')
    })
  })

  test('header and total time of gRPC equal nginx’s: unary calls, streams, a status alone', async (t) => {
    const port = PORT + 2
    const calls = range(1, 60).flatMap((n) =>
      GRPC_KINDS.map((of, i) => ({ ...of, path: `/lab.Times/${of.kind}${i}x${n}` })),
    )
    const methods = Object.fromEntries(calls.map(({ path, kind }) => [path, kind]))
    await cable.far.call('grpcListen', { address: FAR, port, methods })
    const configuration = `upstream kept { server ${FAR}:${port}; keepalive 16; }
       server { listen 127.0.0.1:8080 http2; location / { grpc_pass grpc://kept; } }`
    await repeatUntilQuiet(t, async () => {
      const load = (): Promise<unknown> =>
        cable.proxy.call('askGrpc', { address: '127.0.0.1', port: 8080, calls, connections: 6 })
      const { seen, attempts } = await recorded(cable.proxy, configuration, load)
      assert.equal(attempts.length, calls.length)
      assertReconciles(seen)
      assertClose(t, seen, attempts, 'header')
      assertClose(t, seen, attempts, 'total')
    })
  })

  const noTls = lackingTls() || uncaptured('what lies within TLS')
  test('within TLS, too, and connect has the handshake', { skip: noTls }, async (t) => {
    const port = PORT + 3
    const kinds = Object.keys(KINDS)
    const paths = range(1, 30).flatMap((n) => kinds.map((kind) => `/${kind}/${n}`))
    const rules: Rules = Object.fromEntries(
      paths.flatMap((path) => {
        const rule = { steps: KINDS[path.split('/')[1]!]! }
        return [
          [path, rule],
          [`/fresh${path}`, rule],
        ]
      }),
    )
    await cable.far.call('listen', { address: FAR, port, rules, tls: { certificates: certificates() } })
    const configuration = `proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_ssl_session_reuse off;
       upstream kept { server ${FAR}:${port}; keepalive 16; }
       server { listen 127.0.0.1:8080; proxy_buffering off;
         location / { proxy_pass https://kept; }
         location /fresh/ { proxy_set_header Connection close; proxy_pass https://${FAR}:${port}; } }`
    const requests = [...paths, ...paths.map((path) => `/fresh${path}`)].map(get)
    await repeatUntilQuiet(t, async () => {
      const load = (): Promise<unknown> =>
        cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, connections: 4 })
      const { seen, attempts } = await recorded(cable.proxy, configuration, load, ['--tls'])
      assert.equal(attempts.length, requests.length)
      assertReconciles(seen)
      assertClose(t, seen, attempts, 'header')
      assertClose(t, seen, attempts, 'total')
      const { connect } = seen.sum.totals.connection
      const theirs = attempts.reduce((sum, { connect }) => sum + (connect ?? 0) * 1000, 0)
      t.diagnostic(`connect: ${connect.count}, ${connect.sum / 1000} ms, nginx ${theirs} ms`)
      if (Math.abs(connect.sum / 1000 - theirs) > connect.count + 0.02 * theirs)
        throw new TimesDiffer(`connect: ${connect.sum / 1000} ms, nginx ${theirs} ms`)
    })
  })

  test('connect time equals nginx’s, and all times start at the SYN', async (t) => {
    await repeatUntilQuiet(t, () => connectTimes(t))
  })
})

async function connectTimes(t: TestContext): Promise<void> {
  const near = await makeNamespace('near')
  const far = await makeNamespace('away')
  const delayed = await relay(
    [near, 'l3', '10.78.0.1/24'],
    [far, 'l3', '10.78.0.2/24'],
    ['delay=15', 'delay=15'],
  )
  const [proxy, backend] = [await NamespaceAgent.open(near), await NamespaceAgent.open(far)]
  await backend.call('listen', { address: '10.78.0.2', port: PORT })
  const nginx = await startLabNginx(
    near,
    `server { listen 127.0.0.1:8080; location / { proxy_set_header Connection close; proxy_pass http://10.78.0.2:${PORT}; } }`,
    true,
  )
  const requests = range(1, 40).map((n) => get(`/c${n}x`))
  const seen = await watch(near, () => proxy.call('ask', { address: '127.0.0.1', port: 8080, requests }), [
    '--routes-as',
    'raw',
  ])
  const attempts = nginx.attempts()
  await nginx.stop()
  await Promise.all([proxy.close(), backend.close()])
  await delayed.stop()
  await Promise.all([removeNamespace(near), removeNamespace(far)])
  assertClose(t, seen, attempts, 'header')
  assertClose(t, seen, attempts, 'total')
  const { connect } = seen.sum.totals.connection
  const theirs = attempts.reduce((sum, { connect }) => sum + (connect ?? 0) * 1000, 0)
  assert.equal(connect.count, 40)
  assert.ok(theirs > 40 * 25, `nginx measured ${theirs} ms`)
  assert.ok(
    Math.abs(connect.sum / 1000 - theirs) <= 40 + 0.02 * theirs,
    `${connect.sum / 1000} ms, nginx ${theirs} ms`,
  )
}

/** Records the requests through a new nginx; returns the recording and nginx's attempts. */
async function ask(
  proxy: NamespaceAgent,
  configuration: string,
  requests: readonly string[],
  connections: number,
): Promise<{ readonly seen: Seen; readonly attempts: readonly Attempt[] }> {
  const load = (): Promise<unknown> =>
    proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, connections })
  return recorded(proxy, configuration, load)
}

async function recorded(
  proxy: NamespaceAgent,
  configuration: string,
  load: () => Promise<unknown>,
  args: readonly string[] = [],
): Promise<{ readonly seen: Seen; readonly attempts: readonly Attempt[] }> {
  const nginx = await startLabNginx(proxy.namespace, configuration, true)
  const seen = await watch(proxy.namespace, load, ['--routes-as', 'raw', ...args])
  const attempts = nginx.attempts()
  await nginx.stop()
  return { seen, attempts }
}

/** Too many times differ from nginx's. */
class TimesDiffer extends Error {}

/** Seconds before a round is repeated. */
const PAUSES = [1, 3, 10, 20, 30]

/**
 * A virtual machine sometimes pauses for some milliseconds, and nginx's clock with it while packets go on. Such a round is
 * repeated, after longer and longer pauses, because it may last half a minute. Wrong times of ours are wrong in every round,
 * and counts must be right in each round.
 */
async function repeatUntilQuiet(t: TestContext, round: () => Promise<void>): Promise<void> {
  for (const pause of [...PAUSES, null]) {
    try {
      await round()
      return
    } catch (error) {
      if (pause === null || !(error instanceof TimesDiffer)) throw error
      t.diagnostic(`once more in ${pause} s: ${error.message.split('\n')[0]!}`)
      await sleep(pause * 1000)
    }
  }
}

function assertClose(
  t: TestContext,
  seen: Seen,
  attempts: readonly Attempt[],
  which: 'header' | 'total',
): void {
  const ours = new Map(
    seen.sum.backends.flatMap(({ routes }) =>
      routes.map((row) => [`${row.route.method} ${row.route.path}`, row[which]]),
    ),
  )
  const differing: string[] = []
  const differences: number[] = []
  for (const attempt of attempts) {
    const key = `${attempt.method} ${attempt.target}`
    const time = ours.get(key)
    const theirs = attempt[which]
    const difference = time?.count === 1 && theirs !== null ? time.sum / 1000 - theirs * 1000 : NaN
    differences.push(Math.abs(difference))
    if (!(Math.abs(difference) <= tolerance(theirs ?? 0)))
      differing.push(
        `${key}: ${time?.count === 1 ? `${time.sum / 1000} ms` : `count ${time?.count ?? 'none'}`}, nginx ${theirs === null ? '-' : theirs * 1000} ms`,
      )
  }
  const p99 = differences.sort((a, b) => a - b)[Math.floor(differences.length * WITHIN)] ?? NaN
  t.diagnostic(
    `${which}: ${differing.length} of ${attempts.length} differ; 99 % differ by ${p99.toFixed(2)} ms or less (nginx rounds to 1 ms)`,
  )
  if (differing.length <= Math.floor(attempts.length * (1 - WITHIN))) return
  throw new TimesDiffer(
    `${which}: ${differing.length} of ${attempts.length} differ:\n${differing.slice(0, 20).join('\n')}`,
  )
}
