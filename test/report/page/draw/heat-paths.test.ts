import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { heatPaths, percentilePath, troublePath } from '../../../../src/report/page/draw/heat-paths.ts'
import { line } from './line.ts'

const scale = { first: 0, rows: 4, group: 1 }

describe('the paths of a heatmap', () => {
  it('have the fast answers at the bottom, and equal cells side by side as one', () => {
    const { d, most } = heatPaths({ heat: [[0, 1], [0, 1, 3, 100], []] }, scale, 3)
    assert.equal(most, 100)
    assert.deepEqual(d, ['M0 3h2v1h-2z', '', 'M1 0h1v1h-1z'])
  })

  it('cover each cell that has an answer once', () => {
    const column = fc
      .dictionary(fc.constantFrom('0', '1', '2', '3'), fc.integer({ min: 1, max: 9999 }))
      .map((counts) => Object.entries(counts).flatMap(([bucket, count]) => [Number(bucket), count]))
    fc.assert(
      fc.property(fc.array(column), (heat) => {
        const { d } = heatPaths({ heat }, scale)
        const areas = d.flatMap((path) => [...path.matchAll(/h(\d+)v/g)].map(([, width]) => Number(width)))
        const cells = heat.reduce((sum, buckets) => sum + buckets.length / 2, 0)
        assert.equal(
          areas.reduce((sum, area) => sum + area, 0),
          cells,
        )
      }),
    )
  })

  it('are none where the picture has no heat of the line', () =>
    assert.deepEqual(heatPaths({ heat: null }, scale, 2), { d: ['', ''], most: 0 }))
})

describe('the line of a percentile', () => {
  it('breaks where nothing was measured, and a step alone is a dash', () =>
    assert.equal(percentilePath([1, 2, null, 3, null], scale), 'M0.5 3L1.5 2M3 1h1'))
})

describe('the lane of trouble', () => {
  it('is what went wrong per second, and shows one among many', () => {
    const of = line(4, { bad: [100, 0, 1, 100] })
    assert.deepEqual(troublePath(of, [1, 1, 1, 2], 10), {
      d: 'M0 10V0H1V10ZM2 10V8.8H3V5H4V10Z',
      most: 100,
      full: 100,
    })
  })

  it('is empty where nothing did', () =>
    assert.deepEqual(troublePath(line(2, {}), [1, 1], 10), { d: '', most: 0, full: 0 }))

  it('is low where errors are few of the requests', () => {
    const of = line(2, { requests: [400, 400], bad: [1, 0] })
    assert.deepEqual(troublePath(of, [1, 1], 10), { d: 'M0 10V7.5H1V10Z', most: 1, full: 4 })
  })
})
