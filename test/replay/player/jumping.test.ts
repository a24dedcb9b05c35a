import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addMicros } from '../../../src/frame/model/units.ts'
import { searchBackends } from '../../../src/replay/player/jumping.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import { Stops } from '../../../src/replay/time/stops.ts'
import { BACKENDS, frameOf, ROUTES, START, EXAMPLE_INFO } from '../example-recording.ts'

/** One backend answers from the start, another from second `appears` on. */
function growing(appears: number, limit?: number): { recording: MemoryRecording; to: (end: number) => void } {
  const recording = new MemoryRecording(EXAMPLE_INFO, limit)
  let second = 0
  const to = (end: number): void => {
    for (; second < end; second++) {
      const orders = { backend: BACKENDS.orders, route: ROUTES.orders, requests: 5, headerMs: 2 }
      const users = { ...orders, backend: BACKENDS.users }
      const shares = second < appears ? [orders] : [orders, users]
      recording.append(frameOf(second, addMicros(START, second * 1_000_000), shares))
    }
  }
  return { recording, to }
}

test('a search for backends goes on while the recording grows', () => {
  const { recording, to } = growing(700)
  to(600)
  const search = searchBackends(1, 0, recording)
  for (let tick = 1; tick < 590; tick++) assert.equal(search.next().done, false)
  to(800)
  let next = search.next()
  while (next.done !== true) next = search.next()
  assert.equal(next.value, null, 'later ticks belong to the next search')
})

test('a search for backends lands on the second it found while the oldest ticks are removed', () => {
  const { recording, to } = growing(600, 640)
  to(640)
  const search = searchBackends(1, 50, recording)
  assert.equal(search.next().done, false)
  to(660)
  assert.equal(recording.ticks[0]!.seq, 40)
  let next = search.next()
  while (next.done !== true) next = search.next()
  const stops = new Stops(recording.ticks)
  assert.equal(stops.at(stops.ofSeq(next.value!.seq)).seq, 600)
  assert.deepEqual(
    next.value!.changes.map(({ change }) => change),
    ['appears'],
  )
})
