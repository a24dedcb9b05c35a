import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  boundsOf,
  bucketOf,
  BUCKETS,
  mergeBuckets,
  percentile,
  type Buckets,
} from '../../../src/frame/model/histogram.ts'
import { micros } from '../../../src/frame/model/units.ts'

const latency = fc.integer({ min: 0, max: 3_600_000_000 })

test('a value lies within the bounds of its bucket', () => {
  fc.assert(
    fc.property(latency, (value) => {
      const [low, beyond] = boundsOf(bucketOf(micros(value)))
      assert.ok(low <= value && value < beyond, `${value} in [${low}, ${beyond})`)
    }),
  )
})

test('each bucket begins where the one before ends', () => {
  for (let bucket = 1; bucket < BUCKETS; bucket++) assert.equal(boundsOf(bucket)[0], boundsOf(bucket - 1)[1])
})

test('values beyond the range share the last bucket', () => {
  assert.equal(bucketOf(micros(2 ** 40)), BUCKETS - 1)
})

test('merging equals counting all values together', () => {
  fc.assert(
    fc.property(fc.array(latency), fc.array(latency), (a, b) => {
      assert.deepEqual(mergeBuckets(bucketsOf(a), bucketsOf(b)), bucketsOf([...a, ...b]))
    }),
  )
})

test('a percentile is within 3.2 % of the exact value at its rank', () => {
  fc.assert(
    fc.property(
      fc.array(latency, { minLength: 1 }),
      fc.constantFrom(0.5, 0.9, 0.95, 0.99, 0.999, 1),
      (values, q) => {
        const sorted = values.toSorted((a, b) => a - b)
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length - 1e-9) - 1)]!
        const found = percentile(bucketsOf(values), q, micros(sorted[0]!), micros(sorted.at(-1)!))!
        assert.ok(Math.abs(found - exact) <= 0.032 * exact, `${found} beside ${exact}`)
      },
    ),
  )
})

test('an empty histogram has no percentile', () => {
  assert.equal(percentile([], 0.99, micros(0), micros(0)), null)
})

function bucketsOf(values: readonly number[]): Buckets {
  const counts = new Map<number, number>()
  for (const value of values)
    counts.set(bucketOf(micros(value)), (counts.get(bucketOf(micros(value))) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => a - b).flat()
}
