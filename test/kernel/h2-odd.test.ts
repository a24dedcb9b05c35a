/** HTTP/2 that is unusual, or that nginx refuses, and other clients that speak it nearly as nginx does: bpf/kernel/http2/. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertEqualsTruth, assertNothingLost, assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import { GRPC_LOG_FORMAT, GRPC_LOGS, grpcTruthOf } from './lab/grpc-log.ts'
import { frameOf } from './lab/h2.ts'
import { Cable } from './lab/network.ts'
import { LabNginxes } from './lab/nginx.ts'
import type { H2Rule, H2Step } from './lab/protocol.ts'
import { lacking } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const LISTENER = { address: '127.0.0.1', port: 8080 }
const [DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE] = [0, 1, 2, 3, 4, 6, 7, 8]
const [END_STREAM, END_HEADERS] = [1, 4]
/** `:status` 200, from the static table */
const OK = '88'
const END: readonly H2Step[] = [{ data: 3 }, { last: true }]
const request = (method: string, path: string): string => `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const frames = (...all: Extract<H2Step, { readonly frames: unknown }>['frames']): H2Rule => ({
  steps: [{ frames: all }],
})

describe('unusual HTTP/2', { skip: lacking() }, () => {
  let cable: Cable
  let port = 9800
  const nginxes = new LabNginxes()
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  const listen = (rules: Readonly<Record<string, H2Rule>>, at = port): Promise<number> =>
    cable.far.call('h2Listen', { address: FAR, port: at, rules })

  /** What nginx's clients ask for one after the other, and what nginx logs of it. */
  async function record(requests: readonly string[], times: number, server = '', retry = 'off') {
    const nginx = await nginxes.start(cable.proxy.namespace, configuration(port, server, retry))
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { ...LISTENER, requests, times, connections: 1 }),
    )
    const logged = grpcTruthOf(nginx)
    const received = nginx.log('bytes.log').reduce((sum, line) => sum + Number(line), 0)
    await nginxes.stop(nginx)
    return { seen, logged, received }
  }

  test('methods that have no index are told apart on each path, the path of the static table among them', async () => {
    port++
    await listen({})
    const methods = ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'HEAD']
    const requests = ['/', '/x', '/orders/17'].flatMap((path) =>
      methods.map((method) => request(method, path)),
    )
    const { seen, logged } = await record(requests, 3)
    const truth = Object.entries(logged).map(([row, counts]) => [row.replace('/17', '/:id'), counts] as const)
    assertEqualsTruth(seen, Object.fromEntries(truth))
  })

  test('what is sent again to another backend is a retry, whatever its method', async () => {
    port += 2
    const other = port - 1
    await listen({ '*': { steps: [{ head: 500, last: true }] } })
    await listen({}, other)
    const requests = ['GET', 'PUT', 'DELETE'].flatMap((method) =>
      ['/', '/x'].map((path) => request(method, path)),
    )
    const { seen } = await record(requests, 2, `server ${FAR}:${other} backup;`, 'http_500')
    const again = seen.sum.backends.find(({ backend }) => backend.address === `${FAR}:${other}`)
    assert.deepEqual(
      again?.routes.map(({ requests: n, retries }) => [n, retries]),
      requests.map(() => [2, 2]),
    )
  })

  test('what a segment has behind the end of an answer is counted with it, as nginx does', async () => {
    port++
    const end = [RST_STREAM, 0, '00000000'] as const
    // After node's own SETTINGS, which nginx would count with the answer if they came behind it.
    const steps = [
      { pause: 50 },
      ...frames([HEADERS, END_HEADERS, OK], [DATA, END_STREAM, '6161'], end).steps,
    ]
    await listen({ '/x': { steps } })
    const { seen, received } = await record([request('GET', '/x')], 5)
    assert.equal(seen.sum.totals.receivedBytes, received)
    assert.equal(seen.sum.totals.bodyReset, 0)
    assertReconciles(seen)
  })

  test('frames of a length or a stream that nginx refuses are no answers', async () => {
    port++
    const head = [HEADERS, END_HEADERS | END_STREAM, OK] as const
    const refused: Readonly<Record<string, H2Rule>> = {
      '/large': frames([HEADERS, END_HEADERS | END_STREAM, `${OK}000161ff81fe00${'61'.repeat(16600)}`]),
      '/window': frames([WINDOW_UPDATE, 0, '000001'], head),
      '/reset': frames([RST_STREAM, 0, '0000'], head),
      '/settings': frames([SETTINGS, 0, ''], head),
      '/ping': frames([PING, 0, '0000000000000000'], head),
      '/goaway': frames([GOAWAY, 0, '7fffffff00000000'], head),
    }
    const accepted = { '/priority': frames([PRIORITY, 0, '0000000000'], head) }
    await listen({ ...refused, ...accepted })
    const paths = Object.keys({ ...refused, ...accepted })
    const { seen, logged } = await record(
      paths.map((path) => request('GET', path)),
      2,
    )
    const row = (path: string): string => `${FAR}:${port} GET ${path}`
    for (const path of Object.keys(refused)) assert.deepEqual(logged[row(path)]?.codes, { 502: 2 })
    assert.deepEqual(logged[row('/priority')]?.codes, rowsOf(seen)[row('/priority')]?.codes)
    assert.deepEqual(
      failuresOf(seen),
      Object.fromEntries(
        Object.keys(refused)
          .sort()
          .map((path) => [row(path), { aborted: 2 }]),
      ),
    )
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  /** A client that is no nginx, with nginx's SETTINGS. */
  async function talk(...segments: readonly string[]): Promise<Seen> {
    const steps = segments.flatMap((send) => [{ send }, { pause: 150 }])
    return watch(cable.proxy.namespace, () => cable.proxy.call('talk', { address: FAR, port, steps }))
  }

  test('a PROXY protocol header may go before the preface, wherever a segment cuts', async () => {
    const version1 = 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'
    const version2 = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x02'
    for (const header of [version1, version2])
      for (const cut of [0, header.length, header.length + 5, header.length + 30]) {
        port++
        // it answers nothing
        await cable.far.call('listen', { address: FAR, port, rules: { '*': { steps: [{ end: 'hang' }] } } })
        const sent = header + PREFACE + ask(1, '/behind')
        const seen = await talk(...[sent.slice(0, cut), sent.slice(cut)].filter((part) => part !== ''))
        assert.deepEqual(Object.keys(rowsOf(seen)), [`${FAR}:${port} GET /behind`], `cut at ${cut}`)
        assert.equal(seen.sum.excluded.h2, 0)
        assertReconciles(seen)
      }
  })

  test('a client with another stream while an answer goes on is not read, and nothing of it is invented', async () => {
    port++
    await listen({ '*': { steps: [{ head: 200 }, { data: 3 }, { pause: 300 }, { last: true }] } })
    const seen = await talk(PREFACE + ask(1), ask(3), ask(5))
    const { requests, answered, bodyReset } = seen.sum.totals
    assert.deepEqual({ requests, answered, bodyReset }, { requests: 1, answered: 1, bodyReset: 0 })
    assert.equal(seen.sum.excluded.h2, 1)
    assertReconciles(seen)
  })

  test('on a connection that is older than the recorder a late frame of an earlier stream is one, too', async () => {
    port++
    const late: H2Rule = { steps: [{ stray: 1 }, { head: 200 }, ...END] }
    await listen({ '/': { steps: [{ head: 200 }, ...END] }, '/late': late })
    const nginx = await nginxes.start(cable.proxy.namespace, configuration(port, '', 'off'))
    const asks = (path: string): Promise<unknown> =>
      cable.proxy.call('ask', { ...LISTENER, requests: [request('GET', path)] })
    await asks('/')
    const seen = await watch(cable.proxy.namespace, () => asks('/late'))
    const logged = grpcTruthOf(nginx)
    await nginxes.stop(nginx)
    const row = `${FAR}:${port} GET /late`
    assert.deepEqual(logged[row]?.codes, { 502: 1 })
    assert.equal(seen.sum.totals.requests, 1)
    assert.deepEqual(failuresOf(seen), { [row]: { aborted: 1 } })
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('a frame of an earlier stream, which nginx refuses and other clients do not, makes no failure', async () => {
    port++
    const late = { steps: [{ stray: 1 }, { head: 200 }, ...END] }
    await listen({ '/': { steps: [{ head: 200 }, ...END] }, '/late': late })
    const seen = await talk(PREFACE + ask(1), ask(3, '/late'), ask(5))
    assert.deepEqual(failuresOf(seen), {})
    const { requests, answered, unseen } = seen.sum.totals
    assert.deepEqual({ requests, answered, unseen }, { requests: 3, answered: 2, unseen: 1 })
    assertReconciles(seen)
  })
})

const text = (bytes: Buffer): string => bytes.toString('latin1')
const PREFACE = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${text(frameOf(SETTINGS, 0, 0, '000100000000'))}`
/** GET, http, the path: `/` from the static table */
const ask = (stream: number, path = ''): string => {
  const size = path.length.toString(16).padStart(2, '0')
  const coded = path === '' ? '84' : `04${size}${Buffer.from(path).toString('hex')}`
  return text(frameOf(HEADERS, END_HEADERS | END_STREAM, stream, `8286${coded}410178`))
}

const configuration = (port: number, server: string, retry: string): string => `
  ${GRPC_LOG_FORMAT} log_format bytes '$upstream_bytes_received';
  upstream kept { server ${FAR}:${port} max_fails=0; ${server} keepalive 16; }
  server { listen 127.0.0.1:8080; ${GRPC_LOGS} access_log bytes.log bytes;
    location / { grpc_pass grpc://kept; grpc_next_upstream ${retry}; } }`
