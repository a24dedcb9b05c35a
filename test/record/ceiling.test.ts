/** The ceiling: which load allows how many rows of the request ring, and what a frame loses by it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { RequestEvent, SecondFrame } from '../../src/frame/model/frame.ts'
import { micros, wallMicros } from '../../src/frame/model/units.ts'
import {
  afterTick,
  CALM_TICKS,
  HEAVY_TICKS,
  UNLIMITED,
  type CeilingState,
  type Load,
} from '../../src/record/ceiling.ts'
import { Thinner } from '../../src/record/thinner.ts'
import { BACKENDS, frames, ROUTES } from '../frame/arbitraries.ts'

const BOUNDS = { cpu: 0.25, memory: 256e6 }
const MOST = 1000
const after = (loads: readonly Load[], from: CeilingState = UNLIMITED): (number | null)[] => {
  let state = from
  return loads.map((load) => (state = afterTick(state, load, BOUNDS, MOST)).rows)
}
const ticks = (n: number, load: Partial<Load>): Load[] =>
  Array.from({ length: n }, () => ({ cpu: 0.01, memory: 80e6, rows: MOST, ...load }))

describe('the ceiling', () => {
  test('beyond it rows are halved every ten ticks, down to none', () => {
    const rows = after(ticks(80, { cpu: 0.3 }))
    assert.deepEqual(rows.slice(0, HEAVY_TICKS - 1), Array(HEAVY_TICKS - 1).fill(null))
    const steps = rows.filter((row, i) => row !== rows[i - 1])
    assert.deepEqual(steps, [null, 500, 250, 125, 62, 31, 0])
    assert.deepEqual(after(ticks(80, { memory: 300e6 })), rows)
  })

  test('the first step is half of what comes, not of what could come', () => {
    assert.equal(after(ticks(HEAVY_TICKS, { cpu: 0.3, rows: 90 })).at(-1), 45)
    assert.equal(after(ticks(100, { cpu: 0.3, rows: 0 })).at(-1), null)
  })

  test('a start, and a second of a neighbour, are no reason', () => {
    const once = [...ticks(1, { cpu: 1.2 }), ...ticks(99, {})]
    assert.deepEqual(new Set(after(once)), new Set([null]))
  })

  test('when there is room they double every thirty ticks, until all are kept', () => {
    const rows = after(ticks(10 * CALM_TICKS, {}), { rows: 0, loads: [] })
    const steps = rows.filter((row, i) => row !== rows[i - 1])
    assert.deepEqual(steps, [0, 16, 32, 64, 128, 256, 512, null])
    // Between 80 % of the bound and the bound nothing changes.
    assert.deepEqual(new Set(after(ticks(300, { cpu: 0.22 }), { rows: 64, loads: [] })), new Set([64]))
  })

  test('for any loads: never fewer rows below the bounds, never more beyond them, and no change within ten ticks', () => {
    const load = fc.record({
      cpu: fc.double({ min: 0, max: 1, noNaN: true }),
      memory: fc.integer({ min: 0, max: 512e6 }),
      rows: fc.nat(MOST),
    })
    fc.assert(
      fc.property(fc.array(load, { maxLength: 200 }), (loads) => {
        const size = (rows: number | null): number => rows ?? Infinity
        const rows = after(loads)
        let changed = -1
        rows.forEach((now, i) => {
          const before = i === 0 ? null : rows[i - 1]!
          if (now === before) return
          assert.ok(i - changed >= HEAVY_TICKS)
          changed = i
          const last = loads.slice(i + 1 - HEAVY_TICKS, i + 1)
          const isOver =
            last.reduce((sum, { cpu }) => sum + cpu, 0) / HEAVY_TICKS > BOUNDS.cpu ||
            loads[i]!.memory > BOUNDS.memory
          assert.equal(size(now) < size(before), isOver)
        })
      }),
    )
  })

  test('a load that grows with the rows settles', () => {
    let state = UNLIMITED
    const seen: (number | null)[] = []
    for (let i = 0; i < 2000; i++) {
      const rows = state.rows ?? MOST
      state = afterTick(state, { cpu: 0.1 + rows * 0.0003, memory: 0, rows: MOST }, BOUNDS, MOST)
      seen.push(state.rows)
    }
    assert.deepEqual(new Set(seen.slice(100)), new Set([500]))
  })
})

const event = fc
  .record({
    backend: fc.constantFrom(...BACKENDS),
    route: fc.constantFrom(...ROUTES),
    at: fc.nat().map(wallMicros),
    outcome: fc.constantFrom<RequestEvent['outcome']>(200, 200, 200, 404, 500, 503, 'reset', 'closed'),
    header: fc.nat(1e6).map(micros),
    total: fc.nat(1e6).map(micros),
  })
  .map((one): RequestEvent => one)

const withRequests: fc.Arbitrary<SecondFrame[]> = fc
  .tuple(
    frames({ minLength: 30, maxLength: 60 }),
    fc.array(fc.array(event, { maxLength: 120 }), { minLength: 60, maxLength: 60 }),
  )
  .map(([all, requests]) => all.map((frame, i) => ({ ...frame, requests: requests[i]! })))

test('whatever the load, a frame loses rows of the ring and nothing else; failures stay before others; each is counted', () => {
  fc.assert(
    fc.property(withRequests, fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (given, heavy) => {
      let cpu = 0
      let i = 0
      const thinner = new Thinner({ cpu: 0.5, memory: null }, 120, () => {
        cpu += heavy[Math.floor(i++ / 15)] === true ? 9e6 : 0
        return { cpu, memory: 1 }
      })
      let lost = 0
      for (const frame of given) {
        const { frame: kept } = thinner.next(frame)
        assert.deepEqual({ ...kept, requests: [] }, { ...frame, requests: [] })
        const rest = new Set(kept.requests)
        assert.deepEqual(
          frame.requests.filter((one) => rest.has(one)),
          kept.requests,
        )
        lost += frame.requests.length - kept.requests.length
        const isTrouble = ({ outcome }: RequestEvent): boolean =>
          typeof outcome === 'string' || outcome >= 500
        const left = frame.requests.filter((one) => isTrouble(one) && !rest.has(one))
        if (left.length > 0) assert.ok(kept.requests.every(isTrouble))
      }
      assert.equal(thinner.thinned, lost)
    }),
    { numRuns: 30 },
  )
})

test('an episode is said once, when it begins and when it is over', () => {
  let heavy = true
  let cpu = 0
  const thinner = new Thinner({ cpu: 0.5, memory: null }, 100, () => ({
    cpu: (cpu += heavy ? 700_000 : 0),
    memory: 80e6,
  }))
  const [frame] = fc.sample(frames({ minLength: 1, maxLength: 1 }), 1)[0]!
  const one = fc.sample(event, 1)[0]!
  const requests = Array.from({ length: 100 }, () => ({ ...one }))
  const notes: string[] = []
  for (let i = 0; i < 600; i++) {
    heavy = i < 100
    const { note } = thinner.next({ ...frame!, length: micros(1_000_000), requests })
    if (note !== null) notes.push(`${i}: ${note.text}`)
  }
  assert.deepEqual(notes, [
    '9: fewer requests are listed from here: the recorder takes 70% of a CPU and 80 MB, more than it may; counts are whole',
    `202: all kept requests are listed again: ${thinner.thinned} were left out since the start; counts are whole`,
  ])
})
