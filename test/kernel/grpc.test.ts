/** gRPC behind `grpc_pass` to a server of @grpc/grpc-js: each exchange equals nginx's log and the server's ledger. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertEqualsTruth,
  assertNothingLost,
  assertReconciles,
  failuresOf,
  requestsOf,
  rowsOf,
} from './lab/compare.ts'
import { GRPC_LOG_FORMAT, GRPC_LOGS, grpcTruthOf } from './lab/grpc-log.ts'
import { Cable, NamespaceAgent, range } from './lab/network.ts'
import { LabNginxes, type Attempt, type LabNginx } from './lab/nginx.ts'
import type { GrpcCall, GrpcKind, GrpcResult, Truth, TruthRow } from './lab/protocol.ts'
import { lacking, LONG } from './lab/system.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const LISTENER = { address: '127.0.0.1', port: 8080 }
const KINDS: readonly GrpcKind[] = ['unary', 'client', 'server', 'bidi']
const STATUSES = range(0, 16)
const METHODS: Readonly<Record<string, GrpcKind>> = Object.fromEntries([
  ...KINDS.map((kind) => [`/lab.Shop/${kind}`, kind] as const),
  ...STATUSES.map((status) => [`/lab.Status/Unary${status}`, 'unary'] as const),
  ...STATUSES.map((status) => [`/lab.Status/Stream${status}`, 'server'] as const),
])
const MB = 1 << 20

const shop = (kind: GrpcKind, call: Partial<GrpcCall> = {}): GrpcCall => ({
  path: `/lab.Shop/${kind}`,
  kind,
  ...call,
})
const ended = (results: readonly GrpcResult[]): readonly number[] => results.map(({ status }) => status)

/** Every kind of answer: trailers-only, the head and then a status alone, behind a message, behind several. */
const EVERY_STATUS = STATUSES.flatMap((status): GrpcCall[] => [
  { path: `/lab.Status/Unary${status}`, kind: 'unary', answer: { status } },
  { path: `/lab.Status/Unary${status}`, kind: 'unary', answer: { status, headFirst: true } },
  { path: `/lab.Status/Stream${status}`, kind: 'server', answer: { status, messages: 3, bytes: 20 } },
])
const EVERY_KIND: readonly GrpcCall[] = [
  shop('unary', { bytes: 12, answer: { bytes: 300 } }),
  shop('unary'),
  shop('unary', { answer: { waitMs: 5 } }),
  shop('client', { messages: 5, bytes: 100, answer: { bytes: 8 } }),
  shop('client', { messages: 0 }),
  shop('client', { messages: 3, everyMs: 3 }),
  shop('server', { answer: { messages: 8, bytes: 200 } }),
  shop('server', { answer: { messages: 0 } }),
  shop('server', { answer: { messages: 4, bytes: 2000, waitMs: 3 } }),
  shop('bidi', { messages: 6, bytes: 64 }),
  shop('bidi', { messages: 3, everyMs: 3, answer: { status: 10 } }),
]

