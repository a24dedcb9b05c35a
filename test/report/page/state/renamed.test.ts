/** An address that was named otherwise before: two lines, one subject. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Picture } from '../../../../src/report/picture/picture.ts'
import { lineOf, lineOfRow } from '../../../../src/report/page/state/cut.ts'
import { grouped } from '../../../../src/report/page/state/rows.ts'
import { samplesOf } from '../../../../src/report/page/state/sums.ts'
import { tableRows } from '../../../../src/report/page/state/table-rows.ts'
import { API, api, items, ITEMS, picture, total } from './pictures.ts'

const SHOP = 'shop · 10.0.1.10:8080'
const orders = { ...items, subject: { ...ITEMS, route: 'GET /orders' }, label: 'GET /orders' }
const renamed: Picture = { ...picture, lines: [total, api, items, { ...api, label: SHOP }, items, orders] }

test('as a subject an address is the sum of all its names', () => {
  const both = lineOf(renamed, API)!
  assert.equal(both.label, 'api · 10.0.1.10:8080, shop · 10.0.1.10:8080')
  assert.deepEqual(both.series.requests, [20, 40, 0, 60])
  assert.deepEqual(both.heat!.map(samplesOf), [20, 36, 0, 60])
  assert.deepEqual(lineOf(renamed, ITEMS)!.series.requests, [10, 10, 0, 0])
})

test('each row of it has the course of its own name', () => {
  assert.equal(lineOfRow(renamed, { subject: API, label: SHOP }), renamed.lines[3])
  assert.equal(lineOfRow(renamed, { subject: ITEMS, label: 'GET /items' }), null)
})

test('routes stay below the name that they had', () => {
  const rows = grouped(tableRows(renamed, { at: null, subject: API }, ''), 'requests')
  assert.deepEqual(
    rows.map(({ label }) => label),
    [api.label, 'GET /items', SHOP, 'GET /items', 'GET /orders'],
  )
})
