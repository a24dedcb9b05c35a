/** Levels that are encoded here instead of in the package are the package's bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import rle from 'parquetjs-lite/lib/codec/rle.js'
import { encodedLevels, Levels } from '../../../src/report/parquet/file/levels.ts'

test('levels are runs and bits as of the package', () => {
  const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 40 })))
  const levels = new Levels()
  fc.assert(
    fc.property(runs, fc.boolean(), (lengths, isWide) => {
      const [bitWidth, most] = isWide ? [2, 3] : [1, 1]
      for (const [level, length] of lengths) {
        levels.fill(Math.min(level, most), length - 1)
        levels.push(Math.min(level, most))
      }
      const pushed = levels.take()
      const expected = lengths.flatMap(([level, length]) =>
        new Array<number>(length).fill(Math.min(level, most)),
      )
      assert.deepEqual([...pushed], expected)
      assert.deepEqual(encodedLevels(pushed, bitWidth), rle.encodeValues('INT32', expected, { bitWidth }))
    }),
    { numRuns: 2000 },
  )
})

test('more levels than there is room for', () => {
  const levels = new Levels()
  for (let i = 0; i < 10_000; i++) levels.push(i % 3)
  levels.fill(2, 50_000)
  levels.push(1)
  const taken = levels.take()
  assert.equal(taken.length, 60_001)
  assert.ok(taken.subarray(0, 10_000).every((level, i) => level === i % 3))
  assert.ok(taken.subarray(10_000, 60_000).every((level) => level === 2))
  assert.equal(taken[60_000], 1)
  assert.equal(levels.take().length, 0)
})
