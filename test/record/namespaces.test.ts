/** Names of network namespaces, from the helper's lines to the backends of frames. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { REUSED } from '../../src/frame/model/namespace.ts'
import { readSource, type Skipped } from '../../src/record/source.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { hello, linesOf, snapshot } from './wire-lines.ts'

const [WEB, SHOP] = [4_026_532_001, 4_026_532_002]
const at = (id: number, netns: number): unknown => ({ type: 'backend', id, address: '127.0.0.1:9001', netns })
const named = (id: number, more: Readonly<Record<string, unknown>>): unknown => ({
  type: 'namespace',
  id,
  ...more,
})
/** `connects` of backends 1 and 2 */
const tick = (second: number, ...connects: readonly number[]): unknown =>
  snapshot(second, {
    connections: connects.map((total, i) => [i + 1, total, 0, 0, 0, 0, '0', []]),
  })

async function read(messages: readonly unknown[]): Promise<{ rows: unknown[]; skipped: Skipped | null }> {
  const frames: SecondFrame[] = []
  let skipped: Skipped | null = null
  for await (const event of readSource(linesOf([hello, ...(messages as WireLine[])]))) {
    if (event.kind === 'frame') frames.push(event.frame)
    if (event.kind === 'skipped') skipped = event.skipped
  }
  const rows = frames.map(({ connections }) =>
    connections.map(({ backend: { netns, namespace }, connects }) => [netns, namespace ?? null, connects]),
  )
  return { rows, skipped }
}

test('a backend has the name of its namespace, and the same address in another is another one', async () => {
  const { rows, skipped } = await read([
    named(WEB, { names: ['web'], cgroup: '/a.service' }),
    at(1, WEB),
    named(SHOP, { cgroup: '/system.slice/nginx@shop.service' }),
    at(2, SHOP),
    snapshot(0),
    tick(1, 3, 4),
  ])
  assert.deepEqual(rows, [
    [
      [WEB, 'web', 3],
      [SHOP, 'nginx@shop.service', 4],
    ],
  ])
  assert.equal(skipped, null)
})

test('a name that comes late is that of all its rows; without a line, or a word in it, there is none', async () => {
  const { rows } = await read([
    at(1, WEB),
    named(SHOP, {}),
    at(2, SHOP),
    snapshot(0),
    tick(1, 1, 1),
    named(WEB, { names: ['web'] }),
    tick(2, 2, 2),
  ])
  assert.deepEqual(rows, [
    [
      [WEB, null, 1],
      [SHOP, null, 1],
    ],
    [
      [WEB, 'web', 1],
      [SHOP, null, 1],
    ],
  ])
})

test('a number that is called otherwise is another namespace from then on; the same words change nothing', async () => {
  const { rows } = await read([
    named(WEB, { names: ['web'] }),
    at(1, WEB),
    snapshot(0),
    tick(1, 1),
    named(WEB, { names: ['web'], cgroup: '/b.service' }),
    tick(2, 2),
    named(WEB, { names: ['shop'] }),
    tick(3, 5),
    named(WEB, {}),
    at(2, WEB),
    tick(4, 6, 1),
  ])
  assert.deepEqual(rows, [
    [[WEB, 'web', 1]],
    [[WEB, 'web', 1]],
    [[WEB + REUSED, 'shop', 3]],
    [[WEB + REUSED, 'shop', 2]],
  ])
})

test('lines that are none are counted, and long names are cut', async () => {
  const { rows, skipped } = await read([
    named(-1, {}),
    named(WEB, { names: 'web' }),
    named(WEB, { cgroup: 7 }),
    named(WEB, { host: 'yes' }),
    named(WEB, { names: ['x'.repeat(1000)] }),
    at(1, WEB),
    snapshot(0),
    tick(1, 1),
  ])
  assert.equal(skipped?.lines, 4)
  assert.deepEqual(rows, [[[WEB, `${'x'.repeat(127)}…`, 1]]])
})
