import assert from 'node:assert/strict'
import { ofFrame, sumOf } from '../../src/frame/sum/merge.ts'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { RunningSum } from '../../src/frame/sum/running-sum.ts'
import { summaryOf } from '../../src/frame/sum/tick-summary.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { writeSample } from '../torture/sample.ts'
import { frames } from './arbitrary.ts'
import { comparable, comparableSum, inFolder, META } from './support.ts'

function written(list: readonly SecondFrame[], folder: string, durable: boolean): string {
  const file = join(folder, 'x.db')
  const sink = createRecording(file, META, { durable })
  for (const frame of list) sink.append(frame)
  sink.close()
  return file
}

test('a frame is the same after writing and reading', () => {
  fc.assert(
    fc.property(frames, (list) =>
      inFolder((folder) => {
        const recording = openRecording(written(list, folder, false))
        for (const frame of list) {
          const read = recording.frame(frame.seq)
          assert.ok(read !== null)
          assert.deepEqual(comparable(read), comparable(frame))
        }
        assert.deepEqual(recording.ticks, list.map(summaryOf))
        const range = { from: 0, to: list.length }
        assert.deepEqual(
          [...recording.requests(range)].map(({ at, outcome }) => ({ at, outcome })),
          list.flatMap((frame) => frame.requests.map(({ at, outcome }) => ({ at, outcome }))),
        )
        recording.close()
      }),
    ),
    { numRuns: 40 },
  )
})

test('the sum of any range is the sum of its frames, with or without rollups', () => {
  fc.assert(
    fc.property(frames, fc.nat(130), fc.nat(130), (list, a, b) =>
      inFolder((folder) => {
        const recording = openRecording(written(list, folder, false))
        const [from, to] = [Math.min(a, b, list.length), Math.min(Math.max(a, b), list.length)]
        const expected = sumOf(list.slice(from, to).map(ofFrame))
        assert.deepEqual(comparableSum(recording.aggregate({ from, to })), comparableSum(expected))
        const sum = new RunningSum()
        for (const span of recording.spans({ from, to })) sum.add(span)
        assert.deepEqual(comparableSum(sum.total), comparableSum(expected))
        recording.close()
      }),
    ),
    { numRuns: 40 },
  )
})

test('every rollup of a whole file is readable and is used', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const list = writeSample(file, { secs: 200 })
    const recording = openRecording(file)
    assert.ok(recording.minutes.length >= 3)
    for (const { first } of recording.minutes) {
      assert.notEqual(
        recording.inspect(({ minutes }) => minutes.read(first)),
        null,
      )
    }
    const expected = sumOf(list.map(ofFrame))
    assert.deepEqual(comparableSum(recording.aggregate({ from: 0, to: 200 })), comparableSum(expected))
    recording.close()
  })
})
