/**
 * `proxy_pass https://` with `--tls`: requests, answers, codes and bytes equal nginx's log, whoever the backend is and however TLS
 * was agreed on. How it is read: bpf/kernel/hooks/plaintext.h.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytesOf, loggedBytes } from './lab/bytes.ts'
import { certificates, SERVER_NAME } from './lab/certificates.ts'
import { assertEqualsTruth, requestsOf, rowsOf, truthOf } from './lab/compare.ts'
import { range } from './lab/network.ts'
import type { Rules, Step } from './lab/protocol.ts'
import { FAR6, lackingTls, READ, TlsLab, type Leg, type OpenLeg, type Recorded } from './lab/tls-lab.ts'
import { LONG } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const get = (path: string, method = 'GET'): string => `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (path: string, bytes: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${'b'.repeat(bytes)}`
const postChunks = (path: string, count: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${`1000\r\n${'c'.repeat(4096)}\r\n`.repeat(count)}0\r\n\r\n`
const ok = (bytes: number): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
/** What a backend of node's answers. A `send` is a record. */
const RULES: Rules = {
  '/tiny': { steps: [{ send: ok(2) }] },
  '/large': { steps: [{ send: ok(300_000) }] },
  '/head': { steps: [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n' }] },
  '/none': { steps: [{ send: 'HTTP/1.1 204 No Content\r\n\r\n' }] },
  '/unchanged': { steps: [{ send: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n' }] },
  '/missing': { steps: [{ send: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' }] },
  '/broken': { steps: [{ send: 'HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno' }] },
  '/chunks': {
    steps: [
      { send: CHUNKED },
      ...range(1, 12).map((n): Step => ({ send: `${(n * 500).toString(16)}\r\n${'d'.repeat(n * 500)}\r\n` })),
      { send: '0\r\n\r\n' },
    ],
  },
  '/pieces': {
    steps: [
      { send: 'HTTP/1.1 200 OK\r\nContent-' },
      { pause: 3 },
      { send: 'Length: 2\r\n\r\no' },
      { send: 'k' },
    ],
  },
  '/closes': {
    steps: [{ send: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok' }, { end: 'fin' }],
  },
  '/until-the-end': {
    steps: [{ send: `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${'y'.repeat(90_000)}` }, { end: 'fin' }],
  },
}
const OF_NODE = [
  ...Object.keys(RULES).map((path) => get(path, path === '/head' ? 'HEAD' : 'GET')),
  get('/tiny?q=1&r=2'),
  post('/upload', 700_000),
  postChunks('/upload-chunks', 60),
  post('/nothing', 0),
]
/** By the paths that python's server and the lab's nginx know. */
const OF_OTHERS = [
  get('/bytes/2'),
  get('/bytes/10000'),
  get('/bytes/300000'),
  get('/bytes/4000', 'HEAD'),
  get('/status/204'),
  get('/status/304'),
  get('/status/404'),
  post('/upload', 700_000),
]
/** A directive's word has 4 KB at most. */
const NGINX_SERVER = `set $k ${'x'.repeat(1000)}; set $ten "${'$k'.repeat(10)}"; set $hundred "${'$ten'.repeat(10)}";
  location = /bytes/2 { return 200 ok; }
  location = /bytes/4000 { return 200 $k$k$k$k; }
  location = /bytes/10000 { return 200 $ten; }
  location = /bytes/300000 { return 200 $hundred$hundred$hundred; }
  location = /status/204 { return 204; }
  location = /status/304 { return 304; }
  location = /status/404 { return 404; }
  location = /upload { proxy_pass $whole; }`

describe('TLS', { skip: lackingTls('python3') }, () => {
  const lab = new TlsLab(9100)

  test('a backend of node’s: TLS 1.2 and 1.3, keepalive and close, over IPv4 and IPv6', async () => {
    const kinds: readonly Leg[] = (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
      [true, false].map((fresh): Leg => ({ rules: RULES, tls: { version }, fresh })),
    )
    const legs = await openAll([...kinds, { rules: RULES, address: FAR6 }])
    const recorded = await lab.record(legs, () =>
      askAll(legs, OF_NODE, Math.ceil((LONG ? 20_000 : 100) / OF_NODE.length)),
    )
    assertIsRead(recorded)
    assert.deepEqual(requestsOf(recorded.served), requestsOf(truthOf(recorded.attempts)), 'ledger and log')
  })

  test('python’s ssl and another nginx as backends', async () => {
    const legs = await openAll([
      { listen: lab.pythonBackend },
      { listen: lab.pythonBackend, fresh: true },
      { listen: lab.nginxBackend(NGINX_SERVER) },
      { listen: lab.nginxBackend(NGINX_SERVER), fresh: true },
    ])
    assertIsRead(await lab.record(legs, () => askAll(legs, OF_OTHERS, 6)))
  })

  test('sessions resumed and not, SNI on and off, certificates of both sides verified', async () => {
    const { authority, client } = certificates()
    const verified = `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${authority}; proxy_ssl_name ${SERVER_NAME};`
    const known = `proxy_ssl_certificate ${client.certificate}; proxy_ssl_certificate_key ${client.key};`
    const legs = await openAll(
      (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version): readonly Leg[] => [
        { rules: RULES, fresh: true, tls: { version }, location: 'proxy_ssl_session_reuse off;' },
        { rules: RULES, fresh: true, tls: { version }, location: `proxy_ssl_server_name on; ${verified}` },
        { rules: RULES, fresh: true, tls: { version }, location: `proxy_ssl_server_name off; ${verified}` },
        { rules: RULES, fresh: true, tls: { version, clients: 'known' }, location: known },
      ]),
    )
    assertIsRead(await lab.record(legs, () => askAll(legs, OF_NODE.slice(0, 4), 5)))
  })

  test('nothing is buffered: bodies pass as they come, in both directions', async () => {
    const location = 'proxy_buffering off; proxy_request_buffering off;'
    const legs = await openAll([
      { rules: RULES, location },
      { rules: RULES, location, fresh: true },
    ])
    assertIsRead(await lab.record(legs, () => askAll(legs, OF_NODE, 5)))
  })

  test('send buffers are full: a body that its backend is slow to read', async () => {
    const legs = await openAll([
      { deaf: 300, fresh: true },
      { deaf: 300, fresh: true, location: 'proxy_request_buffering off;' },
    ])
    const requests = [post('/slow', 5_000_000), postChunks('/slow-chunks', 500)]
    assertIsRead(await lab.record(legs, () => askAll(legs, requests, 2)))
  })

  test('a tunnel is its request’s, with all its bytes', async () => {
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
    const [leg] = await openAll([
      {
        rules: { '/tunnel': { steps: [{ send: switching }], echo: true } },
        location: 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;',
      },
    ])
    const upgrade = 'GET /tunnel HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
    const frame = 'GET /not-a-request HTTP/1.1\r\n\r\n'.padEnd(2000, 'f')
    const said: readonly Step[] = [
      { send: frame },
      { bytes: frame.length },
      { send: frame },
      { bytes: frame.length },
    ]
    const recorded = await lab.record([leg!], async (nginx) => {
      const steps: readonly Step[] = [
        { send: upgrade },
        { answers: 1 },
        { bytes: 0 },
        ...said,
        { end: 'fin' },
      ]
      await lab.cable.proxy.call(
        'talkMany',
        range(1, 5).map(() => ({ address: '127.0.0.1', port: leg!.listener, steps })),
      )
      await nginx.logged(5)
    })
    assertIsRead(recorded)
    assert.deepEqual(truthOf(recorded.attempts), {
      [`${leg!.backend} GET /tunnel`]: { requests: 5, codes: { 101: 5 } },
    })
  })

  test('connections that are older than the recorder are read from their next request on', async () => {
    const legs = await openAll([{ rules: RULES }, { rules: RULES, tls: { version: 'TLSv1.2' } }])
    const nginx = await lab.startNginx(legs)
    await askAll(legs, [get('/tiny'), get('/large')], 8)
    await nginx.logged(32)
    const seen = await watch(lab.cable.proxy.namespace, () => askAll(legs, OF_NODE, 3), READ)
    const attempts = nginx.attempts().slice(32)
    assertEqualsTruth(seen, truthOf(attempts))
    assert.deepEqual(bytesOf(seen), loggedBytes(attempts))
    // Those that /closes has closed were opened again.
    assert.ok(seen.sum.totals.connection.connects < attempts.length / 2)
  })

  test('connections that nginx opens while the recorder starts are read', async () => {
    const slow: Rules = { '*': { steps: [{ pause: 150 }, { send: ok(2) }] } }
    const leg = await lab.open({ rules: slow })
    await lab.startNginx([leg])
    const growing = (async () => {
      // All are busy at once: each time one more is opened.
      for (const connections of range(1, 12)) await lab.ask(leg, [get('/early')], connections, connections)
    })()
    const { seen } = await lab.watch(async () => {
      await growing
      await lab.ask(leg, [get('/late')], 60, 12)
    })
    assert.equal(rowsOf(seen)[`${leg.backend} GET /late`]?.requests, 60)
  })

  const openAll = async (legs: readonly Leg[]): Promise<readonly OpenLeg[]> => {
    const open: OpenLeg[] = []
    for (const leg of legs) open.push(await lab.open(leg))
    return open
  }
  const askAll = (legs: readonly OpenLeg[], requests: readonly string[], times: number): Promise<unknown> =>
    Promise.all(legs.map((leg) => lab.ask(leg, requests, times)))
})

function assertIsRead({ seen, attempts }: Recorded): void {
  assertEqualsTruth(seen, truthOf(attempts))
  assert.deepEqual(bytesOf(seen), loggedBytes(attempts))
  const { requests, connection } = seen.sum.totals
  assert.equal(connection.tlsRequests, requests)
  assert.equal(seen.sum.excluded.tls, 0)
}
