import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { bucketOf, percentile, sumBuckets } from '../../../src/frame/model/histogram.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { mergedTime } from '../../../src/report/picture/merged-time.ts'

const bucketsOf = (times: readonly number[]): readonly number[] =>
  sumBuckets(times.map((time) => [bucketOf(micros(time)), 1]))
const timeOf = (times: readonly number[], q: number): number | null =>
  percentile(bucketsOf(times), q, micros(Math.min(...times)), micros(Math.max(...times)))
const merged = (parts: readonly (readonly number[])[], q: number): number | null =>
  mergedTime(
    bucketsOf(parts.flat()),
    q,
    parts.map((part) => timeOf(part, q)),
  )

const parts = fc.array(fc.array(fc.nat(100_000), { maxLength: 8 }), { maxLength: 6 })

it('is within a bucket of what all answers together have, and never beyond their least and greatest', () => {
  fc.assert(
    fc.property(parts, fc.constantFrom(0.5, 0.99), (some, q) => {
      const all = some.flat()
      const [ours, exact] = [merged(some, q), timeOf(all, q)]
      if (ours === null || exact === null) {
        assert.equal(ours, exact)
        return
      }
      assert.ok(
        ours >= Math.min(...all) && ours <= Math.max(...all),
        'an answer was as fast, and one as slow',
      )
      assert.equal(bucketOf(micros(ours)), bucketOf(micros(exact)))
    }),
  )
})

it('is exact of a single part, with and without its distribution', () => {
  assert.equal(merged([[], [1000], []], 0.99), 1000)
  assert.equal(mergedTime(null, 0.99, [null, 1000, null]), 1000)
})

it('is unknown of several parts without their distribution', () => {
  assert.equal(mergedTime(null, 0.5, [1000, 1000]), null)
})
