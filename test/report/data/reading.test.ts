import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { addMicros, wallMicros } from '../../../src/frame/model/units.ts'
import { aggregateWithin } from '../../../src/report/data/fleet.ts'
import { readRange } from '../../../src/report/data/reading.ts'
import { backend, frame, recording, route, START } from '../fake.ts'

const RANGE = { from: wallMicros(0), to: addMicros(START, 86_400e6) }

test('what is open at the end is that of the last tick by its number, also where the clock was set back', () => {
  const [A, B] = [backend('10.0.1.10:8080'), backend('10.0.1.11:8080')]
  for (const seconds of [
    [0, 1, 2, 3, 4, 5],
    [0, 1, 2, -9, -8, -7],
    [0, 1, 2, 1, 2, 3],
    [600, 601, 602, 0, 1, 2],
  ]) {
    const ticks = seconds.map((second, i) =>
      frame(i, addMicros(START, second * 1e6), [
        { backend: A, route: route('GET', '/a'), times: [1000 + i], open: i === 2 ? 7 : i === 5 ? 1 : 0 },
        ...(i < 3 ? [{ backend: B, route: route('GET', '/b'), times: [], open: 4 }] : []),
      ]),
    )
    const { whole } = readRange([recording(ticks)], RANGE, EVERYTHING)
    assert.equal(whole.totals.inFlight, 1, String(seconds))
    assert.deepEqual(whole, aggregateWithin([recording(ticks)], RANGE))
  }
})
