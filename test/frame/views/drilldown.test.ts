/** The page of a backend, through a change of its names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressKey } from '../../../src/frame/model/aggregate.ts'
import type { Backend, SecondFrame } from '../../../src/frame/model/frame.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import { drilldown, subjectSecond } from '../../../src/frame/views/drilldown.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import { MomentReader } from '../../../src/replay/data/moment-reader.ts'
import { Stops } from '../../../src/replay/time/stops.ts'
import { BACKENDS, EXAMPLE_INFO, frameOf, ROUTES, START } from '../../replay/example-recording.ts'

const [api, shop] = [
  { ...BACKENDS.orders, names: ['api'] },
  { ...BACKENDS.orders, names: ['shop'] },
]
const wire = { id: 1, address: '10.244.0.1:80' }
const second = (i: number): SecondFrame => {
  const backend: Backend = i < 3 ? api : shop
  return {
    ...frameOf(i + 1, addMicros(START, i * 1e6), [
      { backend, route: ROUTES.orders, requests: 10, headerMs: 1 },
      { backend: BACKENDS.users, route: ROUTES.users, requests: 5, headerMs: 1 },
    ]),
    wires: [{ backend, wire, connects: 0, requests: 10, failures: 0 }],
  }
}

test('a page goes on when its backend is renamed: its charts, its sums and what its packets carry are of both names', () => {
  const recording = new MemoryRecording(EXAMPLE_INFO)
  for (let i = 0; i < 6; i++) recording.append(second(i))
  const stops = new Stops(recording.ticks)
  const moments = new MomentReader(recording)
  const subject = { backend: addressKey(api), route: null }
  const at = (i: number, windowSeconds: number) => {
    const stop = stops.at(stops.ofTime(addMicros(START, i * 1e6)))
    return drilldown(moments.at(stop, windowSeconds), moments.history(stop, subject), subject, 'rps')!
  }
  assert.equal(at(2, 1).backend.full, 'api · 10.0.1.10:8080')
  const late = at(5, 5)
  assert.equal(late.backend.full, 'shop · 10.0.1.10:8080')
  assert.deepEqual(late.rps, [10, 10, 10, 10, 10, 10])
  assert.equal(late.figures.requests, 50)
  assert.deepEqual(late.share, 50 / 75)
  assert.deepEqual(late.wires, [{ address: wire.address, connects: 0, requests: 50, failures: 0 }])
  assert.deepEqual(
    late.routes.map(({ requests }) => requests),
    [50],
  )
  assert.equal(subjectSecond(second(5), { ...subject, route: 'GET /api/orders' }).rps, 10)
})
