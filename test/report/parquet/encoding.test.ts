/** What is encoded here instead of in the package are the package's bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import plain from 'parquetjs-lite/lib/codec/plain.js'
import rle from 'parquetjs-lite/lib/codec/rle.js'
import { encodedLevels, encodedValues } from '../../../src/report/parquet/parquet-encoding.ts'

/** Nothing in this file makes a writer, so the package has its own encoders still. */
const same = (type: string, values: readonly unknown[]): void =>
  assert.deepEqual(encodedValues(type, values), plain.encodeValues(type, [...values]))

test('levels are runs and bits as of the package', () => {
  const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 40 })))
  fc.assert(
    fc.property(runs, fc.boolean(), (lengths, isWide) => {
      const [bitWidth, most] = isWide ? [2, 3] : [1, 1]
      const levels = lengths.flatMap(([level, length]) =>
        new Array<number>(length).fill(Math.min(level, most)),
      )
      assert.deepEqual(encodedLevels(levels, bitWidth), rle.encodeValues('INT32', levels, { bitWidth }))
    }),
    { numRuns: 2000 },
  )
})

test('numbers and texts are as of the package', () => {
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
  fc.assert(fc.property(fc.array(int32), (values) => same('INT32', values)))
  fc.assert(fc.property(fc.array(fc.maxSafeInteger()), (values) => same('INT64', values)))
  fc.assert(fc.property(fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)), (values) => same('INT64', values)))
  same('INT64', [-1, 0, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, 2 ** 53 - 1])
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
      same('BYTE_ARRAY', texts)
      same(
        'BYTE_ARRAY',
        texts.map((text) => Buffer.from(text)),
      )
    }),
  )
  same('BOOLEAN', [true, false, true])
})
