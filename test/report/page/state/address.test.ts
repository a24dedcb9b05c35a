import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addressOf,
  SORTS,
  START,
  stateOf,
  type PageState,
} from '../../../../src/report/page/state/address.ts'

test('the start has no address', () => {
  assert.equal(addressOf(START), '')
  assert.deepEqual(stateOf(''), START)
  assert.deepEqual(stateOf('#'), START)
})

test('an address leads back to what it was made of', () => {
  const second = fc.integer({ min: -1e9, max: 4e9 }).map((millis) => millis / 1000)
  const name = fc.string({ minLength: 1, maxLength: 100, unit: 'binary' })
  const plain = { noNullPrototype: true }
  const state: fc.Arbitrary<PageState> = fc.record(
    {
      range: fc.option(
        fc.tuple(second, fc.integer({ min: 1, max: 1e6 })).map(([from, more]) => ({ from, to: from + more })),
      ),
      at: fc.option(second),
      subject: fc.option(fc.record({ backend: name, route: fc.option(name) }, plain)),
      where: fc.string({ maxLength: 100, unit: 'binary' }),
      sort: fc.constantFrom(...SORTS),
      pair: fc.option(
        fc.oneof(
          fc.constant({ kind: 'file' as const }),
          second.filter((by) => by !== 0).map((by) => ({ kind: 'later' as const, by })),
        ),
      ),
    },
    plain,
  )
  fc.assert(
    fc.property(state, (shown) => {
      const again = stateOf(addressOf(shown))
      assert.deepEqual({ ...again, range: null }, { ...shown, range: null })
      assert.equal(again.range?.from, shown.range?.from)
      assert.ok(Math.abs((again.range?.to ?? 0) - (shown.range?.to ?? 0)) < 1e-5)
    }),
  )
})

test('what says nothing sensible is as at the start', () => {
  assert.deepEqual(
    stateOf('#from=9&to=3&at=1e99&sort=__proto__&pair=constructor&route=GET%20/a&nonsense=1&%FF%00'),
    START,
  )
  assert.deepEqual(stateOf('#from=Infinity&to=NaN&at=0x10&pair=0'), START)
  assert.equal(stateOf('#at=-99999999999999').at, null)
})

test('a text of the address is only ever a text, and not longer than names are', () => {
  const state = stateOf(
    `#backend=${encodeURIComponent('<img src=x onerror=alert(1)>')}&where=${'x'.repeat(9999)}`,
  )
  assert.deepEqual(state.subject, { backend: '<img src=x onerror=alert(1)>', route: null })
  assert.equal(state.where.length, 2000)
})

test('any text is an address', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (hash) => void stateOf(hash)))
})
