import assert from 'node:assert/strict'
import { it } from 'node:test'
import { coarser } from '../../../src/report/picture/coarser.ts'
import type { Picture } from '../../../src/report/picture/picture.ts'
import { line } from '../page/draw/line.ts'

const fine: Picture = {
  from: 100,
  to: 105,
  starts: [[0, 100]],
  step: 1,
  count: 5,
  seconds: [1, 1, 0, 0, 1],
  lines: [
    line(
      5,
      { requests: [1, 2, 0, 0, 5] },
      {
        p50: [3, 9, null, null, 7],
        p99: [3, 9, null, null, 7],
        heat: [[3, 1], [3, 1, 9, 2], [], [], [7, 5]],
      },
    ),
  ],
  left: { backends: 0, routes: 0 },
}

it('a coarser picture has the sums of its steps, and their percentiles', () => {
  const { count, step, seconds, lines } = coarser(fine, 2)
  assert.deepEqual([count, step, seconds], [3, 2, [2, 0, 1]])
  assert.deepEqual(lines[0]!.series.requests, [3, 0, 5])
  assert.deepEqual(lines[0]!.heat, [[3, 2, 9, 2], [], [7, 5]])
  assert.deepEqual(lines[0]!.p50, [3, null, 7])
  assert.deepEqual(lines[0]!.p99, [9, null, 7])
})

it('without a distribution only times of single steps are known', () => {
  const { p50, p99 } = coarser({ ...fine, lines: [{ ...fine.lines[0]!, heat: null }] }, 2).lines[0]!
  assert.deepEqual(
    [p50, p99],
    [
      [null, null, 7],
      [null, null, 7],
    ],
  )
})

it('a picture that is coarse enough stays as it is', () => assert.equal(coarser(fine, 1), fine))
