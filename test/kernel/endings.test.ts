/** A chunked body ends with its last chunk, whatever it looks like, and what comes after it belongs to nobody. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ofFrame, sumOf } from '../../src/frame/sum/merge.ts'
import { bytesOf, loggedBytes } from './lab/bytes.ts'
import { assertNothingLost, assertReconciles, failuresOf, rowsOf, truthOf } from './lab/compare.ts'
import { Cable, range } from './lab/network.ts'
import { startLabNginx, type Attempt } from './lab/nginx.ts'
import type { Rule, Rules, Step } from './lab/protocol.ts'
import { lacking } from './lab/system.ts'
import { startHelper, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const FAR6 = 'fd77::2'
const LISTENER = { address: '127.0.0.1', port: 8080 }
const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const chunk = (data: string, size = data.length.toString(16)): string => `${size}\r\n${data}\r\n`
const LAST = '0\r\n\r\n'

/** Bodies that nginx takes. */
const BODIES: Readonly<Record<string, string>> = {
  plain: chunk('hello') + LAST,
  zeros: `${chunk('hello', '00005')}00000000\r\n\r\n`,
  extension: `${chunk('hello', '5;name="\\r"')}0;last=1\r\n\r\n`,
  trailers: `${chunk('hello')}0\r\nX-Sum: 0\r\nServer-Timing: 0\r\n\r\n`,
  'bare-lf': '5\nhello\n0\n\n',
  'upper-case': chunk('x'.repeat(0xab), 'AB') + LAST,
  'false-ends': chunk('count\r\n0\r\n\r\nHTTP/1.1 500 No\r\n\r\n') + chunk('\r\n0\r\n\r\n') + LAST,
  empty: LAST,
}

