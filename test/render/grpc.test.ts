/** The screens of a recording with a gRPC backend, in a burst of UNAVAILABLE behind 200s. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressKey, routeKey } from '../../src/frame/model/aggregate.ts'
import { addMicros } from '../../src/frame/model/units.ts'
import { drilldown, type Subject } from '../../src/frame/views/drilldown.ts'
import { BOARD_DEFAULTS, leaderboard } from '../../src/frame/views/leaderboard.ts'
import { detailLines } from '../../src/render/detail.ts'
import { printed, type Depth } from '../../src/render/theme.ts'
import { MomentReader } from '../../src/replay/data/moment-reader.ts'
import { printFrames } from '../../src/replay/print/print.ts'
import { Stops } from '../../src/replay/time/stops.ts'
import { assertGolden } from '../golden.ts'
import { START } from '../report/fake.ts'
import { ADD, CART, shop } from '../report/shop.ts'

const recording = shop()
const stops = new Stops(recording.ticks)
const moments = new MomentReader(recording)
const BURST = addMicros(START, 30e6)

const screen = (columns: number, depth: Depth = 'none', format: 'text' | 'json' = 'text'): string =>
  [
    ...printFrames(recording, {
      board: BOARD_DEFAULTS,
      size: { columns, rows: 20 },
      timeZone: 'UTC',
      windowSeconds: 10,
      step: null,
      which: { at: BURST },
      format,
      depth,
    }),
  ].join('')

function detail(route: string | null, columns: number): string {
  const subject: Subject = { backend: addressKey(CART), route }
  const stop = stops.at(stops.ofTime(BURST))
  const moment = moments.at(stop, 10)
  const of = drilldown(moment, moments.history(stop, subject), subject, 'rps')!
  const view = {
    host: 'web1',
    timeZone: 'UTC',
    withOffset: false,
    sort: 'rps',
    filter: '',
    selected: 0,
  } as const
  const lines = detailLines(leaderboard(moment, BOARD_DEFAULTS), of, { ...view, size: { columns, rows: 24 } })
  return lines.map((line) => `${printed(line, 'none')}\n`).join('')
}

for (const columns of [60, 80, 120]) {
  test(`statuses by name at ${columns} columns`, () => {
    assertGolden(`screen/grpc-${columns}.txt`, screen(columns))
    assertGolden(`screen/grpc-${columns}.ansi`, screen(columns, 'colour'))
    assertGolden(`scene/grpc-backend-${columns}.txt`, detail(null, columns))
    assertGolden(`scene/grpc-route-${columns}.txt`, detail(routeKey(ADD), columns))
  })
}

test('the lines of --json have the exchanges that ended by status', () => {
  const { totals, backends } = JSON.parse(screen(80, 'none', 'json')) as Record<
    'totals',
    { grpc: unknown }
  > & {
    backends: { protocol: string; grpc: unknown; routes: { grpc: unknown }[] }[]
  }
  const all = { '0': 219, '14': 80, '5': 1 }
  assert.deepEqual(totals.grpc, all)
  assert.deepEqual(
    backends.map(({ protocol, grpc, routes }) => [protocol, grpc, routes.map((route) => route.grpc)]),
    [
      [
        'grpc',
        all,
        [
          { '0': 120, '14': 80 },
          { '0': 99, '5': 1 },
        ],
      ],
      ['http/1', {}, [{}]],
    ],
  )
})
