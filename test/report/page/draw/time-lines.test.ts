import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heatScale } from '../../../../src/frame/views/heat.ts'
import { bucketOf } from '../../../../src/frame/model/histogram.ts'
import { micros } from '../../../../src/frame/model/units.ts'
import { pointSteps, timeLines } from '../../../../src/report/page/draw/time-lines.ts'
import { pictureOf } from '../state/pictures.ts'
import { line } from './line.ts'

const seconds = (count: number): number[] => new Array<number>(count).fill(1)
const busy = (count: number): ReturnType<typeof line> => {
  const times = seconds(count).map((_, i) => 1000 * (1 + (i % 2) * 8))
  return line(count, {}, { p50: times, p99: times, heat: times.map((time) => [bucketOf(micros(time)), 1]) })
}

test('a line has a point for each step, or about a hundred of all of them', () => {
  assert.equal(pointSteps({ count: 150 }, { heat: [] }), 1)
  assert.equal(pointSteps({ count: 480 }, { heat: [] }), 5)
  assert.equal(pointSteps({ count: 480 }, { heat: null }), 1)
})

test('a point is the percentile of all the times of its steps', () => {
  const [total, picture] = [busy(400), pictureOf(busy(400), seconds(400))]
  const { p50, p99, factor } = timeLines(picture, total, heatScale(total.heat!, 48))
  assert.equal(factor, 4)
  const heights = (d: string): Set<string> =>
    new Set([...d.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => y!))
  assert.equal(heights(p50).size, 1)
  assert.equal(heights(p99).size, 1)
  assert.notDeepEqual(heights(p50), heights(p99))
})
