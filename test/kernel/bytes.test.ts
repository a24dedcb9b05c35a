/** sent_bytes and received_bytes equal nginx's own `$upstream_bytes_sent` and `$upstream_bytes_received`, without tolerance. */
import assert from 'node:assert/strict'
import { ofFrame, sumOf } from '../../src/frame/sum/merge.ts'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { Cable, range } from './lab/network.ts'
import { startLabNginx, type Attempt } from './lab/nginx.ts'
import type { Rule, Rules, Step } from './lab/protocol.ts'
import { lacking } from './lab/system.ts'
import { startHelper, type Helper } from './lab/watch.ts'

const FAR = '10.77.0.2'
const OTHER = '10.77.0.3'
const LISTENER = { address: '127.0.0.1', port: 8080 }
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (path: string, bytes: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${'b'.repeat(bytes)}`
const ok = (bytes: number): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`
const says = (...steps: readonly Step[]): Rule => ({ steps })

describe('bytes', { skip: lacking() }, () => {
  let cable: Cable
  let port = 8300
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  /** Compares the bytes in nginx's log and in the recording for the same requests. */
  async function compare(
    rules: Rules,
    requests: readonly string[],
    location: string,
    servers = '',
  ): Promise<Record<string, Bytes>> {
    const recorder = await startHelper(cable.proxy.namespace)
    const nginx = await startLabNginx(cable.proxy.namespace, configuration(port, location, servers))
    await cable.far.call('listen', { address: FAR, port, rules })
    await cable.proxy.call('ask', { ...LISTENER, requests })
    const seen = await stopped(recorder)
    const logged = bytesOf(nginx.attempts())
    await nginx.stop()
    assert.deepEqual(seen, logged)
    assert.ok(Object.values(seen).every(({ sent }) => sent > 0))
    return seen
  }

  test('short requests and answers, on new and on keepalive connections', async () => {
    port++
    const rules: Rules = {
      '/none': says({ send: 'HTTP/1.1 204 No Content\r\n\r\n' }),
      '/unchanged': says({ send: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n' }),
      '/head': says({ send: 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n' }),
      '/split': says(
        { send: 'HTTP/1.1 200 OK\r\nContent-' },
        { pause: 20 },
        { send: 'Length: 2\r\n\r\no' },
        { pause: 20 },
        { send: 'k' },
      ),
    }
    const paths = ['/short', '/none', '/unchanged', '/split']
    const round = [...paths.map(get), get('/head').replace('GET', 'HEAD')]
    const kept = await compare(rules, [...round, ...round, ...round], 'proxy_pass http://kept;')
    assert.equal(Object.keys(kept).length, 5)
    port++
    await compare(rules, round, `proxy_set_header Connection close; proxy_pass http://${FAR}:${port};`)
  })

  test('uploads, buffered and unbuffered, with a length and in chunks', async () => {
    const closing = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'
    // the raw backend does not parse chunks: it answers after a delay
    const rules: Rules = { '/chunks': says({ pause: 300 }, { send: closing }, { end: 'fin' }) }
    const pieces = range(1, 20).map(() => `1000\r\n${'c'.repeat(4096)}\r\n`)
    const chunked = `POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${pieces.join('')}0\r\n\r\n`
    for (const buffering of ['on', 'off']) {
      port++
      const requests = [post('/small', 10), post('/large', 300_000), chunked, post('/empty', 0)]
      const seen = await compare(
        rules,
        requests,
        `proxy_request_buffering ${buffering}; proxy_pass http://kept;`,
      )
      assert.ok((seen[`${FAR}:${port} POST /large`]?.sent ?? 0) > 300_000)
      assert.ok((seen[`${FAR}:${port} POST /chunks`]?.sent ?? 0) > 20 * 4096)
    }
  })

  test('large answers: with a length, in chunks, and until the connection closes', async () => {
    const part = 'y'.repeat(100_000)
    const chunk = `${part.length.toString(16)}\r\n${part}\r\n`
    const rules: Rules = {
      '/length': says({ send: ok(3_000_000) }),
      '/chunked': says(
        { send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' },
        ...range(1, 10).map((): Step => ({ send: chunk })),
        { send: '0\r\n\r\n' },
      ),
      '/to-the-end': says(
        { send: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n' },
        ...range(1, 10).map((): Step => ({ send: part })),
        { end: 'fin' },
      ),
    }
    for (const buffering of ['on', 'off']) {
      port++
      const requests = ['/length', '/chunked', '/to-the-end', '/length'].map(get)
      const seen = await compare(rules, requests, `proxy_buffering ${buffering}; proxy_pass http://kept;`)
      assert.ok((seen[`${FAR}:${port} GET /length`]?.received ?? 0) > 6_000_000)
    }
  })

  test('the bytes of interim heads belong to the answer', async () => {
    port++
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
    const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfinal'
    const rules = {
      '/hinted': says({ send: hint }, { pause: 30 }, { send: hint + answer }, { end: 'fin' }),
    }
    // this nginx may take the interim head as the answer, and the rest as its body: the bytes are the same
    const seen = await compare(rules, [get('/hinted')], `proxy_pass http://${FAR}:${port};`)
    assert.equal(seen[`${FAR}:${port} GET /hinted`]?.received, 2 * hint.length + answer.length)
  })

  test('a retry has its own bytes, and a failed attempt the bytes that passed', async () => {
    port++
    const half = 'HTTP/1.1 200 OK\r\nX-Half'
    const rules = {
      '/reset': says({ end: 'rst' }),
      '/half': says({ send: half }, { pause: 20 }, { end: 'fin' }),
    }
    await cable.far.call('listen', { address: OTHER, port })
    const servers = `upstream two { server ${FAR}:${port} max_fails=0; server ${OTHER}:${port} backup; }`
    const requests = [get('/reset'), get('/half'), get('/fine')]
    const seen = await compare(rules, requests, 'proxy_pass http://two;', servers)
    assert.equal(seen[`${FAR}:${port} GET /reset`]?.received, 0)
    assert.equal(seen[`${FAR}:${port} GET /half`]?.received, half.length)
    assert.equal(seen[`${OTHER}:${port} GET /half`]?.received, ok(3).length)
  })

  test('the bytes of a tunnel belong to the request that opened it', async () => {
    port++
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
    const frame = 'f'.repeat(2000)
    const rules = { '/tunnel': says({ send: switching }, { pause: 50 }, { send: frame }, { send: frame }) }
    const recorder = await startHelper(cable.proxy.namespace)
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      configuration(
        port,
        `proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://${FAR}:${port};`,
      ),
    )
    await cable.far.call('listen', { address: FAR, port, rules })
    const upgrade = 'GET /tunnel HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
    const steps: Step[] = [{ send: upgrade }, { answers: 1 }, { send: frame }, { send: frame }]
    await cable.proxy.call('talk', {
      ...LISTENER,
      steps: [...steps, { bytes: 4000 }, { pause: 100 }, { end: 'fin' }],
    })
    await until(() => nginx.attempts().length > 0)
    const seen = await stopped(recorder)
    assert.deepEqual(seen, bytesOf(nginx.attempts()))
    await nginx.stop()
    assert.equal(seen[`${FAR}:${port} GET /tunnel`]?.received, switching.length + 2 * frame.length)
    assert.ok((seen[`${FAR}:${port} GET /tunnel`]?.sent ?? 0) > 2 * frame.length)
  })

  test('the bytes of an open download and an open upload are counted before they end', async () => {
    port++
    const part = `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'z'.repeat(400_000)}`
    await cable.far.call('listen', {
      address: FAR,
      port,
      rules: { '/down': says({ send: part }, { end: 'hang' }), '/up': says({ pause: 60_000 }) },
    })
    const recorder = await startHelper(cable.proxy.namespace)
    const upload = `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'u'.repeat(200_000)}`
    const talks = [get('/down'), upload].map((send) =>
      cable.proxy.call('talk', { address: FAR, port, steps: [{ send }, { end: 'hang' }] }),
    )
    const [down, up] = [`${FAR}:${port} GET /down`, `${FAR}:${port} POST /up`]
    await until(
      () =>
        (recorded(recorder.frames)[down]?.received ?? 0) >= part.length &&
        (recorded(recorder.frames)[up]?.sent ?? 0) >= upload.length,
    )
    const open = recorded(recorder.frames)
    await cable.far.call('unlisten', port)
    await Promise.all(talks)
    const expected = {
      [down]: { sent: get('/down').length, received: part.length },
      [up]: { sent: upload.length, received: 0 },
    }
    assert.deepEqual(open, expected)
    assert.deepEqual(await stopped(recorder), expected)
  })

  test('a request on this host is counted with all its bytes once its backend is known', async () => {
    port++
    const interim = 'HTTP/1.1 100 Continue\r\n\r\n'
    const rules = { '/local': says({ send: interim }, { pause: 20 }, { send: ok(5) }) }
    await cable.proxy.call('listen', { address: '127.0.0.1', port, rules })
    const recorder = await startHelper(cable.proxy.namespace)
    const upload = post('/local', 3000)
    const steps: Step[] = [
      { send: upload.slice(0, 1000) },
      { pause: 20 },
      { send: upload.slice(1000) },
      { answers: 1 },
      { send: get('/local') },
      { answers: 2 },
      { end: 'fin' },
    ]
    await cable.proxy.call('talk', { address: '127.0.0.1', port, steps })
    const received = interim.length + ok(5).length
    assert.deepEqual(await stopped(recorder), {
      [`127.0.0.1:${port} GET /local`]: { sent: get('/local').length, received },
      [`127.0.0.1:${port} POST /local`]: { sent: upload.length, received },
    })
  })
})

const configuration = (port: number, location: string, servers = ''): string =>
  `upstream kept { server ${FAR}:${port}; keepalive 4; } ${servers}
   server { listen 127.0.0.1:${LISTENER.port}; location / { ${location} } }`

interface Bytes {
  readonly sent: number
  readonly received: number
}

/** By `address METHOD target`, like the recording. */
function bytesOf(attempts: readonly Attempt[]): Record<string, Bytes> {
  const rows: Record<string, Bytes> = {}
  for (const { backend, method, target, sent, received } of attempts) {
    const name = `${backend} ${method} ${target}`
    const row = rows[name] ?? { sent: 0, received: 0 }
    rows[name] = { sent: row.sent + (sent ?? 0), received: row.received + (received ?? 0) }
  }
  return sorted(rows)
}

const sorted = <T>(rows: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(rows).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Polls every 200 ms; what does not happen within 10 s fails in the assertion that follows. */
async function until(condition: () => boolean): Promise<void> {
  for (let n = 0; n < 50 && !condition(); n++) await sleep(200)
}

/** The bytes in the recording, by backend and route. */
function recorded(frames: readonly SecondFrame[]): Record<string, Bytes> {
  const bytes = sumOf(frames.map(ofFrame)).backends.flatMap(({ backend, routes }) =>
    routes.map(({ route, sentBytes, receivedBytes }) => [
      `${backend.address} ${route.method} ${route.path}`,
      { sent: sentBytes ?? Number.NaN, received: receivedBytes ?? Number.NaN },
    ]),
  )
  return sorted(Object.fromEntries(bytes) as Record<string, Bytes>)
}

/** Waits for segments under way, then stops the helper. */
async function stopped(helper: Helper): Promise<Record<string, Bytes>> {
  await sleep(150)
  return recorded((await helper.stop()).frames)
}
