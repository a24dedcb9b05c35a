/** Retransmitted, lost, duplicated and reordered segments never change a count. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertReconciles, failuresOf, requestsOf, rowsOf } from './lab/compare.ts'
import { Cable, makeNamespace, NamespaceAgent, range, removeNamespace } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import type { GrpcCall, Step, Truth } from './lab/protocol.ts'
import { lacking, sh, unlessLong } from './lab/system.ts'
import { dropEvery, dropNothing, relay } from './lab/impairments.ts'
import { watch, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (path: string, bytes: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${'HTTP/1.1 500 x\r\n'.repeat(bytes).slice(0, bytes)}`
const long = `HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n${'GET / HTTP/1.1\r\n'.repeat(2000).slice(0, 20_000)}`
const RULES = {
  '/long': { steps: [{ send: long }] },
  '/split': {
    steps: [
      { send: 'HTTP/1.1 50' },
      { pause: 2 },
      { send: '3 No\r\nContent-' },
      { pause: 2 },
      { send: 'Length: 0\r\n\r\n' },
    ],
  },
}
const REQUESTS = [get('/short'), get('/long'), get('/split'), post('/up', 6000)]
const splitRequests = range(1, 30).flatMap((n): Step[] => [
  { send: 'GET /spl' },
  { pause: 1 },
  { send: 'it HTTP/1.1\r\nHost: x\r\n' },
  { pause: 1 },
  { send: '\r\n' },
  { answers: n },
])

describe('loss', { skip: lacking('tc', 'clang', 'gcc') }, () => {
  let cable: Cable
  let port = 8300
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  for (const [hook, what] of [
    ['ingress', 'requests'],
    ['egress', 'answers'],
  ] as const) {
    test(`lost ${what} are retransmitted and counted once`, async () => {
      port++
      await cable.far.call('listen', { address: FAR, port, rules: RULES })
      await dropEvery(cable.far.namespace, 'peer', hook, 10, port)
      const seen = await watch(cable.proxy.namespace, async () => {
        await cable.proxy.call('ask', { address: FAR, port, requests: REQUESTS, times: 50, connections: 20 })
        await cable.proxy.call(
          'talkMany',
          range(1, 10).map(() => ({ address: FAR, port, steps: splitRequests })),
        )
      })
      await dropNothing(cable.far.namespace, 'peer')
      assertSame(seen, await cable.far.call('ledger'), port)
      const { totals } = seen.sum
      if (hook === 'ingress')
        assert.ok(totals.retransmits + totals.connection.retransmits > 0, 'retransmits are counted')
    })
  }

  test('the time of a request starts at its first transmission', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    await dropEvery(cable.far.namespace, 'peer', 'ingress', 5, port)
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests: [get('/again')], times: 50, connections: 5 }),
    )
    await dropNothing(cable.far.namespace, 'peer')
    // A lost segment is retransmitted after at least 200 ms (TCP_RTO_MIN).
    assert.ok((seen.sum.totals.header.max ?? 0) > 190_000, `slowest ${seen.sum.totals.header.max ?? 0} µs`)
    assert.ok(seen.sum.totals.retransmits >= 9)
    assertSame(seen, await cable.far.call('ledger'), port)
  })

  for (const rule of ['dup=7', 'swap=5', 'drop=11', 'drop=13,dup=7,swap=5']) {
    test(
      `counts are exact on a layer 3 device with ${rule}`,
      { skip: !rule.includes(',') && unlessLong },
      async () => {
        port++
        const [near, far] = [await makeNamespace('l3p'), await makeNamespace('l3f')]
        const cable3 = await relay([near, 'l3', '10.79.0.1/24'], [far, 'l3', '10.79.0.2/24'], [rule, rule])
        const [proxy, backend] = [await NamespaceAgent.open(near), await NamespaceAgent.open(far)]
        await backend.call('listen', { address: '10.79.0.2', port, rules: RULES })
        const seen = await watch(near, async () => {
          await proxy.call('ask', {
            address: '10.79.0.2',
            port,
            requests: REQUESTS,
            times: 40,
            connections: 10,
          })
          await proxy.call(
            'talkMany',
            range(1, 5).map(() => ({ address: '10.79.0.2', port, steps: splitRequests })),
          )
        })
        const ledger = await backend.call('ledger')
        await Promise.all([proxy.close(), backend.close()])
        const counts = await cable3.stop()
        await Promise.all([removeNamespace(near), removeNamespace(far)])
        assert.ok(counts.ab.doubled + counts.ab.swapped + counts.ab.dropped > 20, JSON.stringify(counts))
        assertSame(seen, ledger, port)
      },
    )
  }

  for (const [rule, mtu] of [
    ['drop=20', 1500],
    ['drop=20,dup=17,swap=9', 600],
  ] as const) {
    test(`gRPC behind nginx with ${rule} and an MTU of ${mtu}`, async () => {
      port++
      const [near, far] = [await makeNamespace('l3p'), await makeNamespace('l3f')]
      const cable3 = await relay([near, 'l3', '10.79.0.1/24'], [far, 'l3', '10.79.0.2/24'], [rule, rule])
      for (const namespace of [near, far])
        await sh('ip', '-n', namespace, 'link', 'set', 'l3', 'mtu', String(mtu))
      const [proxy, backend] = [await NamespaceAgent.open(near), await NamespaceAgent.open(far)]
      await backend.call('grpcListen', { address: '10.79.0.2', port, methods: METHODS })
      const nginx = await startLabNginx(
        near,
        `upstream kept { server 10.79.0.2:${port}; keepalive 16; }
         server { listen 127.0.0.1:8080 http2; location / { grpc_pass grpc://kept; } }`,
      )
      const seen = await watch(near, () =>
        proxy.call('askGrpc', { address: '127.0.0.1', port: 8080, calls: CALLS, times: 80, connections: 10 }),
      )
      const ledger = await backend.call('ledger')
      await nginx.stop()
      await Promise.all([proxy.close(), backend.close()])
      const counts = await cable3.stop()
      await Promise.all([removeNamespace(near), removeNamespace(far)])
      assert.ok(counts.ab.dropped + counts.ba.dropped > 20, JSON.stringify(counts))
      assertSameGrpc(seen, ledger, port)
    })
  }

  test('packets of a layer 3 device are not parsed for an Ethernet header', async () => {
    port++
    const [near, far] = [await makeNamespace('l3p'), await makeNamespace('l3f')]
    const cable3 = await relay([near, 'l3', 'fd79::1/64'], [far, 'l3', 'fd79::2/64'])
    const [proxy, backend] = [await NamespaceAgent.open(near), await NamespaceAgent.open(far)]
    await backend.call('listen', { address: 'fd79::2', port, rules: RULES })
    const seen = await watch(near, () =>
      proxy.call('ask', { address: 'fd79::2', port, requests: REQUESTS, times: 50, connections: 5 }),
    )
    const ledger = await backend.call('ledger')
    await Promise.all([proxy.close(), backend.close()])
    await cable3.stop()
    await Promise.all([removeNamespace(near), removeNamespace(far)])
    assertSame(seen, ledger, port)
  })
})

/** Unary calls, streams, each status. A call whose last frame waits for a lost segment may have an unseen status. */
const CALLS: readonly GrpcCall[] = [
  { path: '/lab.Shop/Get', kind: 'unary', bytes: 40, answer: { bytes: 300 } },
  { path: '/lab.Shop/Get', kind: 'unary', answer: { status: 14 } },
  { path: '/lab.Shop/Put', kind: 'unary', bytes: 6000, answer: { bytes: 20_000 } },
  { path: '/lab.Shop/Put', kind: 'unary', answer: { status: 5, headFirst: true } },
  { path: '/lab.Shop/Watch', kind: 'server', answer: { messages: 5, bytes: 900 } },
]
const METHODS = Object.fromEntries(CALLS.map(({ path, kind }) => [path, kind]))

