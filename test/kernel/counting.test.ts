/** Every attempt is counted once, for the right backend, method and route. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  assertEqualsTruth,
  assertNothingLost,
  assertReconciles,
  failuresOf,
  rowsOf,
  truthOf,
} from './lab/compare.ts'
import { Cable, range } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import type { Step, Truth, TruthRow } from './lab/protocol.ts'
import { inside, lacking, LONG } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const FAR = '10.77.0.2'
const WRK_SECONDS = LONG ? 10 : 3
const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
const ok = (body = 'ok\n'): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe('counting', { skip: lacking() }, () => {
  let cable: Cable
  let port = 8000
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-counting-'))
  before(async () => (cable = await Cable.create()))
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  test('short requests and short answers count like any other', async () => {
    port++
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: {
        '/no-content': { steps: [{ send: 'HTTP/1.1 204 No Content\r\n\r\n' }] },
        '*': { steps: [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' }] },
      },
    })
    const requests = ['GET / HTTP/1.0\r\n\r\n', 'GET /no-content HTTP/1.1\r\n\r\n', get('/')]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 200, connections: 4 }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('IPv6 counts like IPv4, with the address in brackets', async () => {
    port++
    await cable.far.call('listen', { address: 'fd77::2', port })
    await cable.far.call('listen', { address: FAR, port })
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const address of ['fd77::2', FAR])
        await cable.proxy.call('ask', { address, port, requests: [get('/six')], times: 300, connections: 3 })
    })
    assertEqualsTruth(seen, await truth(port))
    assert.equal(rowsOf(seen)[`[fd77::2]:${port} GET /six`]?.requests, 300)
  })

  test('any method token is kept as text', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const methods = [
      'PROPFIND',
      'PURGE',
      'QUERY',
      'M-SEARCH',
      'VERSION-CONTROL',
      'X',
      'A!#$%&*+.^_`|~9',
      'OPTIONS',
      'DELETE',
    ]
    const requests = methods.map((method) => `${method} /m HTTP/1.1\r\nHost: x\r\n\r\n`)
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 200, connections: 4 }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('an absolute target, an asterisk and a query are routes as docs/NUMBERS.md says', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const requests = [
      'GET http://shop.example/cart?item=1 HTTP/1.1\r\nHost: x\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
      get('/cart?a=/b?c'),
      get('http://shop.example'),
    ]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 5 }),
    )
    const row = (n: number): object => ({ requests: n, codes: { 200: n } })
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} GET /`]: row(5),
      [`${FAR}:${port} GET /cart`]: row(10),
      [`${FAR}:${port} OPTIONS *`]: row(5),
    })
    assertReconciles(seen)
  })

  test('new routes that appear on both CPUs at once lose no count', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port, fast: true })
    const requests = range(1, 300).flatMap((n) => [get(`/new${n}x`), get(`/new${n}x`)])
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 4, connections: 32 }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('a request line split at any byte is one request', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const text = get('/split/here')
    const steps = range(1, 50).flatMap((at): Step[] => [
      { send: text.slice(0, at % text.length) },
      { pause: 3 },
      { send: text.slice(at % text.length) },
      { answers: at },
    ])
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talk', { address: FAR, port, steps }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('a request that arrives byte by byte is one request', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const bytes = `${get('/byte/by/byte', 'Content-Length: 4\r\n')}GET `.split('')
    const steps = [...bytes.flatMap((send): Step[] => [{ send }, { pause: 2 }]), { answers: 1 }]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talk', { address: FAR, port, steps }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('a status line and a head split at any byte are one answer', async () => {
    port++
    const answer = 'HTTP/1.1 503 Busy\r\nContent-Length: 5\r\nX-A: b\r\n\r\nbusy\n'
    const rules = Object.fromEntries(
      range(1, answer.length - 1).map((at) => [
        `/at${at}x`,
        { steps: [{ send: answer.slice(0, at) }, { pause: 3 }, { send: answer.slice(at) }] },
      ]),
    )
    await cable.far.call('listen', { address: FAR, port, rules })
    const requests = Object.keys(rules).map((path) => get(path))
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 2, connections: 2 }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('bodies that look like messages are bodies, in both directions', async () => {
    port++
    const body = 'HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n'
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: {
        '*': {
          steps: [
            { send: `HTTP/1.1 200 OK\r\nContent-Length: ${3 * body.length}\r\n\r\n` },
            { pause: 3 },
            ...[body, body, body].flatMap((send): Step[] => [{ send }, { pause: 3 }]),
          ],
        },
      },
    })
    const upload = 'GET /phantom HTTP/1.1\r\n\r\n'
    const post = `POST /real HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 * upload.length}\r\n\r\n`
    const steps = range(1, 30).flatMap((n): Step[] => [
      { send: post },
      { pause: 3 },
      { send: upload },
      { pause: 3 },
      { send: upload },
      { answers: n },
    ])
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talk', { address: FAR, port, steps }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('chunked bodies with messages in them are bodies', async () => {
    port++
    const chunk = 'HTTP/1.1 500 Oops\r\n\r\n'
    const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n`
    const piece = `${chunk.length.toString(16)}\r\n${chunk}\r\n`
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: {
        '*': {
          steps: [
            { send: chunked },
            { pause: 3 },
            { send: piece },
            { pause: 3 },
            { send: `${piece}0\r\n\r\n` },
          ],
        },
      },
    })
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests: [get('/chunks')], times: 40, connections: 4 }),
    )
    assertEqualsTruth(seen, { [`${FAR}:${port} GET /chunks`]: { requests: 40, codes: { 200: 40 } } })
  })

  test('interim answers complete no request, wherever the final head begins', async () => {
    port++
    const final = 'HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n'
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
    const goOn = 'HTTP/1.1 100 Continue\r\n\r\n'
    const rules = {
      '/apart': { steps: [{ send: interim }, { pause: 5 }, { send: final }] },
      '/together': { steps: [{ send: goOn + interim + final }] },
      '/processing': {
        steps: [{ send: 'HTTP/1.1 102 Processing\r\n\r\n' }, { pause: 5 }, { send: interim + final }],
      },
    }
    await cable.far.call('listen', { address: FAR, port, rules })
    const requests = Object.keys(rules).map((path) => get(path))
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 20 }),
    )
    assertEqualsTruth(seen, await truth(port))
    assert.equal(seen.sum.totals.interim, 20 * (1 + 2 + 2))
  })

  test('101 is an answer, and the rest of the connection is a tunnel', async () => {
    port++
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '*': { steps: [{ send: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n' }] } },
    })
    const upgrade = get('/ws', 'Connection: upgrade\r\nUpgrade: x\r\n')
    const steps: Step[] = [
      { send: upgrade },
      { answers: 1 },
      ...range(1, 10).flatMap((): Step[] => [{ send: get('/not/http') }, { pause: 3 }]),
      { end: 'rst' },
    ]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talk', { address: FAR, port, steps }),
    )
    assert.deepEqual(rowsOf(seen), { [`${FAR}:${port} GET /ws`]: { requests: 1, codes: { 101: 1 } } })
    assertReconciles(seen)
  })

  test('101 that nobody asked for is an answer, and nginx may keep the connection', async () => {
    port++
    const odd = 'HTTP/1.1 101 Switching Protocols\r\nContent-Length: 2\r\n\r\nab'
    await cable.far.call('listen', { address: FAR, port, rules: { '/odd': { steps: [{ send: odd }] } } })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream kept { server ${FAR}:${port}; keepalive 1; } server { listen 127.0.0.1:8080; location / {
         proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass http://kept; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const path of ['/odd', '/next', '/odd', '/next', '/next']) {
        const steps: Step[] = [{ send: get(path) }, { pause: 50 }, { end: 'fin' }]
        await cable.proxy.call('talk', { address: '127.0.0.1', port: 8080, steps })
      }
      await nginx.logged(5)
    })
    const connects = seen.sum.totals.connection.connects
    const { requests } = (await truth(port))[`${FAR}:${port} GET /next`]!
    assert.deepEqual(rowsOf(seen), truthOf(nginx.attempts()))
    await nginx.stop()
    assert.equal(requests, 3)
    assert.equal(connects, 1, 'nginx has kept its connection')
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('answers to HEAD, 204 and 304 have no body, whatever their Content-Length', async () => {
    port++
    const noBody = (status: string): { steps: Step[] } => ({
      steps: [{ send: `HTTP/1.1 ${status}\r\nContent-Length: 1000\r\n\r\n` }],
    })
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: {
        '/head': noBody('200 OK'),
        '/no-content': noBody('204 No Content'),
        '/not-modified': noBody('304 Not Modified'),
      },
    })
    const requests = [
      'HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n',
      get('/no-content'),
      get('/not-modified'),
      get('/full'),
    ]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 50, connections: 3 }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('pipelined requests in one segment and in several are matched in order', async () => {
    port++
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '/bad': { steps: [{ send: 'HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno' }] } },
    })
    const eight = [
      get('/a'),
      get('/bad'),
      get('/b'),
      get('/bad'),
      get('/a'),
      get('/b'),
      get('/b'),
      get('/bad'),
    ]
    const steps: Step[] = [
      { send: eight.join('') },
      { answers: 8 },
      ...eight.flatMap((send): Step[] => [{ send }, { pause: 1 }]),
      { answers: 16 },
      { send: eight.join('') },
      { answers: 24 },
    ]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talk', { address: FAR, port, steps }),
    )
    assertEqualsTruth(seen, await truth(port))
  })

  test('answers that share a segment are matched in order', async () => {
    port++
    const no = 'HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno'
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '/hold': { steps: [] }, '/go': { steps: [{ send: ok() + no + ok('HTTP/1.1 500 no') + no }] } },
    })
    const four = get('/hold') + get('/hold') + get('/hold') + get('/go')
    const steps = range(1, 20).flatMap((n): Step[] => [{ send: four }, { answers: 4 * n }])
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talk', { address: FAR, port, steps }),
    )
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} GET /go`]: { requests: 20, codes: { 404: 20 } },
      [`${FAR}:${port} GET /hold`]: { requests: 60, codes: { 200: 40, 404: 20 } },
    })
    assertReconciles(seen)
  })

  test('connections that are older than the helper are counted from their next request', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const recording = join(folder, 'recording')
    const steps: Step[] = [
      { send: get('/before') },
      { answers: 1 },
      { until: recording },
      ...range(2, 11).flatMap((n): Step[] => [{ send: get('/after') }, { answers: n }]),
    ]
    const talks = range(1, 10).map(() => ({ address: FAR, port, steps }))
    const talking = cable.proxy.call('talkMany', talks)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const seen = await watch(cable.proxy.namespace, () => {
      writeFileSync(recording, '')
      return talking
    })
    assert.deepEqual(rowsOf(seen), { [`${FAR}:${port} GET /after`]: { requests: 100, codes: { 200: 100 } } })
    assertReconciles(seen)
  })

  test('a request on a reused port is not mixed with an older one', async () => {
    port++
    const stuck = { steps: [{ end: 'hang' as const }] }
    await cable.far.call('listen', { address: FAR, port, rules: { '/stuck': stuck } })
    const localPort = 23_456
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const path of range(1, 10).map((n) => (n % 2 === 1 ? '/stuck' : '/next'))) {
        const end: Step[] =
          path === '/stuck' ? [{ pause: 50 }, { end: 'rst' }] : [{ answers: 1 }, { end: 'rst' }]
        await cable.proxy.call('talk', {
          address: FAR,
          port,
          localPort,
          steps: [{ send: get(path) }, ...end],
        })
      }
    })
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} GET /next`]: { requests: 5, codes: { 200: 5 } },
      [`${FAR}:${port} GET /stuck`]: { requests: 5, codes: {} },
    })
    assert.deepEqual(failuresOf(seen), { [`${FAR}:${port} GET /stuck`]: { aborted: 5 } })
    assertReconciles(seen)
  })

  test("counts equal nginx's log for a mixed load over keepalive and new connections", async () => {
    port++
    const rules = {
      '/slow': { steps: [{ pause: 20 }, { send: ok('slow') }] },
      '/bad': { steps: [{ send: 'HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n' }] },
      '/big': { steps: [{ send: ok('x'.repeat(100_000)) }] },
    }
    for (const address of [FAR, '10.77.0.3']) await cable.far.call('listen', { address, port, rules })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream two { server ${FAR}:${port}; server 10.77.0.3:${port}; keepalive 8; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://two; }
         location /fresh/ { proxy_http_version 1.0; proxy_set_header Connection close; proxy_pass http://${FAR}:${port}; } }`,
    )
    const upload = `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n${'GET / HTTP/1.1\r\n\r\n'.repeat(2000).slice(0, 20_000)}`
    const requests = ['/slow', '/bad', '/big', '/', '/fresh/x', '/r/1']
      .map((path) => get(path))
      .concat(upload)
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 200, connections: 12 }),
    )
    const attempts = nginx.attempts()
    await nginx.stop()
    assert.equal(attempts.length, 1400)
    const expected: Record<string, TruthRow> = {}
    for (const [row, value] of Object.entries(truthOf(attempts)))
      expected[row.replace('/r/1', '/r/:id')] = value
    assertEqualsTruth(seen, expected)
  })

  test(
    `counts of ${WRK_SECONDS} seconds of mixed requests by wrk equal nginx’s log`,
    { skip: lacking('wrk') },
    async (t) => {
      const paths = range(1, 40).map((n) => `/${['shop', 'cart', 'user', 'img'][n % 4]!}/page${n}x`)
      const back = await startLabNginx(
        cable.far.namespace,
        `server { listen ${FAR}:8090; listen 10.77.0.3:8090; listen [fd77::2]:8090; return 200 ok;
         location /cart/ { return 404 "not here"; } location /img/ { return 204; } location /user/ { return 503; } }`,
      )
      const front = await startLabNginx(
        cable.proxy.namespace,
        `upstream three { server ${FAR}:8090; server 10.77.0.3:8090; server [fd77::2]:8090; keepalive 32; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://three; }
         location /shop/ { proxy_set_header Connection close; proxy_pass http://three; } }`,
      )
      const script = join(front.folder, 'mixed.lua')
      const list = paths.map((path) => `"${path}"`).join(', ')
      writeFileSync(
        script,
        `local paths, n, start = {${list}}, 0, os.time()
       request = function() n = n + 1; return wrk.format(n % 7 == 0 and "DELETE" or "GET", paths[n % #paths + 1]) end
       delay = function() return os.time() - start >= ${WRK_SECONDS} and 60000 or 0 end`, // five seconds for requests under way
      )
      const seen = await watch(cable.proxy.namespace, () =>
        inside(
          cable.proxy.namespace,
          'wrk',
          '-t2',
          '-c48',
          `-d${WRK_SECONDS + 5}s`,
          '-s',
          script,
          'http://127.0.0.1:8080/',
        ),
      )
      const attempts = front.attempts()
      await Promise.all([front.stop(), back.stop()])
      t.diagnostic(`${attempts.length} requests`)
      assert.ok(attempts.length > 1000, `wrk made ${attempts.length} requests`)
      assert.deepEqual(rowsOf(seen), truthOf(attempts))
      assert.equal(seen.sum.totals.requests, seen.sum.totals.answered)
      assertNothingLost(seen)
      assertReconciles(seen)
    },
  )

  /** What the backends of a port counted. */
  async function truth(port: number): Promise<Truth> {
    const all = await cable.far.call('ledger')
    return Object.fromEntries(Object.entries(all).filter(([row]) => row.includes(`:${port} `)))
  }
})
