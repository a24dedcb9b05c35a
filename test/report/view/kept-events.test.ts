import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spanOf } from '../../../src/frame/time/time.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { KeptEvents } from '../../../src/report/view/kept-events.ts'
import { backend, frame, recording, route, START } from '../fake.ts'

const of = (seconds: number): Recording =>
  recording(
    Array.from({ length: seconds }, (_, seq) =>
      frame(seq, addMicros(START, seq * 1e6), [
        {
          backend: backend('10.0.0.1:80'),
          route: route('GET', '/'),
          times: [1, 2, 3, 4, 5, 6, 7, 8, 9],
          codes: [seq >= 90 ? 500 : 200],
        },
      ]),
    ),
  )

test('a burst is found in the tick that brings it, and what was found is kept while nothing is new', () => {
  const events = new KeptEvents()
  const [calm, burst] = [of(90), of(100)]
  assert.deepEqual(events.of(calm, spanOf(calm.ticks)!).trouble, [])
  const found = events.of(burst, spanOf(burst.ticks)!)
  assert.deepEqual(found.trouble, [START / 1e6 + 90])
  assert.equal(events.of(burst, spanOf(burst.ticks)!), found)
})
