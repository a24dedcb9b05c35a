/** `grpc_pass grpcs://` with `--tls`: gRPC and other HTTP/2 within TLS equal nginx's log and the server's ledger. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { certificates } from './lab/certificates.ts'
import {
  assertEqualsTruth,
  assertNothingLost,
  assertReconciles,
  failuresOf,
  requestsOf,
  rowsOf,
} from './lab/compare.ts'
import { GRPC_LOG_FORMAT, GRPC_LOGS, grpcTruthOf } from './lab/grpc-log.ts'
import { range } from './lab/network.ts'
import type { GrpcCall, GrpcKind, H2Rule, H2Step, Truth } from './lab/protocol.ts'
import { FAR, lackingTls, READ, TlsLab } from './lab/tls-lab.ts'
import { watch, type Seen } from './lab/watch.ts'

const STATUSES = range(0, 16)
const METHODS: Readonly<Record<string, GrpcKind>> = {
  '/lab.Shop/unary': 'unary',
  '/lab.Shop/client': 'client',
  '/lab.Shop/server': 'server',
  '/lab.Shop/bidi': 'bidi',
  ...Object.fromEntries(STATUSES.map((status) => [`/lab.Status/Of${status}`, 'unary'] as const)),
}
const shop = (kind: GrpcKind, call: Partial<GrpcCall> = {}): GrpcCall => ({
  path: `/lab.Shop/${kind}`,
  kind,
  ...call,
})
const CALLS: readonly GrpcCall[] = [
  shop('unary', { bytes: 12, answer: { bytes: 300 } }),
  shop('unary', { bytes: 300_000, answer: { bytes: 300_000 } }),
  shop('client', { messages: 5, bytes: 1000, everyMs: 2, answer: { bytes: 8 } }),
  shop('server', { answer: { messages: 8, bytes: 2000, waitMs: 2 } }),
  shop('bidi', { messages: 6, bytes: 64, answer: { status: 10 } }),
  ...STATUSES.flatMap((status) => [
    { path: `/lab.Status/Of${status}`, kind: 'unary' as const, answer: { status } },
    { path: `/lab.Status/Of${status}`, kind: 'unary' as const, answer: { status, headFirst: true } },
  ]),
]

const rule = (...steps: readonly H2Step[]): H2Rule => ({ steps })
const END: readonly H2Step[] = [{ data: 3 }, { last: true }]
const H2_RULES: Readonly<Record<string, H2Rule>> = {
  '/': rule({ head: 200 }, ...END),
  '/only-a-head': rule({ head: 204, last: true }),
  '/failed': rule({ head: 500 }, ...END),
  '/large': rule({ head: 200 }, { data: 300_000 }, { last: true }),
  '/trailers': rule({ head: 200 }, { data: 3 }, { trailers: { 'x-check': 'a' } }),
  '/rst': rule({ rst: 2 }),
  '/fin': rule({ end: 'fin' }),
  '/tcp-rst': rule({ end: 'rst' }),
  '/cut': rule({ head: 200 }, { data: 3 }, { pause: 20 }, { end: 'fin' }),
  '/hangs': rule({ pause: 900 }),
}
const H2_FAILURES: Readonly<Record<string, string>> = {
  '/rst': 'reset',
  '/fin': 'closed',
  '/tcp-rst': 'reset',
  '/hangs': 'aborted',
}

describe('gRPC within TLS', { skip: lackingTls() }, () => {
  const lab = new TlsLab(9400)
  let port = 9450

  const ask = (calls: readonly GrpcCall[], times = 1): Promise<unknown> =>
    lab.cable.proxy.call('askGrpc', { address: '127.0.0.1', port: 8070, calls, times, connections: 4 })

  /** Records what `during` does at an nginx in front of a new server. */
  async function record(
    during: () => Promise<unknown>,
    before: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<{ readonly seen: Seen; readonly logged: Truth; readonly served: Truth }> {
    const { namespace } = lab.cable.proxy
    const nginx = await lab.nginxes.start(namespace, configuration(port))
    await before()
    const seen = await watch(namespace, during, READ)
    const logged = grpcTruthOf(nginx)
    await lab.nginxes.stop(nginx)
    const ledger = Object.entries(await lab.cable.far.call('ledger'))
    return { seen, logged, served: Object.fromEntries(ledger.filter(([row]) => row.includes(`:${port} `))) }
  }

  const grpcServer = (): Promise<number> =>
    lab.cable.far.call('grpcListen', {
      address: FAR,
      port: ++port,
      methods: METHODS,
      tls: { certificates: certificates() },
    })

  test('each kind of call and each status equal nginx’s log and the server’s ledger', async () => {
    await grpcServer()
    const { seen, logged, served } = await record(() => ask(CALLS, 6))
    assert.deepEqual(sorted(logged), sorted(served))
    assertEqualsTruth(seen, served)
    const { tlsRequests, grpcRequests, h2Requests } = seen.sum.totals.connection
    const { requests } = seen.sum.totals
    assert.deepEqual([tlsRequests, grpcRequests, h2Requests], [requests, requests, requests])
    assert.equal(seen.sum.excluded.tls, 0)
  })

  test('connections that are older than the recorder are read from their next request on', async () => {
    await grpcServer()
    const calls = CALLS.slice(0, 5)
    const { seen, logged } = await record(
      () => ask(calls, 10),
      () => ask(calls, 5),
    )
    const since = Object.fromEntries(
      Object.entries(logged).map(([row, { requests, grpc = {} }]) => [
        row,
        {
          requests: (requests * 2) / 3,
          codes: { 200: (requests * 2) / 3 },
          grpc: Object.fromEntries(Object.entries(grpc).map(([status, n]) => [status, (n * 2) / 3])),
        },
      ]),
    )
    assertEqualsTruth(seen, since)
    assert.equal(seen.sum.totals.connection.connects, 0)
  })

  test('HTTP/2 that is no gRPC’s, whole and cut', async () => {
    port++
    await lab.cable.far.call('h2Listen', {
      address: FAR,
      port,
      rules: H2_RULES,
      tls: { certificates: certificates() },
    })
    const paths = Object.keys(H2_RULES)
    const { seen, served } = await record(async () => {
      await lab.cable.proxy.call('ask', {
        ...{ address: '127.0.0.1', port: 8080, times: 5, connections: 4 },
        requests: paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`),
      })
      await sleep(200)
    })
    const row = (path: string): string => `${FAR}:${port} GET ${path}`
    assert.deepEqual(requestsOf(rowsOf(seen)), requestsOf(served))
    for (const path of paths)
      assert.deepEqual(
        rowsOf(seen)[row(path)]?.codes,
        path === '/hangs' ? {} : served[row(path)]?.codes,
        path,
      )
    assert.deepEqual(
      failuresOf(seen),
      sorted(
        Object.fromEntries(Object.entries(H2_FAILURES).map(([path, kind]) => [row(path), { [kind]: 5 }])),
      ),
    )
    assert.equal(seen.sum.totals.bodyReset, 5)
    assertNothingLost(seen)
    assertReconciles(seen)
  })
})

const sorted = <Row>(truth: Readonly<Record<string, Row>>): Record<string, Row> =>
  Object.fromEntries(Object.entries(truth).sort(([a], [b]) => (a < b ? -1 : 1)))

const configuration = (port: number): string => `
  ${GRPC_LOG_FORMAT}
  upstream kept { server ${FAR}:${port} max_fails=0; keepalive 16; }
  grpc_ssl_protocols TLSv1.2 TLSv1.3; grpc_buffer_size 64k; grpc_next_upstream off;
  server { listen 127.0.0.1:8070 http2; ${GRPC_LOGS} location / { grpc_pass grpcs://kept; } }
  server { listen 127.0.0.1:8080; ${GRPC_LOGS}
    location / { grpc_pass grpcs://kept; }
    location /hangs { grpc_read_timeout 300ms; grpc_pass grpcs://kept; } }`
