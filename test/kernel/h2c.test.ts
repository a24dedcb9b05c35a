/**
 * Plaintext HTTP/2 backends behind `grpc_pass` that are no gRPC's: whatever they answer, and however they end it, a recording has what
 * nginx has. HTTP/2 of nginx: bpf/kernel/http2/.
 */
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
import { Cable, range } from './lab/network.ts'
import { LabNginxes, type LabNginx } from './lab/nginx.ts'
import type { H2Rule, H2Step, Truth } from './lab/protocol.ts'
import { lacking, LONG } from './lab/system.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const LISTENER = { address: '127.0.0.1', port: 8080 }
const request = (method: string, path: string, body = 0): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${body > 0 ? `Content-Length: ${body}\r\n` : ''}\r\n${'b'.repeat(body)}`
const get = (path: string): string => request('GET', path)
const rule = (...steps: readonly H2Step[]): H2Rule => ({ steps })
const END: readonly H2Step[] = [{ data: 3 }, { last: true }]
/** RFC 9113, section 7, and one that is not there. */
const ERROR_CODES = range(0, 14)

/** Answers that end as they must. */
const WHOLE: Readonly<
  Record<string, { readonly rule: H2Rule; readonly method?: string; readonly code?: number }>
> = {
  '/': { rule: rule({ head: 200 }, ...END) },
  '/only-a-head': { rule: rule({ head: 200, last: true }) },
  '/empty-data': { rule: rule({ head: 200 }, { last: true }) },
  '/length': { rule: rule({ head: 200, fields: { 'content-length': '3' } }, ...END) },
  '/trailers': { rule: rule({ head: 200 }, { data: 3 }, { trailers: { 'x-check': 'a' } }) },
  '/trailers-alone': { rule: rule({ head: 200 }, { trailers: { 'x-check': 'a' } }) },
  '/no-content': { rule: rule({ head: 204 }), code: 204 },
  '/unchanged': { rule: rule({ head: 304 }), code: 304 },
  '/partial': { rule: rule({ head: 206 }, ...END), code: 206 },
  '/missing': { rule: rule({ head: 404 }, ...END), code: 404 },
  '/failed': { rule: rule({ head: 500 }, ...END), code: 500 },
  '/teapot': { rule: rule({ head: 418 }, ...END), code: 418 },
  '/own': { rule: rule({ head: 599 }, ...END), code: 599 },
  '/head': { rule: rule({ head: 200, fields: { 'content-length': '5000' } }), method: 'HEAD' },
  '/slow': {
    rule: rule({ pause: 5 }, { head: 200 }, { pause: 5 }, { data: 100_000 }, { pause: 5 }, { last: true }),
  },
  // 38 kB of header fields, in Huffman's code and raw: CONTINUATION frames.
  '/continued': {
    rule: rule(
      { head: 200, fields: { 'x-a': 'a'.repeat(20_000), 'x-b': '~'.repeat(9000), 'x-c': 'c'.repeat(9000) } },
      ...END,
    ),
  },
  '/posted': { rule: rule({ head: 201 }, ...END), method: 'POST', code: 201 },
  '/put': { rule: rule({ head: 200 }, ...END), method: 'PUT' },
  '/deleted': { rule: rule({ head: 204 }), method: 'DELETE', code: 204 },
}

interface Odd {
  readonly rule: H2Rule
  /** what nginx logs as status; `-`: nothing */
  readonly nginx: number
  readonly outcome: 'reset' | 'closed' | 'aborted' | 'cut'
}
const cut = (...steps: readonly H2Step[]): Odd => ({
  rule: rule({ head: 200 }, { data: 3 }, { pause: 20 }, ...steps),
  nginx: 200,
  outcome: 'cut',
})
/** Answers that do not. */
const ODD: Readonly<Record<string, Odd>> = {
  ...Object.fromEntries(
    ERROR_CODES.flatMap((code): [string, Odd][] => [
      [`/rst-open/e${code}`, { rule: rule({ rst: code }), nginx: 502, outcome: 'reset' }],
      [`/rst-body/e${code}`, cut({ rst: code })],
    ]),
  ),
  '/fin-open': { rule: rule({ end: 'fin' }), nginx: 502, outcome: 'closed' },
  '/fin-body': cut({ end: 'fin' }),
  '/tcp-rst-open': { rule: rule({ end: 'rst' }), nginx: 502, outcome: 'reset' },
  '/tcp-rst-body': cut({ end: 'rst' }),
  // nginx before 1.29 answers 502 to a 103 and closes; the real answer finds nobody.
  '/early-hints': {
    rule: rule({ interim: 103 }, { pause: 60 }, { head: 200 }, ...END),
    nginx: 502,
    outcome: 'aborted',
  },
  '/hangs': { rule: rule({ pause: 900 }), nginx: 504, outcome: 'aborted' },
  '/hangs-in-the-body': cut({ pause: 900 }),
}

describe('h2c', { skip: lacking() }, () => {
  let cable: Cable
  let port = 9700
  const nginxes = new LabNginxes()
  before(async () => (cable = await Cable.create({ inOrder: true })))
  after(() => cable.remove())

  /** Records what `during` does at an nginx in front of a new HTTP/2 backend. */
  async function record(
    rules: Readonly<Record<string, H2Rule>>,
    during: (helper: Helper, nginx: LabNginx) => Promise<unknown>,
    before: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<{
    readonly seen: Seen
    readonly logged: Truth
    readonly served: Truth
    readonly earlier: Truth
  }> {
    port++
    await cable.far.call('h2Listen', { address: FAR, port, rules })
    const nginx = await nginxes.start(cable.proxy.namespace, configuration(port))
    await before()
    const earlier = ofPort(await cable.far.call('ledger'), port)
    const seen = await watch(cable.proxy.namespace, (helper) => during(helper, nginx))
    const logged = grpcTruthOf(nginx)
    await nginxes.stop(nginx)
    return { seen, logged, served: ofPort(await cable.far.call('ledger'), port), earlier }
  }

  const ask = (requests: readonly string[], times = 1, connections = 4): Promise<readonly number[]> =>
    cable.proxy.call('ask', { ...LISTENER, requests, times, connections })

  test('every kind of whole answer equals nginx’s log and the backend’s ledger', async () => {
    const rules = Object.fromEntries(Object.entries(WHOLE).map(([path, of]) => [path, of.rule]))
    const requests = Object.entries(WHOLE).map(([path, { method = 'GET' }]) =>
      request(method, path, ['POST', 'PUT'].includes(method) ? 70_000 : 0),
    )
    const times = Math.ceil((LONG ? 100_000 : 2000) / requests.length)
    let codes: readonly number[] = []
    const { seen, logged, served } = await record(rules, async () => (codes = await ask(requests, times, 8)))
    assert.deepEqual(new Set(codes), new Set(Object.values(WHOLE).map(({ code = 200 }) => code)))
    assert.deepEqual(sorted(logged), sorted(served))
    assertEqualsTruth(seen, served)
    assert.equal(seen.sum.totals.bodyReset, 0)
  })

  test('large answers are whole, also where a busy receiver lets TCP send them again', async () => {
    const large = rule({ head: 200 }, { data: 2_000_000 }, { last: true })
    const { seen, logged, served } = await record({ '/large': large }, () => ask([get('/large')], 60, 6))
    assert.deepEqual(logged, served)
    assert.deepEqual(rowsOf(seen), served)
    assert.deepEqual(failuresOf(seen), {})
    assert.deepEqual([seen.sum.totals.bodyReset, seen.sum.loss.holes], [0, 0])
    assertReconciles(seen)
  })

  test('RST_STREAM with each code, FIN, RST, an interim answer, silence: before the head and behind it', async () => {
    const paths = Object.keys(ODD)
    const rules = Object.fromEntries(Object.entries(ODD).map(([path, of]) => [path, of.rule]))
    const { seen, logged, served } = await record(rules, async () => {
      await ask(paths.map(get), 2)
      await sleep(200)
    })
    const row = (path: string): string => `${FAR}:${port} GET ${path}`
    assert.deepEqual(
      Object.fromEntries(paths.map((path) => [path, logged[row(path)]?.codes])),
      Object.fromEntries(paths.map((path) => [path, { [ODD[path]!.nginx]: 2 }])),
    )
    assert.deepEqual(requestsOf(rowsOf(seen)), requestsOf(served))
    const isCut = (path: string): boolean => ODD[path]!.outcome === 'cut'
    assert.deepEqual(
      Object.fromEntries(paths.map((path) => [path, rowsOf(seen)[row(path)]?.codes])),
      Object.fromEntries(paths.map((path) => [path, isCut(path) ? { 200: 2 } : {}])),
    )
    assert.deepEqual(
      failuresOf(seen),
      sorted(
        Object.fromEntries(
          paths.filter((path) => !isCut(path)).map((path) => [row(path), { [ODD[path]!.outcome]: 2 }]),
        ),
      ),
    )
    const { bodyReset, interim } = seen.sum.totals
    assert.deepEqual({ bodyReset, interim }, { bodyReset: 2 * paths.filter(isCut).length, interim: 2 })
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('GOAWAY: with our stream among the served it ends nothing, below it the request is closed, idle it is nobody’s', async () => {
    const rules = {
      '/served': rule({ goaway: 0 }, { pause: 20 }, { head: 200 }, ...END),
      '/below': rule({ goaway: 0, below: true }),
      '/afterwards': rule({ head: 200 }, ...END, { pause: 10 }, { goaway: 0 }),
      '/idle': rule({ head: 200 }, ...END, { pause: 60 }, { goaway: 2 }),
    }
    // One connection at a time, so that /below is not its connection's first stream, below which there is none.
    const paths = ['/', '/served', '/', '/below', '/', '/afterwards', '/', '/idle']
    const { seen, logged, served } = await record(rules, async () => {
      for (const path of Array.from({ length: 5 }, () => paths).flat()) {
        await ask([get(path)], 1, 1)
        if (path === '/idle' || path === '/afterwards') await sleep(100)
      }
    })
    const row = (path: string): string => `${FAR}:${port} GET ${path}`
    assert.deepEqual(logged[row('/below')], { requests: 5, codes: { 502: 5 } })
    assert.deepEqual(rowsOf(seen), sorted(served))
    assert.deepEqual(served[row('/below')], { requests: 5, codes: {} })
    assert.deepEqual(failuresOf(seen), { [row('/below')]: { closed: 5 } })
    assert.equal(seen.sum.totals.bodyReset, 0)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('an answer before the request has ended is one', async () => {
    const rules = { '/early': { steps: [{ head: 413 }, ...END], early: true } }
    const { seen, served } = await record(rules, () => ask([request('POST', '/early', 300_000)], 20))
    // How many arrive is nginx's: it closes some of its clients' connections, with what they have sent.
    const { requests, codes } = served[`${FAR}:${port} POST /early`]!
    assert.ok(requests > 4)
    assert.deepEqual(codes, { 413: requests })
    assertEqualsTruth(seen, served)
  })

  test('paths are those that nginx sends: short, long, in Huffman’s code and raw, with a query', async () => {
    const paths = [
      '/',
      '/a',
      '/index.html',
      '/api/orders?id=17&x=/',
      '/%7Euser/%20',
      '/~~~~{{{{||||',
      `/${'|'.repeat(100)}`,
      `/${'e'.repeat(126)}`,
      `/${'e'.repeat(127)}`,
      `/deep/${'segment/'.repeat(14)}`,
      '/"quoted"',
      '/a\\b',
      '/caf\u00e9',
      '/users/4711/items/8c3f21aa',
    ]
    const long = [`/${'e'.repeat(128)}`, `/${'long/'.repeat(400)}`, `/${'~'.repeat(3000)}`]
    const { seen } = await record({}, () => ask([...paths, ...long].map(get), 10))
    const pathOf = (row: string): string => row.slice(row.indexOf(' GET ') + 5)
    assert.deepEqual(
      Object.keys(rowsOf(seen)).map(pathOf).sort(),
      [
        ...paths.map((path) =>
          path
            .replace(/\?.*/, '')
            .replace('/4711/items/8c3f21aa', '/:id/items/:id')
            .replace('\u00e9', '\\xE9'),
        ),
        ...long.map((path) => `${path.slice(0, 127)}…`),
      ].sort(),
    )
    assert.equal(seen.sum.totals.requests, 10 * (paths.length + long.length))
    assert.equal(seen.sum.totals.answered, 10 * (paths.length + long.length))
    assert.equal(seen.sum.loss.pathFolded, 10 * long.length)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('connections that are older than the recorder are read from their next request on', async () => {
    const paths = ['/', '/api/orders', '/trailers', '/continued']
    const rules = Object.fromEntries(['/trailers', '/continued'].map((path) => [path, WHOLE[path]!.rule]))
    const { seen, served, earlier } = await record(
      rules,
      () => ask(paths.map(get), 25),
      () => ask(paths.map(get), 10),
    )
    const since = Object.fromEntries(
      Object.entries(served).map(([row, { requests, codes }]) => [
        row,
        {
          requests: requests - earlier[row]!.requests,
          codes: { 200: codes[200]! - earlier[row]!.codes[200]! },
        },
      ]),
    )
    assertEqualsTruth(seen, since)
    assert.equal(seen.sum.totals.connection.connects, 0)
  })

  test('gRPC and other HTTP/2 of one backend are told apart by their content-type', async () => {
    const typed = (type: string): string =>
      `POST /typed HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0`
    const rules = { '/typed': rule({ head: 200 }, { data: 5 }, { trailers: { 'grpc-status': '7' } }) }
    const requests = ['application/grpc', 'application/grpc+proto', 'text/plain', 'application/json'].map(
      typed,
    )
    const { seen, logged } = await record(rules, () => ask(requests, 5))
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} POST /typed`]: { requests: 20, codes: { 200: 20 }, grpc: { 7: 10 } },
    })
    assert.deepEqual(rowsOf(seen), logged)
    const { h2Requests, grpcRequests } = seen.sum.totals.connection
    assert.deepEqual({ h2Requests, grpcRequests }, { h2Requests: 20, grpcRequests: 10 })
  })
})

const ofPort = (truth: Truth, port: number): Truth =>
  Object.fromEntries(Object.entries(truth).filter(([row]) => row.includes(`:${port} `)))

const sorted = <Row>(truth: Readonly<Record<string, Row>>): Record<string, Row> =>
  Object.fromEntries(Object.entries(truth).sort(([a], [b]) => (a < b ? -1 : 1)))

const configuration = (port: number): string => `
  ${GRPC_LOG_FORMAT}
  upstream kept { server ${FAR}:${port} max_fails=0; keepalive 16; }
  server { listen 127.0.0.1:8080; ${GRPC_LOGS} grpc_buffer_size 64k; grpc_next_upstream off;
    large_client_header_buffers 4 16k;
    location / { grpc_pass grpc://kept; }
    location /hangs { grpc_read_timeout 300ms; grpc_pass grpc://kept; } }`
