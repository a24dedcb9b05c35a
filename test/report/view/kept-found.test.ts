import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spanOf } from '../../../src/frame/time/time.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { eventsOf } from '../../../src/report/picture/events-of.ts'
import type { PageEvents } from '../../../src/report/picture/facts.ts'
import { KeptFound } from '../../../src/report/view/kept-found.ts'
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

const found = (kept: KeptFound<PageEvents>, recording: Recording): Promise<PageEvents> =>
  kept.of(recording, () => eventsOf([recording], spanOf(recording.ticks)!))

test('a burst is found in the tick that brings it, and what was found is kept while nothing is new', async () => {
  const events = new KeptFound<PageEvents>()
  const [calm, burst] = [of(90), of(100)]
  assert.deepEqual((await found(events, calm)).trouble, [])
  const trouble = await found(events, burst)
  assert.deepEqual(trouble.trouble, [START / 1e6 + 90])
  assert.equal(await found(events, burst), trouble)
})

test('damage that was found meanwhile is looked at, and what failed is no answer', async () => {
  const kept = new KeptFound<number>()
  let [count, damage]: [number, readonly string[]] = [0, []]
  const damaged: Recording = Object.defineProperty(of(9), 'damage', { get: () => damage })
  const find = (): Promise<number> => Promise.resolve(++count)
  await assert.rejects(kept.of(damaged, () => Promise.reject(new Error('nobody waits'))))
  assert.deepEqual([await kept.of(damaged, find), await kept.of(damaged, find)], [1, 1])
  damage = ['1 of 9 ticks is lost']
  assert.deepEqual([await kept.of(damaged, find), await kept.of(damaged, find)], [2, 2])
})
