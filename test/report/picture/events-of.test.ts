import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spanOf } from '../../../src/frame/time/time.ts'
import { eventsOf } from '../../../src/report/picture/events-of.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { incident } from '../fake.ts'

test('the burst and the slow-down of the fixture are found to the second, on each host once', () => {
  const recording = openRecording('fixtures/recordings/incident.db')
  const range = spanOf(recording.ticks)!
  const start = recording.info.start / 1e6
  const once = eventsOf([recording], range)
  assert.deepEqual(once.trouble.map((second) => Math.round(second - start)).slice(0, 1), [60])
  assert.ok(
    once.slow.some((second) => Math.abs(second - start - 160) <= 2),
    once.slow.join(),
  )
  assert.deepEqual(eventsOf([recording, recording], range), once)
  recording.close()
})

test('what lies outside of the range is not told', () => {
  const recording = incident()
  const [first] = recording.ticks
  assert.deepEqual(eventsOf([recording], { from: first!.start, to: first!.start }), { trouble: [], slow: [] })
})