/** As `assertSame`; and of gRPC's statuses none is there that the server did not send, and no more are missing than is declared. */
function assertSameGrpc(seen: Seen, ledger: Truth, port: number): void {
  assertSame(seen, ledger, port)
  const { ambiguous, unmatchedResponses } = seen.final.loss
  let missing = 0
  for (const [row, { grpc = {} }] of Object.entries(ledger)) {
    const ours = rowsOf(seen)[row]?.grpc ?? {}
    for (const status of Object.keys(ours)) assert.ok(grpc[status], `${row} never ended with ${status}`)
    for (const [status, count] of Object.entries(grpc)) {
      assert.ok(
        (ours[status] ?? 0) <= count,
        `${row} ended with ${status} ${count} times, not ${ours[status]}`,
      )
      missing += count - (ours[status] ?? 0)
    }
  }
  const declared = ambiguous + unmatchedResponses + (seen.sum.totals.unseen ?? 0)
  assert.ok(missing <= declared, `${missing} statuses are missing, declared ${declared}`)
}

/**
 * Requests always equal the ledger. Answers do too, except those that the recording itself counts as unreadable (a head in a
 * segment that arrived before an earlier one). No answer is counted that was not sent.
 */
function assertSame(seen: Seen, ledger: Truth, port: number): void {
  const truth = Object.fromEntries(Object.entries(ledger).filter(([row]) => row.includes(`:${port} `)))
  const rows = rowsOf(seen)
  const note = `loss ${JSON.stringify(seen.final.loss)} control ${JSON.stringify(seen.final.control)}`
  assert.deepEqual(requestsOf(rows), requestsOf(truth), note)
  let missing = 0
  for (const [row, { codes }] of Object.entries(truth))
    for (const [code, count] of Object.entries(codes)) {
      const lost = count - (rows[row]?.codes[code] ?? 0)
      assert.ok(lost >= 0, `${row}: ${-lost} too many of ${code}; ${note}`)
      missing += lost
    }
  for (const [row, { codes }] of Object.entries(rows))
    for (const code of Object.keys(codes))
      assert.ok(truth[row]?.codes[code], `${row} never said ${code}; ${note}`)
  const { ambiguous, unmatchedResponses } = seen.final.loss
  const unseen = seen.sum.totals.unseen ?? 0
  assert.ok(missing <= ambiguous + unmatchedResponses + unseen, `${missing} answers are missing; ${note}`)
  assert.equal(seen.final.loss.holes, 0, `a hole that TCP fills is none; ${note}`)
  if (missing === 0) assert.deepEqual(failuresOf(seen), {})
  assertReconciles(seen)
}
