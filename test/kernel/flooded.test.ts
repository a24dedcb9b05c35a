/**
 * Floods of requests through nginx, or by other processes, neither change its route names nor take the table entries reserved
 * for it.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildHelper } from './lab/build.ts'
import { assertExcluded, assertNothingLost, assertReconciles, rowsOf } from './lab/compare.ts'
import { Cable, range } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { inside, lacking, PROBE, sh } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const NOWHERE = '10.77.0.99'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const FLOOD = fileURLToPath(new URL('lab/flood.py', import.meta.url))

describe('floods', { skip: lacking('python3', 'setpriv', 'make') }, () => {
  let cable: Cable
  let folder: string
  let port = 8900
  before(async () => {
    cable = await Cable.create()
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-flooded-'))
    const neighbour = ['neigh', 'replace', NOWHERE, 'lladdr', '02:00:00:00:00:99', 'dev', 'leg']
    await sh('ip', '-n', cable.proxy.namespace, ...neighbour)
  })
  after(async () => {
    await cable.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Runs flood.py as nobody. */
  const flood = (work: 'refused' | 'silent', name: string, count: number): Promise<string> => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const words = ['/usr/bin/python3', FLOOD, work, name, NOWHERE, '9', String(count)]
    return inside(cable.proxy.namespace, ...nobody, ...words)
  }

  /** Records requests for these paths, in order, through an nginx whose backend is unknown until then. */
  async function through(
    paths: readonly string[],
    before: () => Promise<unknown>,
    program: string = PROBE,
    args: readonly string[] = [],
  ): Promise<Seen> {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / { proxy_pass http://${FAR}:${port}; } }`,
    )
    const seen = await watch(
      cable.proxy.namespace,
      async () => {
        await before()
        const ask = { address: '127.0.0.1', port: 8080, times: 20 }
        for (const path of paths) await cable.proxy.call('ask', { ...ask, requests: [get(path)] })
      },
      args,
      program,
    )
    await nginx.stop()
    assertReconciles(seen)
    return seen
  }

  /** A helper with tables small enough for a test to fill. */
  let built: Promise<string> | null = null
  const small = (): Promise<string> =>
    (built ??= buildHelper(folder, '-DFEW_FLOWS=16 -DMAX_FLOWS=64 -DMAX_ROUTES=64'))

  const row = (path: string) => ({ [`${FAR}:${port} GET ${path}`]: { requests: 20, codes: { 200: 20 } } })

  test('a path made to collide with another in a hash gets its own row', async () => {
    const path = '/api/v1/users/list'
    const seen = await through([collidingPath(path), path], () => Promise.resolve())
    assert.deepEqual(rowsOf(seen), { ...row('/ap\\xE9/v1\\xAFuse\\xF2s/list'), ...row(path) })
    assertNothingLost(seen)
  })

  test('a process named nginx does not take the backends of another', async () => {
    const seen = await through(['/x'], () => flood('refused', 'nginx', 4200))
    assert.deepEqual(rowsOf(seen), row('/x'))
    assert.ok(seen.sum.backends.length > 2000, 'its own backends are rows')
    assertNothingLost(seen)
  })

  test('connections and paths of other processes leave table entries for nginx', async () => {
    for (const name of ['client', 'nginx']) {
      const seen = await through(
        ['/x', '/y'],
        async () => {
          const requests = range(1, 200).map((n) => get(`/of-others/${'x'.repeat(n)}`))
          await cable.proxy.call('ask', { address: FAR, port, requests, connections: 1 })
          await flood('silent', name, 300)
        },
        await small(),
      )
      for (const [key, value] of Object.entries({ ...row('/x'), ...row('/y') }))
        assert.deepEqual(rowsOf(seen)[key], value, name)
      assert.ok(seen.sum.loss.mapRefused > 0, 'refused entries are counted')
    }
  })

  test('with --nginx-only connections of other processes take no entries when they have ended', async () => {
    const close = { send: 'GET /close HTTP/1.1\r\nHost: x\r\n\r\n' }
    const seen = await through(
      ['/x'],
      () => {
        const steps = [close, { answers: 1 }, { end: 'fin' as const }]
        const one = { address: FAR, port, steps }
        return range(1, 200).reduce<Promise<unknown>>(
          (last) => last.then(() => cable.proxy.call('talk', one)),
          Promise.resolve(),
        )
      },
      await small(),
      ['--nginx-only'],
    )
    assert.deepEqual(rowsOf(seen), row('/x'))
    assertExcluded(seen, 'notNginx', 200)
    assertNothingLost(seen)
  })
})

/** The top bits of bytes 7, 11 and 15 of the request line cancelled each other out in the line hash, whatever its seed. */
function collidingPath(path: string): string {
  const bytes = Buffer.from(path)
  for (const at of [7, 11, 15]) bytes[at - 'GET '.length]! ^= 0x80
  return bytes.toString('latin1')
}
