/** Every TCP upstream of nginx is a row, whatever it speaks: docs/NUMBERS.md, `protocol`. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertNothingLost, assertReconciles, rowsOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { lacking, ROOT, sh } from './lab/system.ts'
import { watch } from './lab/watch.ts'
import { protocolOf } from '../../src/frame/model/protocol.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
/** What nginx's directives speak. */
const SPOKEN = {
  fastcgi: (to: string) => `fastcgi_pass ${to}; fastcgi_param QUERY_STRING a=b;`,
  uwsgi: (to: string) => `uwsgi_pass ${to}; uwsgi_param QUERY_STRING a=b;`,
  scgi: (to: string) => `scgi_pass ${to}; scgi_param QUERY_STRING a=b;`,
  memcached: (to: string) => `set $memcached_key k; memcached_pass ${to};`,
  tls: (to: string) => `proxy_pass https://${to};`,
} as const
const HOSTS = ['10.77.0.2', '[fd77::2]'] as const

describe('protocols', { skip: lacking() }, () => {
  let cable: Cable
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-protocols-'))
  const first = 9400
  const backends = HOSTS.flatMap((host) =>
    Object.keys(SPOKEN).map((protocol, i) => ({ protocol, address: `${host}:${first + i}` })),
  )
  const pages = backends.map(
    ({ protocol, address }, i) => `location = /${i} { ${SPOKEN[protocol as keyof typeof SPOKEN](address)} }`,
  )
  // The connect timeout is that of the TLS handshake, too.
  const conf = `server { listen 127.0.0.1:8080; proxy_connect_timeout 200ms; proxy_read_timeout 200ms; fastcgi_read_timeout 200ms; uwsgi_read_timeout 200ms;
    scgi_read_timeout 200ms; memcached_read_timeout 200ms; ${pages.join('\n')} }`

  before(async () => {
    cable = await Cable.create()
    // They take what comes and answer nothing: what nginx says first is all that tells.
    for (const address of ['10.77.0.2', 'fd77::2'])
      for (const [i] of Object.keys(SPOKEN).entries())
        await cable.far.call('listen', {
          address,
          port: first + i,
          rules: { '*': { steps: [{ end: 'hang' }] } },
        })
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  test('FastCGI, uwsgi, SCGI, memcached and TLS are rows with their connects, over IPv4 and IPv6', async () => {
    const nginx = await startLabNginx(cable.proxy.namespace, conf)
    const seen = await watch(cable.proxy.namespace, () => askAll(5))
    const attempts = nginx.attempts()
    await nginx.stop()
    const rows = seen.sum.backends.map((sum) => [
      sum.backend.address,
      protocolOf(sum),
      sum.connection.connects,
    ])
    const truth = backends.map(({ protocol, address }) => [
      address,
      protocol,
      attempts.filter(({ backend }) => backend === address).length,
    ])
    assert.deepEqual(rows.sort(), truth.sort())
    assert.deepEqual(rowsOf(seen), {})
    assert.equal(seen.sum.excluded.tls, 10)
    assertNothingLost(seen)
    assertReconciles(seen)
  })

  test('uwsgi is told whatever its modifiers and its first variable are', async () => {
    const to = backends.find(({ protocol }) => protocol === 'uwsgi')!.address
    const ways = [
      '0 0 QUERY_STRING',
      '5 0 QUERY_STRING',
      '30 0 HTTP_HOST',
      '0 1 UWSGI_SCHEME',
      '255 7 A',
    ].map((way) => way.split(' '))
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; uwsgi_read_timeout 200ms; ${ways
        .map(
          ([one, two, name], i) =>
            `location = /${i} { uwsgi_pass ${to}; uwsgi_modifier1 ${one}; uwsgi_modifier2 ${two}; uwsgi_param ${name} b; }`,
        )
        .join('\n')} }`,
    )
    const requests = ways.map((_, i) => get(`/${i}`))
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 2 }),
    )
    await nginx.stop()
    assert.deepEqual(
      seen.sum.backends.map(({ backend, connection }) => [backend.address, connection.uwsgiConnects]),
      [[to, 10]],
    )
  })

  test('what cannot be read is told as such in JSON and in the report, and its failures are a share of its connects', async () => {
    const shut = `${HOSTS[0]}:9`
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      conf.replace(
        'server {',
        `upstream half { server ${backends[0]!.address} max_fails=0; server ${shut} max_fails=0; } server { location = /half { fastcgi_pass half; fastcgi_next_upstream off; fastcgi_param QUERY_STRING a=b; } `,
      ),
    )
    const file = join(folder, 'x.db')
    const main = join(ROOT, 'dist/main.js')
    const words = ['netns', 'exec', cable.proxy.namespace, process.execPath, main, 'record', '--out', file]
    const recorder = spawn('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = once(recorder, 'exit')
    await once(recorder.stderr.resume(), 'data')
    await askAll(2)
    for (let n = 0; n < 6; n++)
      await cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get('/half')], times: 1 })
    await sleep(300)
    recorder.kill('SIGINT')
    await ended
    await nginx.stop()
    const run = (...words: readonly string[]): Promise<string> => sh(process.execPath, main, ...words)
    const report = JSON.parse(await run('report', file, '--format', 'json')) as {
      readonly backends: readonly {
        backend: string
        protocol: string | null
        connects: number
        failures: { refused: number }
      }[]
    }
    for (const { protocol, address } of backends)
      assert.equal(report.backends.find(({ backend }) => backend === address)?.protocol, protocol)
    const refused = report.backends.find(({ backend }) => backend === shut)
    assert.deepEqual([refused?.protocol, refused?.failures.refused], [null, 3])
    assert.match(await run('report', file), /fastcgi, not readable/)
    const connects = report.backends.reduce((sum, row) => sum + row.connects, 0)
    const share = (3 / (connects + 3)) * 100
    await run(
      'assert',
      file,
      `failures > ${(share - 0.01).toFixed(3)}%`,
      `failures < ${(share + 0.01).toFixed(3)}%`,
    )
  })

  async function askAll(times: number): Promise<void> {
    await Promise.all(
      backends.map((_, i) =>
        cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get(`/${i}`)], times }),
      ),
    )
  }
})