describe('gRPC', { skip: lacking() }, () => {
  let cable: Cable
  let port = 9500
  const nginxes = new LabNginxes()
  before(async () => (cable = await Cable.create({ inOrder: true })))
  after(() => cable.remove())

  /** Records what `during` does at an nginx in front of a new gRPC server. */
  async function record(
    during: (helper: Helper, nginx: LabNginx) => Promise<unknown>,
    locations = '',
    keepalive = 'keepalive 16;',
  ): Promise<{ readonly seen: Seen; readonly logged: Truth; readonly served: Truth }> {
    port++
    await cable.far.call('grpcListen', { address: FAR, port, methods: METHODS })
    const nginx = await nginxes.start(cable.proxy.namespace, configuration(port, locations, keepalive))
    const seen = await watch(cable.proxy.namespace, (helper) => during(helper, nginx))
    const logged = grpcTruthOf(nginx)
    await nginxes.stop(nginx)
    return { seen, logged, served: ofPort(await cable.far.call('ledger'), port) }
  }

  const ask = (calls: readonly GrpcCall[], times = 1, connections = 4): Promise<readonly GrpcResult[]> =>
    cable.proxy.call('askGrpc', { ...LISTENER, calls, times, connections })

  test('each kind of call and each status equal nginx’s log and the server’s ledger', async () => {
    const calls = [...EVERY_KIND, ...EVERY_STATUS]
    const times = Math.ceil((LONG ? 100_000 : 2000) / calls.length)
    let results: readonly GrpcResult[] = []
    const { seen, logged, served } = await record(async () => (results = await ask(calls, times, 8)))
    assert.deepEqual(sorted(logged), sorted(served))
    assert.deepEqual(
      ended(results),
      range(1, times).flatMap(() => calls.map(({ answer }) => answer?.status ?? 0)),
    )
    assertEqualsTruth(seen, served)
  })

  test('messages from 0 bytes to 4 MB, in both directions', async () => {
    const sizes = [0, 1, 4, 5, 1000, 16_379, 16_384, 65_535, 65_536, 300_000, MB, 4 * MB]
    const calls = sizes.flatMap((bytes) => [
      shop('unary', { bytes, answer: { bytes } }),
      shop('server', { answer: { messages: 2, bytes } }),
      shop('client', { messages: 2, bytes }),
      shop('bidi', { messages: 2, bytes }),
    ])
    let results: readonly GrpcResult[] = []
    const { seen, logged, served } = await record(async () => (results = await ask(calls)))
    assert.deepEqual(
      results.map(({ messages, bytes }) => [messages, bytes]),
      sizes.flatMap((bytes) => [
        [1, bytes],
        [2, 2 * bytes],
        [1, 0],
        [2, 2 * bytes],
      ]),
    )
    assert.deepEqual(sorted(logged), sorted(served))
    assertEqualsTruth(seen, served)
    assert.ok((seen.sum.totals.receivedBytes ?? 0) > 5 * 5 * MB)
    assert.ok((seen.sum.totals.sentBytes ?? 0) > 5 * 5 * MB)
  })

  test('bytes are nginx’s, with the preface of a connection’s first request and all frames in between', async () => {
    let attempts: readonly Attempt[] = []
    const { seen } = await record(async (_, nginx) => {
      await ask(
        [...EVERY_KIND, ...EVERY_STATUS, shop('unary', { bytes: 200_000, answer: { bytes: 400_000 } })],
        5,
      )
      await nginx.logged(5 * (EVERY_KIND.length + EVERY_STATUS.length + 1))
      attempts = nginx.attempts()
    })
    const theirs: Record<string, [sent: number, received: number]> = {}
    for (const { target, sent, received } of attempts) {
      const sums = (theirs[target] ??= [0, 0])
      sums[0] += sent ?? 0
      sums[1] += received ?? 0
    }
    const ours = seen.sum.backends.flatMap(({ routes }) =>
      routes.map(({ route, sentBytes, receivedBytes }) => [route.path, [sentBytes, receivedBytes]] as const),
    )
    assert.deepEqual(Object.fromEntries(ours), theirs)
  })

  test('a deadline that the server keeps is an answer, DEADLINE_EXCEEDED', async () => {
    const timed = `location = /lab.Shop/unary { grpc_set_header grpc-timeout 80m; grpc_pass grpc://kept; }`
    const calls = [shop('unary', { answer: { waitMs: 3000 } })]
    let results: readonly GrpcResult[] = []
    const { seen, logged } = await record(async () => (results = await ask(calls, 8)), timed)
    assert.deepEqual(
      ended(results),
      Array.from({ length: 8 }, () => 4),
    )
    assert.deepEqual(logged, {
      [`${FAR}:${port} POST /lab.Shop/unary`]: { requests: 8, codes: { 200: 8 }, grpc: { 4: 8 } },
    })
    assertEqualsTruth(seen, logged)
  })

  test('where the client’s deadline ends a call, nginx has given up: aborted, without a status', async () => {
    const untold = `location = /lab.Shop/unary { grpc_set_header grpc-timeout ""; grpc_pass grpc://kept; }`
    const calls = [shop('unary', { deadlineMs: 150, answer: { waitMs: 1500 } })]
    let results: readonly GrpcResult[] = []
    const { seen, served } = await record(async () => {
      results = await ask(calls, 8)
      await sleep(300)
    }, untold)
    const row = `${FAR}:${port} POST /lab.Shop/unary`
    assert.deepEqual(
      ended(results),
      Array.from({ length: 8 }, () => 4),
    )
    assert.deepEqual(requestsOf(served), { [row]: 8 })
    assert.deepEqual(rowsOf(seen), { [row]: { requests: 8, codes: {}, grpc: { none: 8 } } })
    assert.deepEqual(failuresOf(seen), { [row]: { aborted: 8 } })
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('a stream that the client cancels is answered, and its body cut, without a status', async () => {
    const calls = [
      shop('server', { cancelAfter: 2, answer: { messages: 1000, bytes: 100, waitMs: 20 } }),
      shop('bidi', { cancelAfter: 2, messages: 1000, bytes: 10, everyMs: 20 }),
    ]
    let results: readonly GrpcResult[] = []
    const { seen, logged } = await record(async () => {
      results = await ask(calls, 5)
      await sleep(300)
    })
    assert.deepEqual(new Set(ended(results)), new Set([1]))
    const rowOf = (kind: GrpcKind): TruthRow | undefined => logged[`${FAR}:${port} POST /lab.Shop/${kind}`]
    assert.deepEqual(rowOf('server'), { requests: 5, codes: { 200: 5 }, grpc: { none: 5 } })
    // Of a call whose requests are not over nginx sometimes ends them first, and has the server's last word; or that arrives, and
    // nginx does not read it any more.
    const row = `${FAR}:${port} POST /lab.Shop/bidi`
    const { requests, codes, grpc = {} } = rowsOf(seen)[row]!
    const { none = 0, ...others } = grpc
    assert.deepEqual([requests, codes, none + (others[0] ?? 0)], [5, { 200: 5 }, 5])
    assert.ok(none > 0 && none <= (rowOf('bidi')?.grpc?.none ?? 0))
    assert.deepEqual({ ...rowsOf(seen), [row]: rowOf('bidi') }, logged)
    assertNothingLost(seen)
    assertReconciles(seen)
    assert.equal(seen.sum.totals.bodyReset, 5 + none)
  })

  test('nginx gives up before the head: aborted; behind it: a cut body', async () => {
    const impatient = `location = /lab.Shop/unary { grpc_read_timeout 150ms; grpc_pass grpc://kept; }
      location = /lab.Shop/server { grpc_read_timeout 150ms; grpc_pass grpc://kept; }`
    const calls = [
      shop('unary', { answer: { waitMs: 1500 } }),
      shop('server', { answer: { messages: 2, bytes: 10, waitMs: 1500 } }),
    ]
    const { seen, logged } = await record(async () => {
      await ask(calls, 4)
      await sleep(200)
    }, impatient)
    const [unary, server] = ['unary', 'server'].map((kind) => `${FAR}:${port} POST /lab.Shop/${kind}`) as [
      string,
      string,
    ]
    assert.deepEqual([logged[unary]?.codes, logged[server]?.codes], [{ 504: 4 }, { 200: 4 }])
    assert.deepEqual(rowsOf(seen), {
      [server]: { requests: 4, codes: { 200: 4 }, grpc: { none: 4 } },
      [unary]: { requests: 4, codes: {}, grpc: { none: 4 } },
    })
    assert.deepEqual(failuresOf(seen), { [unary]: { aborted: 4 } })
    assert.equal(seen.sum.totals.bodyReset, 4)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('connections that nginx renews after each call, and after a few, change no count', async () => {
    const counts: number[] = []
    for (const keepalive of ['', 'keepalive 4; keepalive_requests 3;', 'keepalive 1;']) {
      const { seen, logged, served } = await record(
        () => ask([...EVERY_KIND, ...EVERY_STATUS], 3),
        '',
        keepalive,
      )
      assert.deepEqual(sorted(logged), sorted(served))
      assertEqualsTruth(seen, served)
      counts.push(seen.sum.totals.connection.connects)
    }
    const [never, few, one] = counts as [number, number, number]
    assert.equal(never, 3 * (EVERY_KIND.length + EVERY_STATUS.length))
    assert.ok(few >= never / 3 && few < never && one < never, counts.join())
  })

  test('streams that are open while nginx reloads go on to their end', async () => {
    const calls = [
      shop('server', { answer: { messages: 20, bytes: 50, waitMs: 40 } }),
      shop('bidi', { messages: 20, bytes: 50, everyMs: 40 }),
      shop('unary', { answer: { waitMs: 10 } }),
    ]
    let results: readonly GrpcResult[] = []
    const { seen, logged, served } = await record(async (_, nginx) => {
      const asked = ask(calls, 6, 9)
      for (let times = 0; times < 2; times++) {
        await sleep(250)
        process.kill(nginx.master(), 'SIGHUP')
      }
      results = await asked
      await nginx.logged(18)
    })
    assert.deepEqual(new Set(ended(results)), new Set([0]))
    assert.deepEqual(sorted(logged), sorted(served))
    assertEqualsTruth(seen, served)
  })

  test('a backend that is killed has closed or reset what was unanswered, and cut what was answered', async () => {
    const address = '10.77.0.3'
    const doomed = await NamespaceAgent.open(cable.far.namespace)
    await doomed.call('grpcListen', { address, port: 9499, methods: METHODS })
    const calls = [
      shop('unary', { answer: { waitMs: 60_000 } }),
      shop('server', { answer: { messages: 1000, bytes: 10, waitMs: 50 } }),
    ]
    const nginx = await nginxes.start(
      cable.proxy.namespace,
      configuration(9499, '', 'keepalive 16;', address),
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      const asked = ask(calls, 3, 6)
      await sleep(800)
      await doomed.kill()
      await asked
    })
    await nginxes.stop(nginx)
    const [unary, server] = ['unary', 'server'].map((kind) => `${address}:9499 POST /lab.Shop/${kind}`) as [
      string,
      string,
    ]
    assert.deepEqual(rowsOf(seen), {
      [server]: { requests: 3, codes: { 200: 3 }, grpc: { none: 3 } },
      [unary]: { requests: 3, codes: {}, grpc: { none: 3 } },
    })
    const { closed = 0, reset = 0, ...others } = failuresOf(seen)[unary] ?? {}
    assert.deepEqual([closed + reset, others], [3, {}])
    assert.equal(seen.sum.totals.bodyReset, 3)
    assertNothingLost(seen)
    assertReconciles(seen)
  })
})

const ofPort = (truth: Truth, port: number): Truth =>
  Object.fromEntries(Object.entries(truth).filter(([row]) => row.includes(`:${port} `)))

const sorted = (truth: Truth): Truth =>
  Object.fromEntries(Object.entries(truth).sort(([a], [b]) => (a < b ? -1 : 1)))

const configuration = (port: number, locations: string, keepalive: string, address = FAR): string => `
  ${GRPC_LOG_FORMAT}
  upstream kept { server ${address}:${port}; ${keepalive} }
  server { listen 127.0.0.1:8080 http2; ${GRPC_LOGS} ${locations}
    location / { grpc_pass grpc://kept; } }`
