import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressKey, routeKey } from '../../../src/frame/model/aggregate.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { HeatReader, type HeatQuery } from '../../../src/replay/data/heat-reader.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import { Stops, type Stop } from '../../../src/replay/time/stops.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { BACKENDS, EXAMPLE_INFO, exampleRecording, frameOf, ROUTES, START } from '../example-recording.ts'

const fixture = (name: string): Recording => openRecording(`fixtures/recordings/${name}.db`)
const never = (): boolean => false
const ALL: HeatQuery = { subject: null, seconds: 1, room: 100 }

const stopAt = (recording: Recording, place: number): Stop => {
  const stops = new Stops(recording.ticks)
  return stops.at(Math.min(place, stops.last))
}
const sampledOf = (recording: Recording, from: number, to: number): number => {
  let sum = 0
  for (let seq = from; seq < to; seq++)
    for (const { header } of recording.frame(seq)?.traffic ?? []) sum += header.sampled
  return sum
}

for (const name of ['incident', 'gap', 'grpc']) {
  test(`${name}: each column has the answers of its second, and wider ones those of theirs`, () => {
    const recording = fixture(name)
    const { ticks } = recording
    const stop = stopAt(recording, 60)
    const room = 2 * ticks.length
    const { columns } = new HeatReader(recording).read(stop, { ...ALL, room }, never)
    const seen = columns.filter(({ state }) => state === 'seen')
    assert.equal(seen.length, ticks.length)
    seen.forEach(({ sum, from }, i) => {
      assert.equal(sum.header.sampled, sampledOf(recording, ticks[i]!.seq, ticks[i]!.seq + 1))
      assert.equal(from, ticks[i]!.start)
    })
    for (const seconds of [10, 60]) {
      const wide = new HeatReader(recording).read(stop, { ...ALL, seconds, room }, never).columns
      const total = wide.reduce((sum, column) => sum + column.sum.header.sampled, 0)
      assert.equal(total, sampledOf(recording, ticks[0]!.seq, ticks.at(-1)!.seq + 1))
      for (const { from } of wide) assert.equal(from % (seconds * 1e6), 0)
    }
  })
}

test('a backend and a route have their own answers alone', () => {
  const recording = exampleRecording()
  const stop = stopAt(recording, 65)
  const backend = addressKey(BACKENDS.orders)
  const countAt = (subject: HeatQuery['subject']): number => {
    const { columns, cursor } = new HeatReader(recording).read(stop, { ...ALL, subject }, never)
    return columns[cursor!]!.sum.header.count
  }
  const rows = recording.frame(stop.seq)!.traffic.filter((row) => row.backend === BACKENDS.orders)
  assert.equal(
    countAt({ backend, route: null }),
    rows.reduce((sum, { header }) => sum + header.count, 0),
  )
  assert.equal(countAt({ backend, route: routeKey(ROUTES.health) }), 30)
})

test('a gap is as many columns as it has seconds, and the moment in it is on one of them', () => {
  const recording = exampleRecording()
  const stops = new Stops(recording.ticks)
  const { columns, cursor } = new HeatReader(recording).read(stops.at(stops.gaps[0]!), ALL, never)
  assert.equal(columns.filter(({ state }) => state === 'gap').length, 8)
  assert.equal(columns[cursor!]!.state, 'gap')
  assert.equal(columns[cursor! - 1]!.from, addMicros(START, 129e6))
})

test('a clock that was set back hides nothing, and one that was set forward is no gap', () => {
  const recording = new MemoryRecording(EXAMPLE_INFO)
  const clocks = [0, 1, 2, -3600, -3599, -3598, 7200, 7201]
  clocks.forEach((second, i) =>
    recording.append(
      frameOf(i + 1, addMicros(START, second * 1e6), [
        { backend: BACKENDS.orders, route: ROUTES.orders, requests: 3, headerMs: 2 },
      ]),
    ),
  )
  const { columns } = new HeatReader(recording).read(stopAt(recording, 4), ALL, never)
  assert.deepEqual(
    columns.map(({ from, state }) => [Math.round((from - START) / 1e6), state]),
    clocks.map((second) => [second, 'seen']),
  )
})

