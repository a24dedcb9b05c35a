/** What packets carried, from the helper's lines to frames. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { readSource, type Skipped } from '../../src/record/source.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { backend, hello, linesOf, snapshot } from './wire-lines.ts'

const wire = (id: number, address = `10.244.0.${id}:8080`, of = 1): WireLine => ({
  type: 'wire',
  id,
  backend: of,
  address,
})
const retired = (id: number): WireLine => ({ type: 'retired_wire', id })

async function read(messages: readonly unknown[]): Promise<{ wires: unknown[]; skipped: Skipped | null }> {
  const frames: SecondFrame[] = []
  let skipped: Skipped | null = null
  for await (const event of readSource(linesOf(messages as WireLine[]))) {
    if (event.kind === 'frame') frames.push(event.frame)
    if (event.kind === 'skipped') skipped = event.skipped
  }
  const row = ({
    wire: { address },
    connects,
    requests,
    failures,
  }: NonNullable<SecondFrame['wires']>[number]): unknown[] => [address, connects, requests, failures]
  return { wires: frames.map((frame) => frame.wires?.map(row) ?? null), skipped }
}

test('a tick has the differences of the totals, and only rows in which something happened', async () => {
  const { wires, skipped } = await read([
    hello,
    backend,
    wire(5),
    snapshot(0, { wires: [[5, 3, 30, 1]] }),
    wire(6),
    snapshot(1, {
      wires: [
        [5, 4, 35, 1],
        [6, 1, 1, 1],
      ],
    }),
    snapshot(2, { wires: [] }),
    snapshot(3, {
      wires: [
        [5, 4, 35, 1],
        [6, 1, 2, 2],
      ],
    }),
  ])
  assert.deepEqual(wires, [
    [
      ['10.244.0.5:8080', 1, 5, 0],
      ['10.244.0.6:8080', 1, 1, 1],
    ],
    [],
    [['10.244.0.6:8080', 0, 1, 1]],
  ])
  assert.equal(skipped, null)
})

test('a helper that does not tell is unknown, also for the tick in which it begins to tell', async () => {
  const { wires } = await read([
    hello,
    backend,
    snapshot(0),
    snapshot(1),
    wire(5),
    snapshot(2, { wires: [[5, 9, 9, 9]] }),
    snapshot(3, { wires: [[5, 10, 9, 9]] }),
    snapshot(4),
    snapshot(5, { wires: [] }),
    snapshot(6, { wires: [[5, 12, 9, 9]] }),
  ])
  assert.deepEqual(wires, [
    null,
    null,
    [['10.244.0.5:8080', 1, 0, 0]],
    null,
    null,
    [['10.244.0.5:8080', 2, 0, 0]],
  ])
})

test('entries with the same backend and address, one after the other, are one row', async () => {
  const { wires, skipped } = await read([
    hello,
    backend,
    wire(5, '10.244.0.5:8080'),
    snapshot(0, { wires: [] }),
    snapshot(1, { wires: [[5, 1, 10, 0]] }),
    snapshot(2, { wires: [[5, 1, 11, 0]] }),
    retired(5),
    wire(9, '10.244.0.5:8080'),
    snapshot(3, { wires: [[9, 1, 1, 0]] }),
    wire(10, '10.244.0.5:8080'),
    snapshot(4, {
      wires: [
        [9, 2, 1, 0],
        [10, 0, 7, 7],
      ],
    }),
  ])
  assert.deepEqual(wires, [
    [['10.244.0.5:8080', 1, 10, 0]],
    [['10.244.0.5:8080', 0, 1, 0]],
    [['10.244.0.5:8080', 1, 1, 0]],
    [['10.244.0.5:8080', 1, 7, 7]],
  ])
  assert.equal(skipped, null)
})

test('an entry that is retired while a snapshot waits for its tick loses nothing', async () => {
  const backwards = { ...snapshot(2, { wires: [[5, 2, 20, 0]] }), mono_ns: '1000000001' }
  const { wires } = await read([
    hello,
    backend,
    wire(5),
    snapshot(0, { wires: [] }),
    snapshot(1, { wires: [[5, 1, 10, 0]] }),
    backwards,
    retired(5),
    { ...snapshot(3, { wires: [] }), mono_ns: '3000000000' },
  ])
  assert.deepEqual(wires, [[['10.244.0.5:8080', 1, 10, 0]], [['10.244.0.5:8080', 1, 10, 0]]])
})

for (const [what, row] of [
  ['an unknown entry', [99, 1, 1, 1]],
  ['too few columns', [5, 1, 1]],
  ['a negative count', [5, 1, -1, 1]],
  ['a text', [5, '1', 1, 1]],
  ['no list', 5],
  ['a total that falls', [5, 0, 0, 0]],
] as const) {
  test(`a row with ${what} costs itself`, async () => {
    const good = [6, 1, 1, 0]
    const { wires, skipped } = await read([
      hello,
      backend,
      wire(5),
      wire(6),
      snapshot(0, { wires: [[5, 1, 1, 1]] }),
      { ...snapshot(1), wires: [row, good] },
    ])
    assert.deepEqual(wires, [[['10.244.0.6:8080', 1, 1, 0]]])
    assert.deepEqual([skipped?.lines, skipped?.rows], [0, 1])
  })
}

test('a row that comes twice counts once; columns of a newer helper are ignored', async () => {
  const { wires, skipped } = await read([
    hello,
    backend,
    wire(5),
    snapshot(0, { wires: [] }),
    {
      ...snapshot(1),
      wires: [
        [5, 1, 2, 0, 77, 'x'],
        [5, 1, 3, 0],
      ],
    },
  ])
  assert.deepEqual(wires, [[['10.244.0.5:8080', 1, 2, 0]]])
  assert.equal(skipped?.rows, 1)
})

for (const line of [
  wire(5, ''),
  wire(5, 'x'.repeat(4097)),
  wire(5, '10.0.0.1:1', 99),
  { type: 'wire', id: 5, backend: 1 },
  { type: 'wire', id: -1, backend: 1, address: '10.0.0.1:1' },
  retired(5),
  { type: 'retired_wire', id: 'x' },
  { ...snapshot(1), wires: 'x' },
  { ...snapshot(1), wires: { length: 3 } },
]) {
  test(`${JSON.stringify(line).slice(0, 70)} is skipped and counted`, async () => {
    const { skipped } = await read([
      hello,
      backend,
      snapshot(0, { wires: [] }),
      line,
      snapshot(2, { wires: [] }),
    ])
    assert.equal(skipped?.lines, 1)
  })
}

test('the first address of an entry is kept', async () => {
  const { wires, skipped } = await read([
    hello,
    backend,
    wire(5),
    wire(5, '10.0.0.1:1'),
    snapshot(0, { wires: [] }),
    snapshot(1, { wires: [[5, 1, 1, 0]] }),
  ])
  assert.deepEqual(wires, [[['10.244.0.5:8080', 1, 1, 0]]])
  assert.equal(skipped?.lines, 1)
})

test('entries that come and go take no memory: their names are given up', async () => {
  const rounds = 18
  const name = (id: number): string => `${'x'.repeat(4000)}${id}`
  const each = Array.from({ length: rounds * 1000 }, (_, id) => [wire(id, name(id)), retired(id)]).flat()
  const { skipped, wires } = await read([
    hello,
    backend,
    snapshot(0, { wires: [] }),
    ...each,
    wire(rounds * 1000, '10.0.0.1:1'),
    snapshot(1, { wires: [[rounds * 1000, 1, 0, 0]] }),
  ])
  assert.equal(skipped, null)
  assert.deepEqual(wires, [[['10.0.0.1:1', 1, 0, 0]]])
})
