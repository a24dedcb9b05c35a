import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backendKey, wireKey, type BackendSum } from '../../../src/frame/model/aggregate.ts'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { fleetOf } from '../../../src/frame/sum/fleet.ts'
import { RunningSum } from '../../../src/frame/sum/running-sum.ts'
import { spanOfFrame } from '../../../src/frame/model/span.ts'
import { drilldown, subjectSecond } from '../../../src/frame/views/drilldown.ts'
import { ownCounts, wiresByBackend } from '../../../src/frame/views/wires.ts'
import type { SecondFrame, WireRow } from '../../../src/frame/model/frame.ts'
import { detailLines } from '../../../src/render/detail.ts'
import { printed } from '../../../src/render/theme.ts'
import { BOARD_DEFAULTS, leaderboard } from '../../../src/frame/views/leaderboard.ts'
import type { Moment } from '../../../src/frame/views/moment.ts'
import { BACKENDS as NAMED, frameOf, ROUTES as NAMED_ROUTES, START } from '../../replay/example-recording.ts'
import { frames, WIRES } from '../arbitraries.ts'

const NAMES = ['connects', 'requests', 'failures'] as const
const some = frames({ minLength: 1, maxLength: 5 })

/** No wire entry is ahead of its backend: what is too much is not translated. */
function consistent(frame: SecondFrame): SecondFrame {
  const { backends } = ofFrame(frame)
  const left = new Map(backends.map((sum) => [backendKey(sum.backend), { ...ownCounts(sum) }]))
  const wires = frame.wires?.flatMap((row): WireRow[] => {
    const own = left.get(backendKey(row.backend))
    if (own === undefined) return []
    const cut = { ...row }
    for (const name of NAMES) {
      cut[name] = Math.min(cut[name], own[name])
      own[name] -= cut[name]
    }
    return [cut]
  })
  return { ...frame, wires: wires ?? null }
}

const isUnknown = ({ connection: { unreachable, earlyClose } }: BackendSum): boolean =>
  unreachable === null || earlyClose === null

test('the list of a backend adds up to its row, sorted by requests and address, each address once', () => {
  fc.assert(
    fc.property(some, (list) => {
      const sum = sumOf(list.map(consistent).map(ofFrame))
      const wiresOf = wiresByBackend(sum)
      for (const backend of sum.backends) {
        const wires = wiresOf(backend)
        assert.equal(wires === null, sum.wires === null)
        if (wires === null || wires.length === 0) continue
        for (const name of NAMES) {
          const listed: number = wires.reduce((all, wire) => all + wire[name], 0)
          // A kind of failure that one tick does not know is none of the row's, and stays one of a wire's.
          if (name === 'failures' && isUnknown(backend)) assert.ok(listed >= ownCounts(backend)[name])
          else assert.equal(listed, ownCounts(backend)[name])
        }
        const addresses = wires.map(({ address }) => address)
        assert.equal(new Set(addresses).size, addresses.length)
        for (const [i, wire] of wires.entries()) {
          const before = wires[i - 1]
          if (before === undefined) continue
          assert.ok(
            before.requests > wire.requests ||
              (before.requests === wire.requests &&
                Buffer.compare(Buffer.from(before.address), Buffer.from(wire.address)) < 0),
          )
        }
      }
    }),
  )
})

test('a running sum has the same wires as the sum of the frames, and hosts are added by address', () => {
  fc.assert(
    fc.property(some, (list) => {
      const running = new RunningSum()
      for (const frame of list) running.add(spanOfFrame(frame))
      const sum = sumOf(list.map(ofFrame))
      const ordered = (rows: readonly WireRow[] | null): unknown =>
        rows?.toSorted((a, b) => (wireKey(a) < wireKey(b) ? -1 : 1))
      assert.deepEqual(ordered(running.total.wires), ordered(sum.wires))
      const two = fleetOf(['a', 'b'].map((host) => ({ host, aggregate: sum })))
      assert.equal(two.wires?.length, sum.wires?.length)
      assert.ok(two.wires?.every(({ backend }) => backend.netns === 0) ?? true)
      for (const name of NAMES)
        assert.equal(
          two.wires?.reduce((all, row) => all + row[name], 0),
          sum.wires === null ? undefined : 2 * sum.wires.reduce((all, row) => all + row[name], 0),
        )
    }),
  )
})

test('an address equal to that of the backend is one line with what was not translated', () => {
  const frame: SecondFrame = {
    ...frameOf(0, START, [{ backend: NAMED.orders, route: NAMED_ROUTES.orders, requests: 10, headerMs: 1 }]),
    wires: [
      {
        backend: NAMED.orders,
        wire: { id: 1, address: NAMED.orders.address },
        connects: 0,
        requests: 4,
        failures: 0,
      },
      { backend: NAMED.orders, wire: WIRES[0]!, connects: 0, requests: 4, failures: 0 },
    ],
  }
  const sum = ofFrame(frame)
  assert.deepEqual(
    wiresByBackend(sum)(sum.backends[0]!)?.map(({ address, requests }) => [address, requests]),
    [
      [NAMED.orders.address, 6],
      [WIRES[0]!.address, 4],
    ],
  )
})

test('the page of a backend names where its packets go; that of a route does not', () => {
  const frame: SecondFrame = {
    ...frameOf(0, START, [{ backend: NAMED.orders, route: NAMED_ROUTES.orders, requests: 10, headerMs: 1 }]),
    wires: [{ backend: NAMED.orders, wire: WIRES[0]!, connects: 0, requests: 10, failures: 3 }],
  }
  const moment: Moment = {
    frame,
    window: ofFrame(frame),
    elapsed: frame.length,
    windowSeconds: 1,
    activity: [],
    gap: null,
    requests: [],
  }
  const page = (route: string | null): string => {
    const of = { backend: backendKey(NAMED.orders), route }
    const subject = drilldown(moment, [subjectSecond(frame, of)], of, 'rps')!
    const view = { size: { columns: 120, rows: 30 }, selected: 0, host: 'web1', timeZone: 'UTC' }
    return detailLines(leaderboard(moment, BOARD_DEFAULTS), subject, view as never)
      .map((line) => printed(line, 'none'))
      .join('\n')
  }
  assert.ok(page(null).includes(`on the wire ${WIRES[0]!.address} 10, 3 failed`), page(null))
  assert.ok(!page(`${NAMED_ROUTES.orders.method} ${NAMED_ROUTES.orders.path}`).includes('on the wire'))
})
