/** What `--tls` must leave alone: clients' TLS, what is no HTTP, the server's side of a backend that is nginx, and all of it without the option. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { protocolOf } from '../../src/frame/model/protocol.ts'
import { bytesOf, loggedBytes } from './lab/bytes.ts'
import { certificates } from './lab/certificates.ts'
import {
  assertEqualsTruth,
  assertExcluded,
  assertNothingLost,
  assertReconciles,
  countsOf,
  rowsOf,
  truthOf,
} from './lab/compare.ts'
import { range } from './lab/network.ts'
import { lackingTls, READ, TlsLab } from './lab/tls-lab.ts'
import { inside } from './lab/system.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
/** Of another package than nginx. */
const STREAM_MODULE = process.env.LAB_STREAM_MODULE ?? '/usr/lib/nginx/modules/ngx_stream_module.so'
const lackingStream = existsSync(STREAM_MODULE) ? false : 'needs libnginx-mod-stream'

describe('TLS that is left alone', { skip: lackingTls('curl') }, () => {
  const lab = new TlsLab(9500)

  test('without --tls a row says tls, and nothing else is known of it', async () => {
    const leg = await lab.open()
    const { seen, attempts } = await lab.record([leg], () => lab.ask(leg, [get('/a')], 10), {
      args: READ.filter((word) => word !== '--tls'),
    })
    const [row] = seen.sum.backends
    assert.equal(row?.backend.address, leg.backend)
    assert.equal(protocolOf(row), 'tls')
    assert.deepEqual(rowsOf(seen), {})
    assert.equal(row.connection.tlsRequests, 0)
    assert.equal(seen.sum.excluded.tls, row.connection.connects)
    assert.equal(seen.hello.tls, undefined)
    assert.equal(attempts.length, 10)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('plain and TLS upstreams of one nginx, behind a plain door and behind one of TLS', async () => {
    const { certificate, key } = certificates().server
    const leg = await lab.open()
    const plain = { address: leg.address, port: leg.port + 400 }
    await lab.cable.far.call('listen', plain)
    const http = `server { listen 127.0.0.1:8443 ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
      location /plain { proxy_pass http://${plain.address}:${plain.port}; }
      location /tls { proxy_pass https://${leg.backend}; }
      location /own { return 200 own; } }`
    const { seen, attempts } = await lab.record(
      [leg],
      async (nginx) => {
        await lab.ask(leg, [get('/door')], 10)
        for (const path of ['/plain', '/tls', '/own', '/plain', '/tls'])
          await inside(lab.cable.proxy.namespace, 'curl', '-sk', `https://127.0.0.1:8443${path}`)
        await nginx.logged(14)
      },
      { http },
    )
    assertEqualsTruth(seen, truthOf(attempts))
    assert.deepEqual(bytesOf(seen), loggedBytes(attempts))
    assert.equal(seen.sum.totals.connection.tlsRequests, 12)
    assert.equal(seen.sum.excluded.tls, 0)
  })

  test('a backend that is an nginx of the same program, in the same place: its own side is not counted', async () => {
    const leg = await lab.open()
    const { certificate, key } = certificates().server
    const backend = `127.0.0.1:${leg.port + 400}`
    const http = `server { listen ${backend} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
      location /there { return 200 there; } location /through { proxy_pass https://${leg.backend}; } }
      server { listen 127.0.0.1:8070; location / { proxy_pass https://${backend}; } }`
    const { seen, attempts } = await lab.record(
      [leg],
      () =>
        lab.cable.proxy.call('ask', {
          ...{ address: '127.0.0.1', port: 8070, times: 20, connections: 4 },
          requests: [get('/there'), get('/through')],
        }),
      { http },
    )
    assert.equal(attempts.length, 60)
    // A door of nginx's own is no upstream, within TLS as without.
    const behind = attempts.filter((attempt) => attempt.backend === leg.backend)
    assert.deepEqual(rowsOf(seen), truthOf(behind))
    assert.deepEqual(bytesOf(seen), loggedBytes(behind))
    assert.equal(seen.sum.totals.connection.tlsRequests, 20)
    assertExcluded(seen, 'frontDoor', 40)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('stream {} with proxy_ssl is connections of TLS alone', { skip: lackingStream }, async () => {
    const leg = await lab.open()
    const streams = {
      before: `load_module ${STREAM_MODULE};`,
      behind: `stream { server { listen 127.0.0.1:8060; proxy_pass ${leg.backend}; proxy_ssl on; } }`,
    }
    const nginx = await lab.startNginx([], '', false, streams)
    const { seen } = await lab.watch(async () => {
      const steps = [{ send: 'PING\n' }, { pause: 100 }, { end: 'fin' as const }]
      await lab.cable.proxy.call(
        'talkMany',
        range(1, 6).map(() => ({ address: '127.0.0.1', port: 8060, steps })),
      )
    })
    await lab.nginxes.stop(nginx)
    assert.deepEqual(rowsOf(seen), {})
    assert.deepEqual(countsOf(seen, leg.backend), { connects: 6, requests: 0, failures: 0 })
    assert.equal(seen.sum.excluded.tls, 6)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('--ignore and --only hold for what is within TLS, too', async () => {
    const legs = [await lab.open(), await lab.open(), await lab.open({ address: '10.77.0.3' })]
    const { seen, attempts } = await lab.record(
      legs,
      () => Promise.all(legs.map((leg) => lab.ask(leg, [get('/a')], 8))),
      { args: [...READ, '--ignore', String(legs[1]!.port), '--only', '10.77.0.2/32'] },
    )
    const read = attempts.filter(({ backend }) => backend === legs[0]!.backend)
    assert.deepEqual(rowsOf(seen), truthOf(read))
    assert.equal(attempts.length, 24)
    assertReconciles(seen)
  })

  test('two recorders at the same time, one without --tls: each has what it reads', async () => {
    const leg = await lab.open()
    const recordings: Awaited<ReturnType<typeof lab.watch>>[] = []
    const nginx = await lab.startNginx([leg])
    const outer = await lab.watch(async () => {
      recordings.push(
        await lab.watch(async () => {
          recordings.push(await lab.watch(() => lab.ask(leg, [get('/a')], 20), []))
        }),
      )
    })
    const logged = truthOf(nginx.attempts())
    await lab.nginxes.stop(nginx)
    const [without, inner] = recordings
    assertEqualsTruth(outer.seen, logged)
    assertEqualsTruth(inner!.seen, logged)
    assert.deepEqual(rowsOf(without!.seen), {})
  })
})
