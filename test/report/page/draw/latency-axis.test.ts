import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketOf } from '../../../../src/frame/model/histogram.ts'
import { micros } from '../../../../src/frame/model/units.ts'
import { heatScale } from '../../../../src/frame/views/heat.ts'
import { latencyTicks } from '../../../../src/report/page/draw/latency-axis.ts'

const timesOf = (fastest: number, slowest: number): number[] => {
  const buckets = [bucketOf(micros(fastest)), 1, bucketOf(micros(slowest)), 1]
  return latencyTicks(heatScale([buckets], 48)).map(({ time }) => time)
}

test('the times along a heatmap are powers of ten where there are enough of them', () => {
  assert.deepEqual(timesOf(500, 400_000), [1000, 10_000, 100_000])
})

test('a heatmap of a narrow range has times, too', () => {
  assert.deepEqual(timesOf(11_000, 13_000), [11_000, 12_000, 13_000])
  assert.deepEqual(timesOf(2200, 4600), [3000, 4000])
})
