import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cursorPlace,
  cutPicture,
  finestOf,
  lineOf,
  paddedPicture,
  stepAt,
} from '../../../../src/report/page/state/cut.ts'
import { sumOf } from '../../../../src/report/page/state/sums.ts'
import { API, FROM, ITEMS, picture } from './pictures.ts'

test('a part of a picture has the whole steps that the range touches', () => {
  const part = cutPicture(picture, { from: FROM + 1.5, to: FROM + 3 })
  assert.deepEqual([part.from, part.to, part.count, part.starts], [FROM + 1, FROM + 3, 2, [[0, FROM + 1]]])
  assert.deepEqual(part.seconds, [1, 0])
  assert.deepEqual(part.lines[0]!.series.requests, [20, 0])
  assert.deepEqual(part.lines[0]!.heat, [[50, 18], []])
})

test('the parts of a picture sum up to it', () => {
  const parts = [0, 2].map((first) => cutPicture(picture, { from: FROM + first, to: FROM + first + 2 }))
  const requests = parts.map((part) => sumOf(part, part.lines[0]!, 0, part.count).counts.requests)
  assert.deepEqual(requests, [30, 30])
})

test('all of it is the same picture, and any range has a step', () => {
  assert.equal(cutPicture(picture, { from: 0, to: 9e9 }), picture)
  assert.equal(cutPicture(picture, { from: 0, to: 1 }).count, 1)
  assert.equal(cutPicture(picture, { from: 8e9, to: 9e9 }).count, 1)
})

test('a folded hole stays where it was', () => {
  const folded = {
    ...picture,
    starts: [
      [0, FROM],
      [3, 9000],
    ] as const,
    to: 9001,
  }
  const part = cutPicture(folded, { from: FROM + 1, to: 9001 })
  assert.deepEqual(part.starts, [
    [0, FROM + 1],
    [2, 9000],
  ])
})

test('of several pictures the finest that has all of the range is taken', () => {
  const whole = { ...picture, step: 10, to: FROM + 40 }
  assert.equal(finestOf([whole, picture], { from: FROM + 1, to: FROM + 3 }), picture)
  assert.equal(finestOf([whole, picture], { from: FROM + 1, to: FROM + 5 }), whole)
  assert.equal(finestOf([whole, picture], { from: 0, to: 9e9 }), whole)
})

test('beyond what was recorded there are steps in which nothing was', () => {
  const padded = paddedPicture(picture, { from: FROM - 2, to: FROM + 5 }, 100)
  assert.deepEqual(padded.seconds, [0, 0, 1, 1, 0, 1, 0])
  assert.deepEqual(
    [padded.count, padded.starts, padded.from, padded.to],
    [7, [[0, FROM - 2]], FROM - 2, FROM + 5],
  )
  assert.equal(stepAt(padded, FROM), 2)
  const folded = {
    ...picture,
    starts: [
      [0, FROM],
      [3, 9000],
    ] as const,
    to: 9001,
  }
  assert.deepEqual(paddedPicture(folded, { from: FROM - 2, to: 9001 }, 100).starts[1], [5, 9000])
  assert.equal(padded.lines[0]!.heat!.length, 7)
  assert.equal(paddedPicture(picture, { from: FROM, to: FROM + 4 }, 4), picture)
})

test('a moment at the edge of a month gets no steps of a second for all of it', () => {
  const month = { from: FROM - 30 * 86_400, to: FROM + 4 }
  const padded = paddedPicture(picture, month, 900)
  assert.ok(padded.count <= 900)
  assert.ok(padded.from === month.from && padded.to === month.to)
  assert.equal(sumOf(padded, padded.lines[0]!, 0, padded.count).counts.requests, 60)
  assert.equal(padded.seconds.at(-1), 3)
})

test('a line is found by what it is of', () => {
  assert.equal(lineOf(picture, null)?.label, 'all')
  assert.equal(lineOf(picture, API)?.label, 'api · 10.0.1.10:8080')
  assert.equal(lineOf(picture, ITEMS)?.label, 'GET /items')
  assert.equal(lineOf(picture, { backend: 'gone', route: null }), null)
})

test('a cursor stands in the middle of its step, and nowhere for a moment that is not in the picture', () => {
  const at = [null, FROM - 1, FROM, FROM + 1.2, picture.to]
  assert.deepEqual(
    at.map((second) => cursorPlace(picture, second)),
    [null, null, 0.5, 1.5, null],
  )
})
