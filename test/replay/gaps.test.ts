/** The gaps of a list of ticks are the same in the file, in the memory of live, and as stops of replay. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Gap, GapReason, SecondFrame } from '../../src/frame/model/frame.ts'
import { gapsOf } from '../../src/frame/time/gaps.ts'
import { addMicros, micros } from '../../src/frame/model/units.ts'
import { MemoryRecording } from '../../src/replay/data/memory.ts'
import { Stops } from '../../src/replay/time/stops.ts'
import { follow, startingAt } from '../../src/replay/time/timeline.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { inFolder, META } from '../store/support.ts'
import { frameOf, START, EXAMPLE_INFO } from './example-recording.ts'

interface Shape {
  readonly length: number
  /** null: directly after the tick before, except for a clock step */
  readonly reason: GapReason | null
  /** µs between the end of the tick before and its start; negative: the clock was set back */
  readonly away: number
}

const shape: fc.Arbitrary<Shape> = fc.record({
  length: fc.oneof(fc.constantFrom(1_000_000, 1_500_000, 1_500_001), fc.integer({ min: 1, max: 9_000_000 })),
  reason: fc.constantFrom(null, null, null, 'stopped', 'suspend', 'disk_full'),
  away: fc.oneof(fc.constant(0), fc.integer({ min: -60_000_000, max: 60_000_000 })),
})

function framesOf(shapes: readonly Shape[]): SecondFrame[] {
  let end = START
  return shapes.map(({ length, reason, away }, seq) => {
    const start = addMicros(end, away)
    end = addMicros(start, length)
    return { ...frameOf(seq, start, []), length: micros(length), gapBefore: seq === 0 ? null : reason }
  })
}

const inFile = (frames: readonly SecondFrame[]): readonly Gap[] =>
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const sink = createRecording(file, META, { durable: false })
    for (const frame of frames) sink.append(frame)
    sink.close()
    const recording = openRecording(file)
    const { gaps } = recording
    recording.close()
    return gaps
  })

function inMemory(frames: readonly SecondFrame[], limit?: number): MemoryRecording {
  const recording = new MemoryRecording(EXAMPLE_INFO, limit)
  for (const frame of frames) recording.append(frame)
  return recording
}

function asStops({ ticks }: MemoryRecording): Gap[] {
  const stops = new Stops(ticks)
  return Array.from({ length: stops.count }, (_, i) => stops.at(i))
    .filter((stop) => stop.kind === 'gap')
    .map(({ from, to, reason }) => ({ from, to, reason }))
}

test('the same ticks have the same gaps in the file, in the memory of live, and in replay', () => {
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 20 }), (shapes) => {
      const frames = framesOf(shapes)
      const live = inMemory(frames)
      assert.deepEqual(live.gaps, inFile(frames))
      assert.deepEqual(asStops(live), live.gaps)
    }),
    { numRuns: 60 },
  )
})

test('ticks that live removes take their gaps with them, and no others', () => {
  fc.assert(
    fc.property(fc.array(shape, { minLength: 30, maxLength: 60 }), (shapes) => {
      const live = inMemory(framesOf(shapes), 20)
      assert.ok(live.ticks.length <= 20)
      assert.deepEqual(live.gaps, gapsOf(live.ticks))
    }),
  )
})

test('a late tick before a stopped recorder is followed by two gaps with different reasons, lengths and stops', () => {
  const frames = framesOf([
    { length: 4_000_000, reason: null, away: 0 },
    { length: 1_000_000, reason: 'stopped', away: 6_000_000 },
  ])
  const at = (seconds: number): number => addMicros(START, seconds * 1e6)
  const { ticks, gaps } = inMemory(frames)
  assert.deepEqual(gaps, [
    { from: at(1.5), to: at(4), reason: 'late' },
    { from: at(4), to: at(10), reason: 'stopped' },
  ])
  const stops = new Stops(ticks)
  assert.deepEqual(stops.gaps, [1, 2])
  for (const index of stops.gaps) assert.equal(new Stops(ticks).ofStop(stops.at(index)), index)
  assert.deepEqual(
    [0, 1.4, 1.5, 3.9, 4, 9.9, 10, 99].map((seconds) => stops.ofTime(addMicros(START, seconds * 1e6))),
    [0, 0, 1, 1, 2, 2, 3, 3],
  )
})

test('unreadable ticks are a gap, whatever the next tick has as its reason', () => {
  const [first, second] = framesOf([
    { length: 1_000_000, reason: null, away: 0 },
    { length: 1_000_000, reason: 'suspend', away: 5_000_000 },
  ])
  const gaps = gapsOf([first!, { ...second!, seq: 6 }])
  assert.deepEqual(gaps, [
    { from: addMicros(START, 1_000_000), to: addMicros(START, 6_000_000), reason: 'damaged' },
  ])
})

test('live stays on the newest tick although its late part is a stop after it', () => {
  const { ticks } = inMemory(framesOf([{ length: 4_000_000, reason: null, away: 0 }]))
  const stops = new Stops(ticks)
  assert.deepEqual([stops.count, stops.last], [2, 1])
  assert.equal(stops.at(follow(startingAt(0), stops).stop).kind, 'tick')
})
