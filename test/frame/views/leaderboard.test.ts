import assert from 'node:assert/strict'
import { ofFrame } from '../../../src/frame/sum/merge.ts'
import { test } from 'node:test'
import fc from 'fast-check'
import { coverageOf } from '../../../src/frame/views/figures.ts'
import { BOARD_DEFAULTS, leaderboard } from '../../../src/frame/views/leaderboard.ts'
import { requestsByBackend, type Moment } from '../../../src/frame/views/moment.ts'
import { drilldown, subjectSecond } from '../../../src/frame/views/drilldown.ts'
import { addressKey } from '../../../src/frame/model/aggregate.ts'
import { compareBytes, rankBackends, rankRoutes, SORTS } from '../../../src/frame/views/ranking.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { frames } from '../arbitraries.ts'
import { BACKENDS, frameOf, opaqueRow, ROUTES, START } from '../../replay/example-recording.ts'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'

const frame = frames({ minLength: 1, maxLength: 1 }).map(([only]) => only!)

const momentOf = (now: SecondFrame, before: readonly SecondFrame[] = []): Moment => ({
  frame: now,
  window: ofFrame(now),
  elapsed: now.length,
  windowSeconds: 1,
  activity: [...before, now].map((tick) => ({
    seconds: tick.length / 1e6,
    backends: requestsByBackend(tick),
  })),
  requests: [],
  gap: null,
})

test('the order of rows does not depend on the input order', () => {
  fc.assert(
    fc.property(frame, fc.constantFrom(...SORTS), fc.nat(), (tick, sort, seed) => {
      const { backends } = ofFrame(tick)
      const shuffled = [...backends].sort(
        (a, b) => ((a.requests * 7 + seed) % 5) - ((b.requests * 3 + seed) % 5),
      )
      const names = (of: typeof backends): readonly string[] =>
        rankBackends(of, sort).map((sum) => sum.backend.address)
      assert.deepEqual(names([...shuffled].reverse()), names(backends))
      for (const { routes } of backends) {
        assert.deepEqual(rankRoutes([...routes].reverse(), sort), rankRoutes(routes, sort))
      }
    }),
  )
})

test('text is ordered by its UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
    }),
  )
})

test('the shares of all backends add up to 1, and so do the shares of a backend’s routes', () => {
  fc.assert(
    fc.property(frame, (tick) => {
      const board = leaderboard(momentOf(tick), { ...BOARD_DEFAULTS, backends: 100, routes: 100 })
      if (board.totals.requests === 0) return
      const sum = board.backends.reduce((all, { share }) => all + (share ?? 0), 0)
      assert.ok(Math.abs(sum - 1) < 1e-9)
      for (const { routes, requests } of board.backends) {
        if (requests === 0) continue
        assert.ok(Math.abs(routes.reduce((all, { share }) => all + (share ?? 0), 0) - 1) < 1e-9)
      }
    }),
  )
})

test('a backend without requests since a moment ago keeps its row with 0', () => {
  const busy = frameOf(1, START, [{ backend: BACKENDS.users, route: ROUTES.users, requests: 9, headerMs: 1 }])
  const silent = frameOf(2, addMicros(START, 1_000_000), [])
  const [line] = leaderboard(momentOf(silent, [busy]), BOARD_DEFAULTS).backends
  assert.deepEqual([line?.backend, line?.rps, line?.series], [BACKENDS.users, 0, [9, 0]])
})

test('a backend with only unreadable flows is opaque; one that also has requests is not', () => {
  const both = [{ backend: BACKENDS.users, route: ROUTES.users, requests: 9, headerMs: 1 }]
  const opaque = frameOf(1, START, both, {
    connections: [opaqueRow(BACKENDS.tls, 3), opaqueRow(BACKENDS.users, 1)],
  })
  const lines = leaderboard(momentOf(opaque), BOARD_DEFAULTS).backends
  assert.deepEqual(
    lines.map((line) => [line.label.full, line.opaque]),
    [
      ['10.0.1.11:8080', 0],
      ['10.0.1.20:8443', 3],
    ],
  )
})

test('rates of a late tick use its real length, and it covers 1.5 s', () => {
  const late = frameOf(
    1,
    START,
    [{ backend: BACKENDS.users, route: ROUTES.users, requests: 70, headerMs: 1 }],
    {
      length: micros(7_000_000),
    },
  )
  const board = leaderboard(momentOf(late), BOARD_DEFAULTS)
  assert.equal(board.totals.rps, 10)
  assert.equal(board.coverage, 1.5 / 7)
})

