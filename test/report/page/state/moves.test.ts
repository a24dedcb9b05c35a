import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  LEAST_SECONDS,
  momentWithin,
  rangeAround,
  rangeWith,
  rangeWithin,
  zoomed,
} from '../../../../src/report/page/state/moves.ts'

const ALL = { from: 1000, to: 2000 }

test('a range stays within what was recorded, and is not shorter than a few seconds', () => {
  assert.deepEqual(rangeWithin(null, ALL), ALL)
  assert.deepEqual(rangeWithin({ from: 900, to: 950 }, ALL), { from: 1000, to: 1050 })
  assert.deepEqual(rangeWithin({ from: 0, to: 9e9 }, ALL), ALL)
  assert.deepEqual(rangeWithin({ from: 1500, to: 1501 }, ALL), { from: 1498, to: 1503 })
  const second = fc.double({ min: -1e12, max: 1e12, noNaN: true })
  fc.assert(
    fc.property(second, second, (a, b) => {
      const { from, to } = rangeWithin({ from: Math.min(a, b), to: Math.max(a, b) }, ALL)
      assert.ok(
        from >= ALL.from && to <= ALL.to + 1e-6 && to - from >= LEAST_SECONDS - 1e-6,
        `${from}..${to}`,
      )
    }),
  )
})

test('a recording of a second is a range, too', () => {
  assert.deepEqual(rangeWithin({ from: 0, to: 1 }, { from: 0, to: 1 }), { from: 0, to: 1 })
})

test('zooming keeps the moment where it was, and zooming far out shows all', () => {
  assert.deepEqual(zoomed(ALL, 0.5, 1250, ALL), { from: 1125, to: 1625 })
  assert.deepEqual(zoomed({ from: 1125, to: 1625 }, 2, 1250, ALL), null)
  assert.deepEqual(zoomed({ from: 1100, to: 1200 }, 2, 1150, ALL), { from: 1050, to: 1250 })
})

test('a moment outside of the range brings the range along', () => {
  const range = { from: 1100, to: 1200 }
  assert.equal(rangeWith(range, 1150, ALL), range)
  assert.deepEqual(rangeWith(range, 1500, ALL), { from: 1450, to: 1550 })
  assert.deepEqual(rangeWith(range, 1999, ALL), { from: 1900, to: 2000 })
})

test('a finding is shown with what was before and behind it', () => {
  assert.deepEqual(rangeAround({ from: 1500, to: 1560 }, ALL), { from: 1440, to: 1620 })
  assert.deepEqual(rangeAround({ from: 1500, to: 1502 }, ALL), { from: 1480, to: 1522 })
  assert.equal(rangeAround({ from: 1100, to: 1900 }, ALL), null)
})

test('a moment is never the end itself: nothing begins there', () => {
  assert.equal(momentWithin(5000, ALL), 2000 - 1e-3)
  assert.equal(momentWithin(-5, ALL), 1000)
})