test('the map stands still while the moment moves in it, and comes after it where it leaves', () => {
  const recording = exampleRecording()
  const reader = new HeatReader(recording)
  const read = (place: number): { first: number; cursor: number } => {
    const { columns, cursor } = reader.read(stopAt(recording, place), { ...ALL, room: 40 }, never)
    return { first: Math.round((columns[0]!.from - START) / 1e6), cursor: cursor! }
  }
  assert.deepEqual(read(100), { first: 71, cursor: 29 })
  assert.deepEqual(read(101), { first: 71, cursor: 30 })
  assert.deepEqual(read(75), { first: 71, cursor: 4 })
  assert.deepEqual(read(110), { first: 71, cursor: 39 })
  assert.deepEqual(read(111), { first: 82, cursor: 29 })
})

test('the newest second is the last column, and each new one moves the map on by one', () => {
  const example = exampleRecording()
  const live = new MemoryRecording(EXAMPLE_INFO)
  const reader = new HeatReader(live)
  for (const { seq } of example.ticks.slice(0, 60)) {
    live.append(example.frame(seq)!)
    const { columns, cursor } = reader.read(stopAt(live, Infinity), { ...ALL, room: 40 }, never)
    assert.equal(columns.length, Math.min(40, seq))
    assert.equal(cursor, columns.length - 1)
  }
})

test('each second is read once, also while wider columns grow', () => {
  const example = exampleRecording()
  const live = new MemoryRecording(EXAMPLE_INFO)
  const reads: number[] = []
  const counted: Recording = Object.assign(Object.create(live) as MemoryRecording, {
    frame: (seq: number) => (reads.push(seq), live.frame(seq)),
  })
  Object.defineProperty(counted, 'ticks', { get: () => live.ticks })
  const reader = new HeatReader(counted)
  for (const { seq } of example.ticks.slice(0, 25)) {
    live.append(example.frame(seq)!)
    const { columns } = reader.read(stopAt(live, Infinity), { ...ALL, seconds: 10 }, never)
    const total = columns.reduce((sum, column) => sum + column.sum.header.count, 0)
    assert.equal(total, sampledOf(live, 1, seq + 1))
  }
  assert.deepEqual(
    reads,
    Array.from({ length: 25 }, (_, i) => i + 1),
  )
})

test('what takes too long is left for the next picture, the seconds near the moment come first', () => {
  const recording = exampleRecording()
  const reader = new HeatReader(recording)
  const stop = stopAt(recording, 100)
  const first = reader.read(stop, ALL, () => true)
  assert.equal(reader.isReading, true)
  assert.deepEqual(
    first.columns.flatMap(({ state }, i) => (state === 'seen' ? [i] : [])),
    [first.cursor],
  )
  reader.read(stop, ALL, () => true)
  const all = reader.read(stop, ALL, never)
  assert.equal(reader.isReading, false)
  assert.equal(
    all.columns.some(({ state }) => state === 'unread'),
    false,
  )
})

test('a tick whose rows cannot be read is a gap, and is not taken for a quiet second', () => {
  const live = exampleRecording()
  const broken: Recording = Object.assign(Object.create(live) as MemoryRecording, {
    frame: (seq: number) => (seq === 50 ? null : live.frame(seq)),
  })
  Object.defineProperty(broken, 'ticks', { get: () => live.ticks })
  const { columns, cursor } = new HeatReader(broken).read(stopAt(live, 49), ALL, never)
  assert.equal(columns[cursor!]!.state, 'gap')
  assert.equal(columns[cursor! + 1]!.state, 'seen')
})

test('the requests of a place are those of its second and its times, and each is in one row', () => {
  const recording = exampleRecording()
  const reader = new HeatReader(recording)
  const stop = stopAt(recording, 65)
  const all = reader.requests(stop, ALL, null)
  assert.equal(all.length, [...recording.requests({ from: stop.seq, to: stop.seq + 1 })].length)
  const [low, middle, high] = [0, 5000, 10_000_000].map(micros) as [never, never, never]
  const fast = reader.requests(stop, ALL, [low, middle])
  const slow = reader.requests(stop, ALL, [middle, high])
  assert.ok(fast.length > 0 && slow.length > 0)
  assert.equal(fast.length + slow.length, all.filter(({ header }) => header !== null).length)
})
