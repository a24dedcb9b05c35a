/**
 * Each outcome of an attempt has its own counter, and an open request has an age: docs/NUMBERS.md, "Requests and what became of
 * them".
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { uncaptured } from './lab/beside.ts'
import {
  assertEqualsTruth,
  assertNothingLost,
  assertReconciles,
  failuresOf,
  rowsOf,
  truthOf,
} from './lab/compare.ts'
import { buildStatic } from './lab/neighbour.ts'
import { Cable, range } from './lab/network.ts'
import { canRunRealtime, startLabNginx } from './lab/nginx.ts'
import type { Step } from './lab/protocol.ts'
import { startInNamespace } from './lab/impairments.ts'
import { sandboxRefusing } from './lab/refuse.ts'
import { lacking, PROBE, sh } from './lab/system.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'
import type { ConnectionCounts } from '../../src/frame/model/frame.ts'

const FAR = '10.77.0.2'
const FAR6 = 'fd77::2'
const OTHER = '10.77.0.3'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'

describe('outcomes', { skip: lacking() }, () => {
  let cable: Cable
  let port = 8100
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  test('reset, closed and aborted are counted separately', async () => {
    port++
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: {
        '/reset': { steps: [{ end: 'rst' }] },
        '/closed': { steps: [{ end: 'fin' }] },
        '/half-head': { steps: [{ send: 'HTTP/1.1 200 OK\r\nX-' }, { pause: 5 }, { end: 'fin' }] },
        '/hang': { steps: [{ end: 'hang' }] },
      },
    })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / { proxy_read_timeout 300ms; proxy_pass http://${FAR}:${port}; } }`,
    )
    const requests = ['/reset', '/closed', '/half-head', '/hang', '/fine'].map(get)
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 10, connections: 5 }),
    )
    await nginx.stop()
    const name = `${FAR}:${port} GET`
    assert.deepEqual(failuresOf(seen), {
      [`${name} /closed`]: { closed: 10 },
      [`${name} /half-head`]: { closed: 10 },
      [`${name} /hang`]: { aborted: 10 },
      [`${name} /reset`]: { reset: 10 },
    })
    assert.deepEqual(rowsOf(seen)[`${name} /fine`], { requests: 10, codes: { 200: 10 } })
    assert.equal(seen.sum.totals.requests, 50)
    assertReconciles(seen)
  })

  const noFin = uncaptured('the FIN that reaches no device')
  test(
    'what nginx gives up is aborted within seconds, also where its FIN reaches no device',
    { skip: noFin },
    async () => {
      port++
      await cable.far.call('listen', { address: FAR, port, rules: { '*': { steps: [{ end: 'hang' }] } } })
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `server { listen 127.0.0.1:8080; location / { proxy_read_timeout 1s; proxy_pass http://${FAR}:${port}; } }`,
      )
      const route = (action: string): Promise<string> =>
        sh('ip', '-n', cable.proxy.namespace, 'route', action, 'unreachable', `${FAR}/32`)
      const requests = [get('/hang')]
      const seen = await watch(cable.proxy.namespace, async (helper) => {
        const options = { address: '127.0.0.1', port: 8080, requests, times: 4, connections: 4 }
        const asked = cable.proxy.call('ask', options)
        await sleep(400)
        await route('add')
        await asked
        for (let n = 0; n < 4; n++) await helper.nextFrame()
        await route('del')
      })
      assert.equal(nginx.attempts().filter(({ status }) => status === 504).length, 4)
      await nginx.stop()
      assert.deepEqual(failuresOf(seen), { [`${FAR}:${port} GET /hang`]: { aborted: 4 } })
      assertNothingLost(seen)
      assertReconciles(seen)
    },
  )

  test('an answer after nginx timed out is not counted as unmatched', async () => {
    port++
    const late = { steps: [{ pause: 400 }, { send: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' }] }
    await cable.far.call('listen', { address: FAR, port, rules: { '/late': late } })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / { proxy_read_timeout 100ms; proxy_pass http://${FAR}:${port}; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      const requests = [get('/late')]
      await cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 10, connections: 5 })
      await sleep(600)
    })
    await nginx.stop()
    assert.deepEqual(failuresOf(seen), { [`${FAR}:${port} GET /late`]: { aborted: 10 } })
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('nginx closes with an answer unread, and so resets the connection: the body is cut, its end known', async () => {
    port++
    const body = 'x'.repeat(2_000_000)
    const rules = {
      '*': { steps: [{ send: `HTTP/1.1 500 No\r\nContent-Length: ${body.length}\r\n\r\n${body}` }] },
    }
    const servers = [`${FAR}:${port}`, `[${FAR6}]:${port}`]
    const paths = ['/four', '/six']
    for (const address of [FAR, FAR6]) await cable.far.call('listen', { address, port, rules })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; proxy_intercept_errors on; error_page 500 /own; location /own { return 200 own; }
         ${servers.map((server, at) => `location ${paths[at]!} { proxy_pass http://${server}; }`).join(' ')} }`,
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: paths.map(get), times: 10 }),
    )
    const attempts = nginx.attempts()
    await nginx.stop()
    assertEqualsTruth(seen, truthOf(attempts))
    assert.deepEqual([seen.sum.totals.bodyReset, seen.sum.totals.total.count], [20, 20])
  })

  test('a reset in the body is an attribute of an answered request', async () => {
    port++
    const promise = 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\npart'
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '*': { steps: [{ send: promise }, { pause: 20 }, { end: 'rst' }] } },
    })
    const steps: Step[] = [{ send: get('/torn') }, { bytes: promise.length }, { end: 'fin' }]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call(
        'talkMany',
        range(1, 10).map(() => ({ address: FAR, port, steps })),
      ),
    )
    assert.deepEqual(rowsOf(seen), { [`${FAR}:${port} GET /torn`]: { requests: 10, codes: { 200: 10 } } })
    assert.deepEqual(failuresOf(seen), {})
    assert.equal(seen.sum.totals.bodyReset, 10)
    assertReconciles(seen)
  })

  test('a refused connection is a failure without a request, and the retry is a separate attempt', async () => {
    port++
    await cable.far.call('listen', { address: OTHER, port })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream two { server ${FAR}:${port} max_fails=0; server ${OTHER}:${port} max_fails=0; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://two; } }`,
      true,
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get('/x')], times: 40 }),
    )
    const refusedByNginx = nginx.attempts().filter(({ backend }) => backend === `${FAR}:${port}`).length
    await nginx.stop()
    assert.deepEqual(rowsOf(seen), { [`${OTHER}:${port} GET /x`]: { requests: 40, codes: { 200: 40 } } })
    assert.ok(refusedByNginx > 10)
    assert.equal(connectionOf(seen, `${FAR}:${port}`).refused, refusedByNginx)
    assert.equal(connectionOf(seen, `${OTHER}:${port}`).connects, 40)
    assertRetries(seen.sum.totals.retries, refusedByNginx)
    assertReconciles(seen)
  })

  test('retries after a reset are counted for their backends and marked as inferred', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port, rules: { '*': { steps: [{ end: 'rst' }] } } })
    await cable.far.call('listen', { address: OTHER, port })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream two { server ${FAR}:${port} max_fails=0; server ${OTHER}:${port} max_fails=0; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://two; } }`,
      true,
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get('/x')], times: 40 }),
    )
    const failed = nginx.attempts().filter(({ backend }) => backend === `${FAR}:${port}`).length
    await nginx.stop()
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} GET /x`]: { requests: failed, codes: {} },
      [`${OTHER}:${port} GET /x`]: { requests: 40, codes: { 200: 40 } },
    })
    assert.deepEqual(failuresOf(seen), { [`${FAR}:${port} GET /x`]: { reset: failed } })
    assertRetries(seen.sum.totals.retries, failed)
    assertReconciles(seen)
  })

  test('a retry is known by its line, however long its path or query is, in HTTP/1 and HTTP/2', async () => {
    port++
    const h2 = port + 1
    const failing = { steps: [{ end: 'rst' }] } as const
    await cable.far.call('listen', { address: FAR, port, rules: { '*': failing } })
    await cable.far.call('listen', { address: OTHER, port })
    await cable.far.call('h2Listen', { address: FAR, port: h2, rules: { '*': failing } })
    await cable.far.call('h2Listen', { address: OTHER, port: h2 })
    const backup = (at: number): string =>
      `server ${FAR}:${at} max_fails=0; server ${OTHER}:${at} max_fails=0 backup;`
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream two { ${backup(port)} } upstream two_h2 { ${backup(h2)} } large_client_header_buffers 4 16k;
       server { listen 127.0.0.1:8080; location / { proxy_pass http://two; } location /h2 { grpc_pass grpc://two_h2; } }`,
      true,
    )
    const long = [100, 300, 500, 6000].map((length) => 'x'.repeat(length))
    const requests = ['', '/h2'].flatMap((at) =>
      long.flatMap((text) => [get(`${at}/${text}`), get(`${at}/query?${text}`)]),
    )
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 3 }),
    )
    const attempts = nginx.attempts()
    await nginx.stop()
    port++
    for (const [at, name] of [
      [port - 1, 'HTTP/1'],
      [h2, 'HTTP/2'],
    ] as const) {
      const retried = attempts.filter(({ backend }) => backend === `${OTHER}:${at}`).length
      assert.equal(retried, 24, name)
      const other = seen.sum.backends.find(({ backend }) => backend.address === `${OTHER}:${at}`)
      assertRetries(other?.retries ?? -1, retried)
    }
    assertReconciles(seen)
  })

  test('a retry after a connect timeout is inferred, on a new connection and on an idle one', async () => {
    port++
    const nowhere = await blackHole()
    await cable.far.call('listen', { address: OTHER, port })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream two { server ${nowhere}:${port} max_fails=0; server ${OTHER}:${port} max_fails=0; }
       upstream kept { server ${nowhere}:${port} max_fails=0; server ${OTHER}:${port} max_fails=0; keepalive 4; }
       server { listen 127.0.0.1:8080; proxy_connect_timeout 400ms;
         location / { proxy_pass http://two; proxy_set_header Connection close; } location /kept { proxy_pass http://kept; }
         location /alone { proxy_pass http://${OTHER}:${port}; proxy_set_header Connection close; } }`,
      true,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const path of ['/alone', '/', '/kept', '/alone'])
        await cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get(path)], times: 8 })
    })
    const attempts = nginx.attempts()
    await nginx.stop()
    const timedOut = attempts.filter(({ backend }) => backend === `${nowhere}:${port}`)
    assert.ok(timedOut.length >= 6, `${timedOut.length} of ${attempts.length} attempts timed out`)
    assert.equal(seen.sum.totals.requests, 32)
    assert.equal(seen.sum.totals.answered, 32)
    assertRetries(seen.sum.totals.retries, timedOut.length)
    const other = seen.sum.backends.find(({ backend }) => backend.address === `${OTHER}:${port}`)
    for (const path of ['/', '/kept', '/alone'])
      assertRetries(
        other?.routes.find(({ route }) => route.path === path)?.retries ?? -1,
        timedOut.filter(({ target }) => target === path).length,
      )
    assertReconciles(seen)
  })

  test('a SYN sent during a sweep is no connect timeout', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-outcomes-'))
    const program = join(folder, 'nginx')
    await buildStatic('attacker.c', program)
    const nowhere = await blackHole()
    let from = 0
    // Without the sockets' word: they say at once that whoever knocks has given up.
    const [sandbox, word] = await sandboxRefusing('attach')
    const during = async (helper: Helper): Promise<void> => {
      from = Date.now()
      const connects = ['connects', nowhere, '1000', '1003', '20000']
      const fake = await startInNamespace(cable.proxy.namespace, [program, ...connects])
      while (Date.now() < from + 2200) await helper.nextFrame()
      assert.ok((await fake.stop()) > 1000)
    }
    const seen = await watch(cable.proxy.namespace, during, [word, PROBE], sandbox)
    rmSync(folder, { recursive: true })
    // Connect timeouts in later frames are correct.
    const early = seen.frames.filter(({ start, length }) => (start + length) / 1000 < from + 3000)
    assert.ok(early.length > 1)
    for (const { connections } of early)
      assert.deepEqual(
        connections.filter(({ connectTimeout }) => connectTimeout > 0),
        [],
      )
  })

  test('a backend that does not answer a SYN is a connect timeout', async () => {
    port++
    const nowhere = await blackHole()
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / { proxy_connect_timeout 1500ms; proxy_pass http://${nowhere}:${port}; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      await cable.proxy.call('ask', {
        address: '127.0.0.1',
        port: 8080,
        requests: [get('/x')],
        times: 8,
        connections: 8,
      })
      await sleep(8000)
    })
    await nginx.stop()
    assert.equal(connectionOf(seen, `${nowhere}:${port}`).connectTimeout, 8)
    assert.deepEqual(rowsOf(seen), {})
    assertReconciles(seen)
  })

  test('an open request has a row with its age in every tick until it is answered', async () => {
    port++
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '/slow': { steps: [{ pause: 3500 }, { send: ok }] } },
    })
    const ages: number[] = []
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      const asked = cable.proxy.call('ask', {
        address: FAR,
        port,
        requests: [get('/slow')],
        times: 5,
        connections: 5,
      })
      await helper.nextFrame()
      for (const n of range(1, 2)) {
        const frame = await helper.nextFrame()
        const row = frame.traffic.find(({ route }) => route.path === '/slow')
        assert.equal(row?.inFlight, 5, `open in frame ${n}`)
        ages.push(row.oldest)
      }
      await asked
    })
    const [first = 0, second = 0] = ages
    assert.ok(first > 0 && second > first, `ages ${first} and ${second} µs`)
    assert.equal(seen.sum.totals.inFlight, 0)
    assertEqualsTruth(seen, { [`${FAR}:${port} GET /slow`]: { requests: 5, codes: { 200: 5 } } })
  })

  test('an answer before the end of the upload counts, and the rest of the body is no request', async () => {
    port++
    const tooLarge = 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '/up': { steps: [{ send: tooLarge }], early: true } },
    })
    const rest = 'GET /phantom HTTP/1.1\r\n\r\n'
    const post = `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 * rest.length}\r\n\r\n`
    const steps = range(1, 20).flatMap((n): Step[] => [
      { send: post },
      { answers: 2 * n - 1 },
      { send: rest },
      { pause: 2 },
      { send: rest },
      { pause: 2 },
      { send: get('/next') },
      { answers: 2 * n },
    ])
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('talk', { address: FAR, port, steps }),
    )
    assertEqualsTruth(seen, {
      [`${FAR}:${port} GET /next`]: { requests: 20, codes: { 200: 20 } },
      [`${FAR}:${port} POST /up`]: { requests: 20, codes: { 413: 20 } },
    })
  })

  test('a 408 on an idle connection answers no request', async () => {
    port++
    const timeout = 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n'
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '*': { steps: [{ send: ok }, { pause: 100 }, { send: timeout }, { end: 'fin' }] } },
    })
    const steps: Step[] = [{ send: get('/once') }, { answers: 2 }, { end: 'fin' }]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call(
        'talkMany',
        range(1, 10).map(() => ({ address: FAR, port, steps })),
      ),
    )
    assert.deepEqual(rowsOf(seen), { [`${FAR}:${port} GET /once`]: { requests: 10, codes: { 200: 10 } } })
    assert.equal(seen.final.loss.unmatchedResponses, 0)
    assertReconciles(seen)
  })

  test('a request whose connection ended unseen is unanswered when its port is reused', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port, rules: { '/lost': { steps: [{ end: 'hang' }] } } })
    const talk = (path: string, ...then: readonly Step[]) =>
      cable.proxy.call('talk', {
        address: FAR,
        port,
        localPort: 23_999,
        steps: [{ send: get(path) }, ...then],
      })
    const seen = await watch(cable.proxy.namespace, async () => {
      const lost = talk('/lost', { pause: 600 }, { end: 'rst' })
      await sleep(300)
      // Without a route the RST is sent on no interface.
      await sh('ip', '-n', cable.proxy.namespace, 'route', 'add', 'unreachable', `${FAR}/32`)
      await lost
      await sh('ip', '-n', cable.proxy.namespace, 'route', 'del', 'unreachable', `${FAR}/32`)
      await talk('/next', { answers: 1 }, { end: 'rst' })
    })
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} GET /lost`]: { requests: 1, codes: {} },
      [`${FAR}:${port} GET /next`]: { requests: 1, codes: { 200: 1 } },
    })
    assert.deepEqual(failuresOf(seen), { [`${FAR}:${port} GET /lost`]: { unanswered: 1 } })
    assertReconciles(seen)
  })

  test('requests open at the end are in flight, and the sums reconcile', async () => {
    port++
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '/open': { steps: [{ pause: 2000 }, { send: ok }] } },
    })
    let asked: Promise<unknown> = Promise.resolve()
    const seen = await watch(cable.proxy.namespace, async () => {
      await cable.proxy.call('ask', { address: FAR, port, requests: [get('/done')], times: 20 })
      asked = cable.proxy.call('ask', {
        address: FAR,
        port,
        requests: [get('/open')],
        times: 7,
        connections: 7,
      })
      await sleep(500)
    })
    await asked
    assert.equal(seen.sum.totals.requests, 27)
    assert.equal(seen.sum.totals.inFlight, 7)
    assertReconciles(seen)
  })

  test('thousands of open requests are all tracked', async () => {
    port++
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '*': { steps: [{ pause: 3000 }, { send: ok }] } },
    })
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', {
        address: FAR,
        port,
        requests: [get('/many')],
        times: 4000,
        connections: 4000,
      }),
    )
    assertEqualsTruth(seen, { [`${FAR}:${port} GET /many`]: { requests: 4000, codes: { 200: 4000 } } })
  })

  /** A retry must follow within 0.1 s: without real-time priority nginx may take longer. */
  function assertRetries(ours: number, theirs: number): void {
    if (canRunRealtime()) assert.equal(ours, theirs)
    else assert.ok(ours <= theirs, `${ours} retries of ${theirs}`)
  }

  /** An address that receives packets and never answers. */
  async function blackHole(): Promise<string> {
    const [address, mac] = ['10.77.0.99', '02:00:00:00:00:99']
    const neighbour = ['neigh', 'replace', address, 'lladdr', mac, 'dev', 'leg']
    await sh('ip', '-n', cable.proxy.namespace, ...neighbour)
    return address
  }

  function connectionOf(seen: Seen, address: string): ConnectionCounts {
    const sum = seen.sum.backends.find(({ backend }) => backend.address === address)
    assert.ok(
      sum,
      `${address} is among ${seen.sum.backends.map(({ backend }) => backend.address).join(', ')}`,
    )
    return sum.connection
  }
})
