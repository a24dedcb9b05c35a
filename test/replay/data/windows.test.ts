import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Aggregate } from '../../../src/frame/model/aggregate.ts'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import { Windows } from '../../../src/replay/data/windows.ts'
import { EXAMPLE_INFO, exampleRecording } from '../example-recording.ts'

test('the sum of a window equals that of the recording, whatever the window before it', () => {
  const recording = exampleRecording()
  const { ticks } = recording
  const place = fc.tuple(fc.nat(ticks.length - 1), fc.constantFrom(1, 2, 5, 10, 60, 121, 200))
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 6 }), (places) => {
      const windows = new Windows(recording)
      for (const [last, seconds] of places) {
        const { seq } = ticks[last]!
        const range = { from: Math.max(ticks[0]!.seq, seq - seconds + 1), to: seq + 1 }
        assert.deepEqual(plain(windows.sum(range, recording.frame(seq)!)), plain(recording.aggregate(range)))
      }
    }),
    { numRuns: 50 },
  )
})

test('the next picture of a window reads only one tick', () => {
  const read: number[] = []
  class Counting extends MemoryRecording {
    override frame(seq: number): SecondFrame | null {
      read.push(seq)
      return super.frame(seq)
    }
  }
  const recording = exampleRecording(new Counting(EXAMPLE_INFO))
  const windows = new Windows(recording)
  windows.sum({ from: 10, to: 70 }, recording.frame(69)!)
  const last = recording.frame(68)!
  read.length = 0
  windows.sum({ from: 9, to: 69 }, last)
  assert.deepEqual(read, [9])
})

/** Some rows of a sum still contain their backend: removed for the comparison. */
const plain = (sum: Aggregate): unknown => ({
  ...sum,
  backends: sum.backends.map((backend) => ({
    ...backend,
    connection: { ...backend.connection, backend: undefined },
    routes: backend.routes.map((route) => ({ ...route, backend: undefined })),
  })),
})
