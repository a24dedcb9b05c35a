import assert from 'node:assert/strict'
import { merge, ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { test } from 'node:test'
import fc from 'fast-check'
import { backendKey, NOTHING, routeKey, wireKey, type Aggregate } from '../../../src/frame/model/aggregate.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../../../src/frame/model/counters.generated.ts'
import type { Backend, SecondFrame } from '../../../src/frame/model/frame.ts'
import { NO_CONNECTIONS } from '../../../src/frame/model/nothing.ts'
import { spanOfFrame } from '../../../src/frame/model/span.ts'
import { micros, monotonicNanos, wallMicros } from '../../../src/frame/model/units.ts'
import { RunningSum } from '../../../src/frame/sum/running-sum.ts'
import { openConnections } from '../../../src/frame/sum/sums.generated.ts'
import { BACKENDS, frames } from '../arbitraries.ts'

test('merging is associative', () => {
  fc.assert(
    fc.property(frames({ minLength: 3, maxLength: 3 }), (three) => {
      const [a, b, c] = three.map(ofFrame) as [Aggregate, Aggregate, Aggregate]
      assert.deepEqual(ordered(merge(merge(a, b), c)), ordered(merge(a, merge(b, c))))
    }),
  )
})

test('merging with nothing changes nothing', () => {
  fc.assert(
    fc.property(frames({ minLength: 1, maxLength: 1 }), ([frame]) => {
      assert.deepEqual(merge(NOTHING, ofFrame(frame!)), ofFrame(frame!))
      assert.deepEqual(merge(ofFrame(frame!), NOTHING), ofFrame(frame!))
    }),
  )
})

test('totals are the sums over backends, and backends over routes', () => {
  fc.assert(
    fc.property(frames({ minLength: 1, maxLength: 6 }), (some) => {
      const sum = sumOf(some.map(ofFrame))
      const requests = some.flatMap(({ traffic }) => traffic).reduce((total, row) => total + row.requests, 0)
      assert.equal(sum.totals.requests, requests)
      assert.equal(
        sum.backends.reduce((total, backend) => total + backend.requests, 0),
        requests,
      )
      for (const backend of sum.backends) {
        assert.equal(
          backend.routes.reduce((total, route) => total + route.header.sum, 0),
          backend.header.sum,
        )
      }
    }),
  )
})

test('what packets carried is summed by backend and address, and unknown if one tick does not tell', () => {
  fc.assert(
    fc.property(frames({ minLength: 1, maxLength: 6 }), (some) => {
      const { wires } = sumOf(some.map(ofFrame))
      assert.equal(
        wires === null,
        some.some((frame) => frame.wires === null),
      )
      const rows = some.flatMap((frame) => frame.wires ?? [])
      for (const name of ['connects', 'requests', 'failures'] as const) {
        for (const sum of wires ?? []) {
          const own = rows.filter((row) => wireKey(row) === wireKey(sum))
          assert.equal(
            sum[name],
            own.reduce((total, row) => total + row[name], 0),
          )
        }
      }
      assert.equal(wires?.length ?? 0, wires === null ? 0 : new Set(rows.map(wireKey)).size)
    }),
  )
})

test('requests in flight are those of the last tick', () => {
  fc.assert(
    fc.property(frames({ minLength: 1, maxLength: 6 }), (some) => {
      const last = some.at(-1)!.traffic.reduce((total, row) => total + row.inFlight, 0)
      assert.equal(sumOf(some.map(ofFrame)).totals.inFlight, last)
    }),
  )
})

test('open connections are those of the last tick, and add up over backends', () => {
  const tick = (...open: readonly (number | null)[]): SecondFrame => ({
    ...IDLE,
    connections: open.flatMap((tlsOpen, i) =>
      tlsOpen === null ? [] : [{ ...NO_CONNECTIONS, tlsConnects: 1, tlsOpen, backend: BACKENDS[i]! }],
    ),
  })
  const running = (ticks: readonly SecondFrame[]): Aggregate => {
    const sum = new RunningSum()
    for (const of of ticks) sum.add(spanOfFrame(of))
    return sum.total
  }
  const openIn = (sum: Aggregate): readonly (number | null)[] => [
    ...sum.backends.map(({ connection }) => openConnections(connection)),
    openConnections(sum.totals.connection),
  ]
  assert.deepEqual(openIn(ofFrame(tick(3, 4))), [3, 4, 7])
  // The first backend has no row in the last tick: it has none open.
  const ticks = [tick(3, 4), tick(5, 6), tick(null, 2)]
  for (const sum of [sumOf(ticks.map(ofFrame)), running(ticks)]) {
    assert.deepEqual(openIn(sum), [0, 2, 2])
    assert.equal(sum.totals.connection.tlsConnects, 5)
  }
})

test('a late tick covers 1.5 s but keeps its length', () => {
  fc.assert(
    fc.property(frames({ minLength: 1, maxLength: 6 }), (some) => {
      const sum = sumOf(some.map(ofFrame))
      assert.equal(
        sum.length,
        some.reduce((total, { length }) => total + length, 0),
      )
      assert.equal(
        sum.covered,
        some.reduce((total, { length }) => total + Math.min(length, 1_500_000), 0),
      )
    }),
  )
})

const IDLE: SecondFrame = {
  seq: 0,
  start: wallMicros(0),
  mono: monotonicNanos(0n),
  length: micros(1_000_000),
  traffic: [],
  connections: [],
  wires: [],
  requests: [],
  loss: NO_LOSS,
  excluded: NO_EXCLUDED,
  control: NO_CONTROL,
  cost: { cpu: micros(0), rssBytes: 0, commit: micros(0) },
  gapBefore: null,
  final: false,
}

/** The entities of an aggregate have no order. */
const ordered = (sum: Aggregate): unknown => ({
  ...sum,
  wires: sum.wires?.toSorted((a, b) => (wireKey(a) < wireKey(b) ? -1 : 1)) ?? null,
  backends: sum.backends
    .map((backend) => ({
      ...backend,
      routes: backend.routes.toSorted((a, b) => (routeKey(a.route) < routeKey(b.route) ? -1 : 1)),
    }))
    .toSorted((a, b) => (backendKey(a.backend) < backendKey(b.backend) ? -1 : 1)),
})

test('a backend of unknown names and the same without a name are one in a sum, of unknown names, in any order', () => {
  const [unknown] = BACKENDS
  const none = { ...unknown!, id: 9, names: [] }
  const renamed = <T extends { readonly backend: Backend }>(row: T): T =>
    row.backend === unknown ? { ...row, backend: none } : row
  const isIn = ({ traffic, connections }: SecondFrame): boolean =>
    [...traffic, ...connections].some(({ backend }) => backend === unknown)
  fc.assert(
    fc.property(frames({ minLength: 2, maxLength: 2 }), ([a, b]) => {
      const later = {
        ...b!,
        traffic: b!.traffic.map(renamed),
        connections: b!.connections.map(renamed),
        wires: b!.wires?.map(renamed) ?? null,
      }
      for (const order of [
        [a!, later],
        [later, a!],
      ]) {
        const running = new RunningSum()
        for (const frame of order) running.add(spanOfFrame(frame))
        for (const { backends } of [sumOf(order.map(ofFrame)), running.total]) {
          const found = backends.filter(({ backend }) => backendKey(backend) === backendKey(none))
          assert.equal(found.length, isIn(a!) || isIn(b!) ? 1 : 0)
          if (isIn(a!)) assert.equal(found[0]!.backend.names, null)
        }
      }
    }),
  )
})