test('refused map entries lower the coverage', () => {
  const tick = frameOf(1, START, [
    { backend: BACKENDS.users, route: ROUTES.users, requests: 90, headerMs: 1 },
  ])
  const lossy = { ...tick, loss: { ...tick.loss, mapRefused: 4, ambiguous: 5, unmatchedResponses: 1 } }
  assert.equal(coverageOf(ofFrame(lossy), lossy.length), 0.9)
})

test('a filter keeps backends by address and routes by path', () => {
  const tick = frameOf(1, START, [
    { backend: BACKENDS.users, route: ROUTES.users, requests: 9, headerMs: 1 },
    { backend: BACKENDS.orders, route: ROUTES.orders, requests: 9, headerMs: 1 },
    { backend: BACKENDS.orders, route: ROUTES.health, requests: 9, headerMs: 1 },
  ])
  const shown = (filter: string): readonly (readonly [string, number])[] =>
    leaderboard(momentOf(tick), { ...BOARD_DEFAULTS, filter }).backends.map((line) => [
      line.label.full,
      line.routes.length,
    ])
  assert.deepEqual(shown('/healthz'), [['10.0.1.10:8080', 1]])
  assert.deepEqual(shown('1.11'), [['10.0.1.11:8080', 1]])
  assert.deepEqual(shown('nothing'), [])
})

test('one address in two network namespaces gives two rows with the namespace in the name', () => {
  const other = { ...BACKENDS.users, id: 99, netns: 2 }
  const tick = frameOf(1, START, [
    { backend: BACKENDS.users, route: ROUTES.users, requests: 9, headerMs: 1 },
    { backend: other, route: ROUTES.users, requests: 3, headerMs: 1 },
  ])
  assert.deepEqual(
    leaderboard(momentOf(tick), BOARD_DEFAULTS).backends.map((line) => line.label.full),
    ['10.0.1.11:8080%1', '10.0.1.11:8080%2'],
  )
})

test('a namespace is shown by its name, and found by it', () => {
  const other = { ...BACKENDS.users, id: 99, netns: 2, namespace: 'web' }
  const tick = frameOf(1, START, [
    { backend: BACKENDS.users, route: ROUTES.users, requests: 9, headerMs: 1 },
    { backend: other, route: ROUTES.users, requests: 3, headerMs: 1 },
  ])
  const shown = (filter: string): string[] =>
    leaderboard(momentOf(tick), { ...BOARD_DEFAULTS, filter }).backends.map((line) => line.label.full)
  assert.deepEqual(shown(''), ['10.0.1.11:8080%1', '10.0.1.11:8080%web'])
  assert.deepEqual(shown('web'), ['10.0.1.11:8080%web'])
})

test('the drilldown shows the same numbers as the selected row', () => {
  fc.assert(
    fc.property(frame, (tick) => {
      const moment = momentOf(tick)
      const { backends } = leaderboard(moment, { ...BOARD_DEFAULTS, backends: 100 })
      for (const line of backends) {
        const of = { backend: addressKey(line.backend), route: null }
        // Of an address that was renamed it shows the sum (drilldown.test.ts).
        if (backends.filter(({ backend }) => addressKey(backend) === of.backend).length > 1) continue
        const subject = drilldown(moment, [subjectSecond(tick, of)], of, 'rps')
        assert.equal(subject?.figures.requests, line.requests)
        assert.equal(subject.figures.p99, line.p99)
        assert.equal(subject.share, line.share)
      }
    }),
  )
})

test('a filter matches names and addresses; the order by name is that of names, then of addresses', () => {
  const named = [
    { ...BACKENDS.users, names: ['api'] },
    { ...BACKENDS.orders, names: ['shop', 'web'] },
    { ...BACKENDS.orders, id: 9, address: '10.0.1.9:80', names: [] },
  ]
  const tick = frameOf(
    1,
    START,
    named.map((backend) => ({ backend, route: ROUTES.users, requests: 9, headerMs: 1 })),
  )
  const shown = (filter: string): readonly string[] =>
    leaderboard(momentOf(tick), { ...BOARD_DEFAULTS, filter, sort: 'name' }).backends.map(
      (line) => line.label.full,
    )
  const [api, shop] = [`api · ${BACKENDS.users.address}`, `shop, web · ${BACKENDS.orders.address}`]
  assert.deepEqual(shown(''), [api, shop, '10.0.1.9:80'])
  assert.deepEqual(shown('shop'), [shop])
  assert.deepEqual(shown('shop, w'), [shop])
  assert.deepEqual(shown('1.9:80'), ['10.0.1.9:80'])
})
