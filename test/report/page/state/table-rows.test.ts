import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grouped } from '../../../../src/report/page/state/rows.ts'
import { sumOf } from '../../../../src/report/page/state/sums.ts'
import { tableRows } from '../../../../src/report/page/state/table-rows.ts'
import { api, API, FROM, items, ITEMS, picture, total } from './pictures.ts'

const rows = (choice: Partial<Parameters<typeof tableRows>[1]>, filter = '') =>
  tableRows(picture, { at: null, subject: null, ...choice }, filter)

test('the table of a range has its sums, and rates of what was recorded', () => {
  const row = rows({})[0]!
  assert.deepEqual([row.label, row.requests, row.rps, row.share], ['api · 10.0.1.10:8080', 60, 20, 1])
  assert.deepEqual(row.fivexx, { count: 2, share: 2 / 59 })
  assert.equal(row.failures, 1)
})

test('the table of a moment has the times of its step, that of a range those of its distribution', () => {
  const at = rows({ at: FROM + 1 })[0]!
  assert.deepEqual([at.requests, at.p50, at.p99], [20, 200, 1000])
  const all = rows({})[0]!
  assert.ok((all.p50 ?? 0) > 0 && (all.p50 ?? 0) <= (all.p99 ?? 0))
})

test('no percentile of a range is above the slowest of its steps, or below the fastest', () => {
  const even = { ...total, p50: [500, 500], p99: [500, 500], heat: [[95, 9] as const, [95, 9] as const] }
  const { p50, p99 } = sumOf({ seconds: [1, 1] }, even, 0, 2)
  assert.deepEqual([p50, p99], [500, 500])
})

test('times that the picture does not have are unknown, not nothing', () => {
  const sum = sumOf(picture, items, 0, 4)
  assert.deepEqual([sum.p50, sum.timesUnknown, sum.lost], [null, true, null])
})

test('where only one step has times, those of a range are known', () => {
  for (const beyond of [2, 3, 4]) {
    const { p50, p99, timesUnknown } = sumOf(picture, items, 1, beyond)
    assert.deepEqual([p50, p99, timesUnknown], [200, 1000, false])
  }
  const none = sumOf(picture, items, 2, 4)
  assert.deepEqual([none.p50, none.timesUnknown], [null, false])
})

test('what was answered and has no time was lost', () => {
  assert.equal(sumOf(picture, total, 0, 4).lost, 1)
})

test('the chosen backend has its routes below it', () => {
  assert.deepEqual(
    rows({ subject: API }).map(({ label }) => label),
    ['api · 10.0.1.10:8080', 'GET /items'],
  )
  assert.deepEqual(
    rows({ subject: ITEMS }).map(({ share }) => share),
    [1, 10 / 60],
  )
})

test('a filter keeps names that have its text, in any case, and the backends of such routes', () => {
  assert.deepEqual(
    rows({}, 'API').map(({ label }) => label),
    ['api · 10.0.1.10:8080'],
  )
  assert.deepEqual(
    rows({}, 'Items').map(({ label }) => label),
    ['api · 10.0.1.10:8080', 'GET /items'],
  )
  assert.deepEqual(rows({}, 'nowhere'), [])
})

test('a moment in a gap has no rows', () => {
  assert.deepEqual(rows({ at: FROM + 2 }), [])
})

test('routes stay below their backend in every order', () => {
  const web = { ...api, label: 'zweb', subject: { backend: '1 b', route: null } }
  const two = { ...picture, lines: [total, api, items, web] }
  const found = tableRows(two, { at: null, subject: API }, '')
  for (const sort of ['requests', 'name', 'p99', '5xx', 'failures', 'p50'] as const) {
    const labels = grouped(found.toReversed(), sort).map(({ label }) => label)
    assert.equal(labels.indexOf('GET /items'), labels.indexOf('api · 10.0.1.10:8080') + 1, sort)
  }
})
