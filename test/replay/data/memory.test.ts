import assert from 'node:assert/strict'
import { ofFrame } from '../../../src/frame/sum/merge.ts'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RequestEvent, SecondFrame } from '../../../src/frame/model/frame.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { summaryOf } from '../../../src/frame/sum/tick-summary.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import { classCount } from '../../../src/frame/expression/measure.ts'
import { frames } from '../../store/arbitrary.ts'
import { BACKENDS, frameOf, ROUTES, START, EXAMPLE_INFO, exampleRecording } from '../example-recording.ts'

const busy = (seq: number, rows: number, requests: readonly RequestEvent[] = []): SecondFrame => {
  const frame = frameOf(seq, addMicros(START, seq * 1_000_000), [
    { backend: BACKENDS.orders, route: ROUTES.orders, requests: 9, headerMs: 2 },
  ])
  return { ...frame, traffic: Array.from({ length: rows }, () => frame.traffic[0]!), requests }
}

test('the ticks that live keeps are also limited by memory, for any number of routes', () => {
  const recording = new MemoryRecording(EXAMPLE_INFO)
  for (let seq = 0; seq < 200; seq++) recording.append(busy(seq, 10_000))
  assert.ok(recording.ticks.length < 100, `${recording.ticks.length}`)
  assert.equal(recording.ticks.at(-1)!.seq, 199)
  assert.equal(recording.frame(199)!.traffic.length, 10_000)
  assert.equal(recording.frame(recording.ticks[0]!.seq)!.seq, recording.ticks[0]!.seq)
})

test('an older tick equals the original, however large its numbers', () => {
  fc.assert(
    fc.property(frames, (list) => {
      const recording = new MemoryRecording(EXAMPLE_INFO)
      for (const frame of list) recording.append(frame)
      // Twice: the returned frame is not the stored one.
      for (const frame of [...list, ...list]) assert.deepEqual(recording.frame(frame.seq), frame)
    }),
    { numRuns: 20 },
  )
})

test('an older second keeps fewer requests, and all failed ones', () => {
  const recording = new MemoryRecording(EXAMPLE_INFO)
  const events = Array.from({ length: 1000 }, (_, i): RequestEvent => ({
    backend: BACKENDS.orders,
    route: ROUTES.orders,
    at: addMicros(START, i),
    outcome: i % 20 === 7 ? 503 : 200,
    header: micros(i),
    total: micros(i),
  }))
  recording.append(busy(0, 1, events))
  assert.equal([...recording.requests({ from: 0, to: 1 })].length, 1000)
  for (let seq = 1; seq < 200; seq++) recording.append(busy(seq, 1))
  const kept = [...recording.requests({ from: 0, to: 1 })]
  assert.ok(kept.length <= 200, `${kept.length}`)
  assert.equal(kept.filter(({ outcome }) => outcome === 503).length, 50)
  assert.deepEqual(
    kept,
    events.filter((event) => kept.includes(event)),
  )
  assert.equal(recording.ticks[0]!.requests, 9)
})

test('the summary of a tick equals the sum of its rows', () => {
  const recording = exampleRecording()
  for (const { seq } of recording.ticks) {
    const frame = recording.frame(seq)!
    const { totals } = ofFrame(frame)
    const { reset, closed, aborted, unanswered } = totals.failures
    const { refused, connectTimeout } = totals.connection
    const summary = summaryOf(frame)
    assert.equal(summary.requests, totals.requests)
    assert.equal(summary.answered, totals.answered)
    assert.equal(summary.fivexx, classCount(totals, 5))
    assert.equal(summary.headerSum, totals.header.sum)
    assert.equal(summary.failures, reset + closed + aborted + unanswered + refused + connectTimeout)
  }
})
