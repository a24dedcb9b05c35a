/** The number of routes is bounded, and the totals of backends stay exact when the bound is reached. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { assertReconciles, rowsOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { lacking, LONG } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

describe('routes', { skip: lacking() }, () => {
  let cable: Cable
  let port = 8600
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  test('path segments that are ids become :id, and no others', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const templates: readonly (readonly [string, string])[] = [
      ['/orders/4711', '/orders/:id'],
      ['/orders/4711/items/2', '/orders/:id/items/:id'],
      ['/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/x', '/u/:id/x'],
      ['/u/3F2504E0-4F89-11D3-9A0C-0305E82C3301', '/u/:id'],
      ['/blob/deadbeef1', '/blob/:id'],
      ['/blob/deadbeef', '/blob/deadbeef'],
      ['/blob/abc123', '/blob/abc123'],
      ['/t/AbCdEfGhIjKlMnOpQrStUvW1', '/t/:id'],
      ['/t/abcdefghijklmnopqrstuvw1', '/t/abcdefghijklmnopqrstuvw1'],
      ['/t/a1-b2_C3d4e5f6g7h8i9j0kx', '/t/:id'],
      ['/v1/oauth2/ipv4/s3', '/v1/oauth2/ipv4/s3'],
      ['/1', '/:id'],
      ['/', '/'],
      ['//7//', '//:id//'],
      ['/8/', '/:id/'],
      ['/9?next=/10/x', '/:id'],
      ['/3f2504e0-4f89-11d3-9a0c-0305e82c330', '/3f2504e0-4f89-11d3-9a0c-0305e82c330'],
    ]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests: templates.map(([path]) => get(path)) }),
    )
    const expected: Record<string, number> = {}
    for (const [, route] of templates) expected[route] = (expected[route] ?? 0) + 1
    assert.deepEqual(routesOf(seen), sorted(expected))
    assertReconciles(seen)
  })

  test('a path beyond 128 bytes is cut to 127 and an ellipsis, and counted as folded', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const paths = [`/${'a'.repeat(127)}`, `/${'b'.repeat(128)}`, `/${'c'.repeat(4096)}`]
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests: paths.map(get), times: 3 }),
    )
    assert.deepEqual(routesOf(seen), {
      [`/${'a'.repeat(127)}`]: 3,
      [`/${'b'.repeat(126)}…`]: 3,
      [`/${'c'.repeat(126)}…`]: 3,
    })
    assert.equal(seen.sum.loss.pathFolded, 6)
    assertReconciles(seen)
  })

  test('hostile bytes arrive as text, one row each', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const requests = ['/\x1b[2J', '/\xff\xfe', '/"quoted"\\', '/\xc3\xa4', '/<script>', '/\x7f\x80'].map(get)
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', { address: FAR, port, requests, times: 2 }),
    )
    const two = (path: string): [string, number] => [path, 2]
    assert.deepEqual(
      routesOf(seen),
      sorted(
        Object.fromEntries(
          ['/\x1b[2J', '/\\xFF\\xFE', '/"quoted"\\', '/ä', '/<script>', '/\x7f\\x80'].map(two),
        ),
      ),
    )
    assertReconciles(seen)
  })

  test('after 50,000 distinct paths a new backend has exact totals', async () => {
    port++
    for (const address of [FAR, '10.77.0.3']) await cable.far.call('listen', { address, port, fast: true })
    const seen = await watch(
      cable.proxy.namespace,
      async () => {
        const flood = { address: FAR, port, requests: [get('/path{n}x')], times: 50_000, connections: 16 }
        await cable.proxy.call('ask', { ...flood, numbered: true })
        await cable.proxy.call('ask', {
          address: '10.77.0.3',
          port,
          requests: [get('/new')],
          times: 500,
          connections: 4,
        })
      },
      ['--routes-as', 'raw'],
    )
    const rows = rowsOf(seen)
    assert.equal(Object.keys(rows).length, 50_001)
    assert.deepEqual(rows[`10.77.0.3:${port} GET /new`], { requests: 500, codes: { 200: 500 } })
    assert.deepEqual(totalsOf(seen), { [`${FAR}:${port}`]: 50_000, [`10.77.0.3:${port}`]: 500 })
    assertReconciles(seen)
  })

  test('a used route costs the helper about 100 bytes, not a copy of its counters', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port, fast: true })
    const routes = 30_000
    let [before, after] = [0, 0]
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      before = memoryOf(helper.pid)
      // Over many ticks: the helper also holds the text of one tick.
      for (let from = 0; from < routes; from += 3000) {
        const requests = Array.from({ length: 3000 }, (_, i) => get(`/r${from + i}r`))
        await cable.proxy.call('ask', { address: FAR, port, requests, connections: 8 })
        await helper.nextFrame()
      }
      await helper.nextFrame()
      after = memoryOf(helper.pid)
    })
    assert.equal(Object.keys(routesOf(seen)).length, routes)
    assert.ok(after - before < 200 * routes, `${after - before} bytes for ${routes} routes`)
    assertReconciles(seen)
  })

  test('routes beyond the limit are OTHER, with exact backend totals', async () => {
    port++
    for (const address of [FAR, '10.77.0.3']) await cable.far.call('listen', { address, port, fast: true })
    const seen = await watch(
      cable.proxy.namespace,
      async () => {
        const flood = { address: FAR, port, requests: [get('/path{n}x')], times: 80_000, connections: 16 }
        await cable.proxy.call('ask', { ...flood, numbered: true })
        await cable.proxy.call('ask', {
          address: '10.77.0.3',
          port,
          requests: [get('/new')],
          times: 500,
          connections: 4,
        })
      },
      ['--routes-as', 'raw'],
    )
    assert.deepEqual(totalsOf(seen), { [`${FAR}:${port}`]: 80_000, [`10.77.0.3:${port}`]: 500 })
    const other = seen.sum.backends.flatMap(({ routes }) =>
      routes.filter(({ route }) => route.path === 'OTHER'),
    )
    assert.ok(other.length > 0)
    assert.equal(other[0]?.route.method, '*')
    assertReconciles(seen)
  })

  const ids = LONG ? 999_999 : 150_000
  test(`${ids} distinct ids under three templates are three routes with exact counts`, async () => {
    port++
    await cable.far.call('listen', { address: FAR, port, fast: true })
    const requests = ['/orders/{n}', '/users/{n}/cart', '/i/aaaaaaaa{n}'].map(get)
    const seen = await watch(cable.proxy.namespace, () =>
      cable.proxy.call('ask', {
        address: FAR,
        port,
        requests,
        times: ids / 3,
        connections: 16,
        numbered: true,
      }),
    )
    const each = ids / 3
    assert.deepEqual(routesOf(seen), { '/i/:id': each, '/orders/:id': each, '/users/:id/cart': each })
    const [first, last] = [seen.frames[1] ?? seen.frames[0], seen.frames.at(-1)]
    assert.ok(last!.cost.rssBytes < first!.cost.rssBytes + 8e6, 'memory does not grow')
    assertReconciles(seen)
  })
})

const sorted = (counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))

function routesOf(seen: Seen): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { routes } of seen.sum.backends)
    for (const { route, requests } of routes) counts[route.path] = (counts[route.path] ?? 0) + requests
  return sorted(counts)
}

const totalsOf = (seen: Seen): Record<string, number> =>
  sorted(Object.fromEntries(seen.sum.backends.map(({ backend, requests }) => [backend.address, requests])))

/** Anonymous memory, in bytes; without maps. */
function memoryOf(pid: number): number {
  const [, kilobytes] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
