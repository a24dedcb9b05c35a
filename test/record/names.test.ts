/** Names of backends, from the helper's lines to frames. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Labels } from '../../src/record/decoder.ts'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { MemoryRecording } from '../../src/replay/data/memory.ts'
import { spanOfFrame } from '../../src/frame/model/span.ts'
import { ofFrame, sumOf } from '../../src/frame/sum/merge.ts'
import { RunningSum } from '../../src/frame/sum/running-sum.ts'
import { readSource, type Skipped } from '../../src/record/source.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { AWKWARD, connects, named, RENAMED, traffic } from './named-lines.ts'
import { hello, linesOf, route, snapshot } from './wire-lines.ts'

async function read(
  messages: readonly unknown[],
  labels?: Labels,
): Promise<{ frames: SecondFrame[]; skipped: Skipped | null }> {
  const frames: SecondFrame[] = []
  let skipped: Skipped | null = null
  for await (const event of readSource(linesOf(messages as WireLine[]), labels)) {
    if (event.kind === 'frame') frames.push(event.frame)
    if (event.kind === 'skipped') skipped = event.skipped
  }
  return { frames, skipped }
}

const rowsOf = ({ traffic: rows, connections, requests }: SecondFrame, address: string): unknown => [
  rows
    .filter(({ backend }) => backend.address === address)
    .map((row) => [row.backend.names, row.requests, row.answered, row.inFlight]),
  connections
    .filter(({ backend }) => backend.address === address)
    .map((row) => [row.backend.names, row.connects]),
  requests.filter(({ backend }) => backend.address === address).map(({ backend }) => backend.names),
]

test('a name that changes is another backend from that tick on: no request is counted twice, none is lost, those in flight go on', async () => {
  const { frames, skipped } = await read(RENAMED)
  assert.equal(skipped, null)
  const api = [[[['api'], 20, 20, 0]], [[['api'], 2]], [['api']]]
  const shop = [[[['shop'], 20, 20, 0]], [[['shop'], 2]], [['shop']]]
  assert.deepEqual(
    frames.map((frame) => rowsOf(frame, '10.0.1.11:8080')),
    [
      api,
      api,
      [[[['api'], 20, 16, 4]], [[['api'], 2]], [['api']]],
      [[[['shop'], 20, 24, 0]], [[['shop'], 2]], [['shop']]],
      shop,
      shop,
    ],
  )
  assert.deepEqual(
    frames[0]!.traffic.map(({ backend }) => backend.names),
    [AWKWARD, ['api'], [], null],
  )
})

test('the hour that live keeps in memory has both names', async () => {
  const { frames } = await read(RENAMED)
  const memory = new MemoryRecording({
    file: 'live',
    host: 'web1',
    timeZone: 'UTC',
    kernel: '',
    arguments: [],
    interfaces: [],
    tool: '',
    format: 2,
    start: wallMicros(0),
  })
  for (const frame of frames) memory.append(frame)
  assert.deepEqual(
    memory
      .aggregate({ from: 0, to: 6 })
      .backends.map(({ backend, requests, answered, inFlight, connection }) => [
        backend.address,
        backend.names,
        requests,
        answered,
        inFlight,
        connection.connects,
      ]),
    [
      ['10.0.1.10:8080', AWKWARD, 60, 60, 0, 6],
      ['10.0.1.11:8080', ['api'], 60, 56, 0, 6],
      ['10.0.1.12:8080', [], 180, 180, 0, 18],
      ['10.0.1.13:8080', null, 240, 240, 0, 24],
      ['10.0.1.11:8080', ['shop'], 60, 64, 0, 6],
    ],
  )
})

test('a snapshot that waits for its clock keeps the names that it had', async () => {
  const { frames } = await read([
    hello,
    named(2, ['api']),
    { ...route(2, '/'), backend: 2 },
    snapshot(0),
    snapshot(1, { traffic: [traffic(2, 5)] }),
    snapshot(4000, { traffic: [traffic(2, 8)] }),
    named(2, ['shop']),
    snapshot(4001, { traffic: [traffic(2, 10)] }),
  ])
  assert.deepEqual(
    frames.map(({ traffic: rows }) => rows.map(({ backend, requests }) => [backend.names, requests])),
    [[[['api'], 5]], [[['api'], 3]], [[['shop'], 2]]],
  )
})

test('names are sorted, each once; a new slot of a renamed backend adds to the row of the old ones', async () => {
  const { frames, skipped } = await read([
    hello,
    named(2, ['web', '', 'api', 'web']),
    { ...route(2, '/'), backend: 2 },
    snapshot(0, { traffic: [traffic(2, 2)] }),
    named(2, ['shop']),
    named(2, ['shop']),
    { ...route(3, '/'), backend: 2 },
    { type: 'wire', id: 1, backend: 2, address: '10.244.0.1:80' },
    snapshot(1, {
      traffic: [traffic(2, 5), traffic(3, 1)],
      connections: [connects(2, 1)],
      wires: [[1, 1, 6, 0]],
    }),
    named(2),
    snapshot(2, { traffic: [traffic(2, 6)], wires: [[1, 1, 7, 0]] }),
  ])
  assert.equal(skipped, null)
  assert.deepEqual(
    frames.map(({ traffic: rows }) => rows.map(({ backend, requests }) => [backend.names, requests])),
    [[[['shop'], 4]], [[null, 1]]],
  )
  const first = await read([
    hello,
    named(2, ['web', '', 'api', 'web']),
    { ...route(2, '/'), backend: 2 },
    snapshot(0),
    snapshot(1, { traffic: [traffic(2, 5)] }),
  ])
  assert.deepEqual(first.frames[0]!.traffic[0]!.backend.names, ['api', 'web'])
})

test('a line that would give an id another address, or names that are no texts, is skipped', async () => {
  const { frames, skipped } = await read([
    hello,
    named(2, ['api']),
    { ...route(2, '/'), backend: 2 },
    named(2, ['api'], '10.0.1.99:80'),
    { ...named(2), names: 'shop' },
    { ...named(2), names: [7] },
    snapshot(0),
    snapshot(1, { traffic: [traffic(2, 5)] }),
  ])
  assert.equal(skipped?.lines, 3)
  const { backend } = frames[0]!.traffic[0]!
  assert.deepEqual([backend.address, backend.names], ['10.0.1.11:8080', ['api']])
})

test('labels are the names of an address, whatever the helper says', async () => {
  const { frames, skipped } = await read(RENAMED, new Map([['10.0.1.11:8080', ['mine']]]))
  assert.equal(skipped, null)
  assert.deepEqual(
    frames.map((frame) => frame.traffic.map(({ backend }) => backend.names)),
    frames.map(() => [AWKWARD, ['mine'], [], null]),
  )
})

test('the sum of all frames is the last total minus the first, whenever names change', async () => {
  const names = fc.option(fc.uniqueArray(fc.constantFrom('api', 'shop', 'web'), { maxLength: 2 }), {
    nil: undefined,
  })
  const step = fc.oneof(
    fc.record({ rename: fc.constantFrom(1, 2), names }),
    fc.record({ added: fc.tuple(fc.nat(9), fc.nat(9)) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const totals: [number, number] = [0, 0]
      const tick = (second: number): WireLine =>
        snapshot(second, {
          traffic: [traffic(1, totals[0]), traffic(2, totals[1])],
          connections: [connects(1, totals[0]), connects(2, totals[1])],
        })
      // Both backends have one address: one was retired, or will be.
      const lines: WireLine[] = [
        hello,
        named(1, ['api']),
        named(2, ['api'], '10.0.1.10:8080'),
        { ...route(1, '/'), backend: 1 } as WireLine,
        { ...route(2, '/'), backend: 2 } as WireLine,
        tick(0),
      ]
      let second = 0
      for (const each of steps) {
        if ('rename' in each) lines.push(named(each.rename, each.names, '10.0.1.10:8080'))
        else {
          totals[0] += each.added[0]
          totals[1] += each.added[1]
          lines.push(tick(++second))
        }
      }
      const { frames } = await read(lines)
      const sum = sumOf(frames.map(ofFrame))
      const running = new RunningSum()
      for (const frame of frames) running.add(spanOfFrame(frame))
      const all = totals[0] + totals[1]
      for (const of of [sum, running.total])
        assert.deepEqual(
          [of.totals.requests, of.totals.answered, of.totals.connection.connects],
          [all, all, all],
        )
    }),
    { numRuns: 200 },
  )
})