describe('endings', { skip: lacking() }, () => {
  let cable: Cable
  let port = 8600
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  /** What nginx's log and the recording say of the same requests; the backends' connections end after all of them. */
  async function compare(
    rules: Rules,
    requests: readonly string[],
    { address = FAR, location = 'proxy_pass http://kept;' } = {},
  ): Promise<{ seen: Seen; ended: number }> {
    port++
    const server = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream kept { server ${server} max_fails=0; keepalive 32; }
       server { listen 127.0.0.1:8080; location / { ${location} } }`,
    )
    // known from the beginning, also where it closes a client's connection without a word
    const recorder = await startHelper(cable.proxy.namespace)
    await cable.far.call('listen', { address, port, rules })
    await cable.proxy.call('ask', { ...LISTENER, requests, connections: 4 })
    await recorder.nextFrame()
    const ended = sumOf(recorder.frames.map(ofFrame)).totals.total.count
    await cable.far.call('unlisten', port)
    await recorder.nextFrame()
    const seen = await recorder.stop()
    const attempts = nginx.attempts()
    await nginx.stop()
    assert.deepEqual(merged(rowsOf(seen)), merged(truthOf(attempts)))
    assertNothingLost(seen)
    assert.deepEqual(bytesOf(seen), loggedBytes(attempts, named))
    assertReconciles(seen)
    return { seen, ended }
  }

  for (const [address, step] of [
    [FAR, 3],
    [FAR6, 11],
  ] as const)
    test(`the last chunk ends the answer, cut anywhere, to ${address}`, async () => {
      const rules: Record<string, Rule> = {}
      for (const [name, body] of Object.entries(BODIES)) {
        const whole = HEAD + body
        rules[`/${name}`] = { steps: [{ send: whole }] }
        for (let at = HEAD.length - 2; at < whole.length; at += step)
          rules[`/${name}/${at}`] = { steps: [{ send: whole.slice(0, at) }, { send: whole.slice(at) }] }
      }
      const { seen, ended } = await compare(rules, Object.keys(rules).map(get), { address })
      assert.equal(ended, Object.keys(rules).length, 'told before the connections end')
      assert.equal(seen.sum.totals.bodyReset, 0)
    })

  test('a FIN or a RST behind the last chunk, on an idle connection, is nothing', async () => {
    port++
    const rules: Record<string, Rule> = {}
    for (const [name, body] of Object.entries(BODIES))
      for (const end of ['fin', 'rst'] as const)
        rules[`/${name}-${end}`] = { steps: [{ send: HEAD + body }, { pause: 2000 }, { end }] }
    await cable.far.call('listen', { address: FAR, port, rules })
    const recorder = await startHelper(cable.proxy.namespace)
    const talks = Object.keys(rules).map((path) => ({
      address: FAR,
      port,
      steps: [{ send: get(path) }, { pause: 2500 }],
    }))
    await cable.proxy.call('talkMany', talks)
    const seen = await recorder.stop()
    const { totals } = seen.sum
    assert.deepEqual([totals.requests, totals.total.count, totals.bodyReset], [16, 16, 0])
    const slowest = Math.max(
      ...seen.sum.backends.flatMap(({ routes }) => routes.map((r) => r.total.max ?? 0)),
    )
    assert.ok(slowest < 1_500_000, `the end is not the connection's: ${slowest} µs`)
    assertReconciles(seen)
  })

  test('an answer is chunked wherever its coding says so, as nginx takes it', async () => {
    const codings = ['chunked, identity', 'CHUNKED;q=1', 'identity, chunked', 'gzip,chunked,x']
    const rules: Rules = Object.fromEntries(
      codings.map((coding, i): [string, Rule] => [
        `/coding-${i}`,
        { steps: [{ send: HEAD.replace('chunked', coding) + chunk('hello') + LAST }] },
      ]),
    )
    const { seen, ended } = await compare(rules, Object.keys(rules).map(get))
    assert.equal(ended, codings.length, 'told before the connections end')
    assert.equal(seen.sum.totals.bodyReset, 0)
  })

  test('large bodies, in chunks of any size', async () => {
    const of = (size: number, total: number): string => chunk('z'.repeat(size)).repeat(total / size)
    const rules: Rules = Object.fromEntries(
      [1, 7, 100, 4096, 65_536].map((size): [string, Rule] => [
        `/of-${size}`,
        {
          steps: [
            { send: HEAD },
            { send: of(size, size < 10 ? 70_000 : 1_048_576 - (1_048_576 % size)) + LAST },
          ],
        },
      ]),
    )
    const { ended } = await compare(rules, [...Object.keys(rules), ...Object.keys(rules)].map(get))
    assert.equal(ended, 10)
  })

  test('a body that is cut within its chunks is not whole, and one with invalid chunks ends with its connection', async () => {
    const cut = (text: string, end: 'fin' | 'rst'): Rule => ({
      steps: [{ send: HEAD + text }, { pause: 50 }, { end }],
    })
    const rules: Rules = {
      '/within-data': cut('a\r\nhello', 'fin'),
      '/within-data-reset': cut('a\r\nhello', 'rst'),
      '/between': cut(chunk('hello'), 'fin'),
      '/within-size': cut(`${chunk('hello')}1`, 'fin'),
      '/within-trailers': cut(`${chunk('hello')}0\r\nX: 1\r\n`, 'fin'),
    }
    const cuts = await compare(rules, Object.keys(rules).map(get))
    assert.equal(cuts.seen.sum.totals.bodyReset, 5)
    const invalid: Rules = {
      '/no-size': cut('hello\r\n', 'fin'),
      '/behind-data': cut('5\r\nhello!\r\n0\r\n\r\n', 'fin'),
      '/too-large': cut('ffffffffffffffffff\r\n', 'fin'),
    }
    const refused = await compare(invalid, Object.keys(invalid).map(get))
    assert.equal(refused.seen.sum.totals.bodyReset, 0)
  })

  test('answers without a body have none, though they say that they are chunked', async () => {
    const bare = (code: number): Rule => ({
      steps: [{ send: `HTTP/1.1 ${code} X\r\nTransfer-Encoding: chunked\r\n\r\n` }],
    })
    const rules = { '/head': bare(200), '/204': bare(204), '/304': bare(304) }
    const requests = [get('/head').replace('GET', 'HEAD'), get('/204'), get('/304')]
    const { ended } = await compare(rules, [...requests, ...requests])
    assert.equal(ended, 6)
  })

  test('uploads in chunks end with their last chunk, and the next request is one', async () => {
    const { seen } = await compare({}, uploads(), {
      location: 'proxy_request_buffering off; proxy_pass http://kept;',
    })
    assert.equal(seen.sum.totals.requests, 2 * Object.keys(BODIES).length)
  })

  test('uploads of others end so too, cut anywhere', async () => {
    port++
    await cable.far.call('listen', { address: FAR6, port })
    const recorder = await startHelper(cable.proxy.namespace)
    let sent = 0
    for (const [name, body] of Object.entries(BODIES).filter(([name]) => name !== 'bare-lf')) {
      const upload = `POST /${name} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`
      const next = get('/next')
      const steps = range(1, Math.min(20, body.length - 1)).flatMap((n): Step[] => [
        { send: upload.slice(0, -n) },
        { send: upload.slice(-n) },
        { answers: 2 * n - 1 },
        { send: next },
        { answers: 2 * n },
      ])
      await cable.proxy.call('talk', { address: FAR6, port, steps })
      sent += Math.min(20, body.length - 1) * (upload.length + next.length)
    }
    await recorder.nextFrame()
    const seen = await recorder.stop()
    assert.deepEqual(rowsOf(seen), await ledgerOf(port))
    assert.equal(seen.sum.totals.sentBytes, sent)
    assert.deepEqual(failuresOf(seen), {})
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('answers behind a chunked one in the same segment are answers', async () => {
    port++
    const code = (n: number): string => `HTTP/1.1 ${n} X\r\nContent-Length: 2\r\n\r\nok`
    const answers = HEAD + BODIES['false-ends']! + code(201) + HEAD + BODIES.trailers! + code(404)
    const rules = { '/a': { steps: [{ send: answers }] }, '/b': { steps: [] } }
    await cable.far.call('listen', { address: FAR, port, rules })
    const recorder = await startHelper(cable.proxy.namespace)
    const steps: Step[] = [
      { send: get('/a') + get('/b') + get('/b') + get('/b') },
      { bytes: answers.length },
      { end: 'fin' },
    ]
    for (let n = 0; n < 10; n++) await cable.proxy.call('talk', { address: FAR, port, steps })
    const seen = await recorder.stop()
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} GET /a`]: { requests: 10, codes: { 200: 10 } },
      [`${FAR}:${port} GET /b`]: { requests: 30, codes: { 200: 10, 201: 10, 404: 10 } },
    })
    assert.equal(seen.sum.totals.receivedBytes, 10 * answers.length)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('a tunnel or a body without an end of its own lasts until nginx closes it, whenever its last byte came', async () => {
    port++
    const kinds = {
      '/tunnel': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello',
      '/stream': 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n',
      '/no-head': 'hello',
    }
    const rules = Object.fromEntries(
      Object.entries(kinds).map(([path, send]) => [path, { steps: [{ send }, { end: 'hang' as const }] }]),
    )
    await cable.far.call('listen', { address: FAR, port, rules })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / {
         proxy_set_header Upgrade $http_upgrade; proxy_buffering off; proxy_pass http://${FAR}:${port}; } }`,
    )
    const recorder = await startHelper(cable.proxy.namespace)
    const leaving = (path: string): Step[] => [
      { send: `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\n\r\n` },
      { pause: 750 },
      { end: 'fin' },
    ]
    const clients = Object.keys(kinds).map((path) => ({ ...LISTENER, steps: leaving(path) }))
    await cable.proxy.call('talkMany', clients)
    await recorder.nextFrame()
    const seen = await recorder.stop()
    const attempts = nginx.attempts()
    await nginx.stop()
    assert.deepEqual(rowsOf(seen), truthOf(attempts))
    assert.deepEqual(secondsOf(seen), loggedSeconds(attempts))
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  const ledgerOf = async (of: number): Promise<unknown> =>
    Object.fromEntries(
      Object.entries(await cable.far.call('ledger'))
        .filter(([name]) => name.includes(`:${of} `))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
})

const uploads = (): readonly string[] =>
  Object.entries(BODIES).flatMap(([name, body]) => [
    `POST /${name} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    get(`/${name}/next`),
  ])

/** Numbers in paths are ids to the recording. */
const named = (name: string): string => name.replaceAll(/\/\d+(?=\/|$)/g, '/:id')

interface Row {
  readonly requests: number
  readonly codes: Readonly<Record<string, number>>
}

function merged(rows: Readonly<Record<string, Row>>): Record<string, Row> {
  const sums: Record<string, { requests: number; codes: Record<string, number> }> = {}
  for (const [name, { requests, codes }] of Object.entries(rows)) {
    const sum = (sums[named(name)] ??= { requests: 0, codes: {} })
    sum.requests += requests
    for (const [code, count] of Object.entries(codes)) sum.codes[code] = (sum.codes[code] ?? 0) + count
  }
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** In tenths, which no scheduler blurs: the last byte is seven of them before the end. */
const tenths = (seconds: number): number => Math.floor(seconds * 10)

const secondsOf = (seen: Seen): Record<string, number> =>
  Object.fromEntries(
    seen.sum.backends.flatMap(({ routes }) =>
      routes.map(({ route, total }) => [route.path, tenths(total.sum / 1e6)]),
    ),
  )

const loggedSeconds = (attempts: readonly Attempt[]): Record<string, number> =>
  Object.fromEntries(attempts.map(({ target, total }) => [target, tenths(total ?? NaN)]))
