import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backendKey, routeKey } from '../../src/frame/aggregate.ts'
import { BOARD_DEFAULTS } from '../../src/frame/leaderboard.ts'
import { addMicros } from '../../src/frame/units.ts'
import * as details from '../../src/render/detail.ts'
import { lineWidth, type Line } from '../../src/render/line.ts'
import { labelsOf, scrubberOf, scrubberWidth } from '../../src/render/scrubber.ts'
import { printed } from '../../src/render/theme.ts'
import { Moments } from '../../src/replay/moments.ts'
import { sceneLines, type Scene } from '../../src/replay/scene.ts'
import { startingAt } from '../../src/replay/timeline.ts'
import { Stops } from '../../src/replay/stops.ts'
import { firstView, type Page, type View } from '../../src/replay/view.ts'
import { assertGolden } from '../golden.ts'
import { BACKENDS, ROUTES, START, story } from './story.ts'

const recording = story()
const stops = new Stops(recording.ticks)
const moments = new Moments(recording)

function scene(
  second: number,
  columns: number,
  rows: number,
  page: Page | null,
  view: Partial<View> = {},
): Scene {
  const stop = stops.at(stops.ofTime(addMicros(START, second * 1_000_000)))
  const [label] = labelsOf({ from: recording.info.start, to: recording.info.end }, 'Europe/Berlin')
  return {
    moment: moments.at(stop, 1),
    history: page === null || page.kind === 'board' ? [] : moments.history(stop, page.subject),
    host: 'web1',
    timeZone: 'Europe/Berlin',
    board: BOARD_DEFAULTS,
    view: {
      ...firstView('rps', '', 1),
      pages: page === null ? [{ kind: 'board' }] : [{ kind: 'board' }, page],
      ...view,
    },
    timeline: startingAt(0),
    stop,
    scrubber: scrubberOf(recording, scrubberWidth(columns, label.length)),
    markersHere: recording.markers.filter(({ at }) => at >= stop.from && at < stop.to),
    canLive: false,
    size: { columns, rows },
    details,
    empty: 'waiting for the first second',
  }
}

const text = (lines: readonly Line[]): string => lines.map((line) => `${printed(line, 'none')}\n`).join('')

const CHECKOUT = backendKey(BACKENDS.checkout)
const ROUTE = routeKey(ROUTES.checkout)
const pages: Readonly<Record<string, Page | null>> = {
  player: null,
  backend: { kind: 'detail', subject: { backend: CHECKOUT, route: null }, selected: 0 },
  route: { kind: 'detail', subject: { backend: CHECKOUT, route: ROUTE }, selected: 0 },
  requests: { kind: 'requests', subject: { backend: CHECKOUT, route: ROUTE }, selected: 0 },
}

for (const [name, page] of Object.entries(pages)) {
  for (const [columns, rows] of [
    [80, 24],
    [120, 40],
  ] as const) {
    test(`the ${name} page at ${columns}x${rows}`, () => {
      assertGolden(`scene/${name}-${columns}.txt`, text(sceneLines(scene(65, columns, rows, page))))
    })
  }
}

test('the help at two widths', () => {
  assertGolden('scene/help-80.txt', text(sceneLines(scene(65, 80, 24, null, { help: true }))))
  assertGolden('scene/help-120.txt', text(sceneLines(scene(65, 120, 30, null, { help: true }))))
})

test('the scrubber shows trouble, gap, marker and place', () => {
  const [marks = '', bar = ''] = text(sceneLines(scene(20, 120, 40, null)))
    .split('\n')
    .slice(-4, -2)
  assert.match(marks, /▾ +◆ +!+ +░+/)
  assert.match(bar, /^ 15:30:00 [▁-█]+░+[▁-█]+ 15:33:00$/)
})

test('a marker here is shown beside the keys', () => {
  assert.match(text(sceneLines(scene(55, 120, 40, null))), /paused {2}◆ deploy 1\.4/)
})

test('every page fills every screen exactly', () => {
  for (const page of Object.values(pages)) {
    // Smaller than promised, too: it may look poor, but it must not break.
    for (const columns of [20, 41, 60, 79, 98, 136, 174, 250]) {
      for (const rows of [6, 10, 25, 40, 100]) {
        const lines = sceneLines(scene(65, columns, rows, page))
        assert.equal(lines.length, rows)
        for (const line of lines) assert.ok(lineWidth(line) <= columns, text([line]))
      }
    }
  }
})

test('a backend that vanished can still be looked at', () => {
  const page: Page = {
    kind: 'detail',
    subject: { backend: backendKey(BACKENDS.users), route: null },
    selected: 0,
  }
  const shown = text(sceneLines(scene(160, 120, 40, page)))
  assert.match(shown, /10\.0\.1\.11:8080\n0 req\/s/)
  assert.match(shown, /requests a second, last 120 s/)
})
