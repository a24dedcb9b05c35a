import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backendKey, routeKey } from '../../../src/frame/model/aggregate.ts'
import { BOARD_DEFAULTS } from '../../../src/frame/views/leaderboard.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import * as details from '../../../src/render/detail.ts'
import { lineWidth, type Line } from '../../../src/render/line.ts'
import { labelsOf, scrubberOf, scrubberWidth } from '../../../src/render/scrubber.ts'
import { printed, type Depth } from '../../../src/render/theme.ts'
import { HELP } from '../../../src/replay/player/bindings.ts'
import { MomentReader } from '../../../src/replay/data/moment-reader.ts'
import { sceneLines, selectableOf, type Scene } from '../../../src/replay/player/scene.ts'
import { SPEEDS, startingAt, type Timeline } from '../../../src/replay/time/timeline.ts'
import { Stops } from '../../../src/replay/time/stops.ts'
import { firstView, viewAfter, type Page, type View } from '../../../src/replay/player/view.ts'
import { assertGolden } from '../../golden.ts'
import { BACKENDS, ROUTES, START, exampleRecording } from '../example-recording.ts'

const recording = exampleRecording()
const stops = new Stops(recording.ticks)
const moments = new MomentReader(recording)

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
    history: page?.kind === 'detail' || page?.kind === 'requests' ? moments.history(stop, page.subject) : [],
    heat: null,
    host: 'web1',
    timeZone: 'Europe/Berlin',
    withOffset: false,
    tls: [],
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
    can: { live: false, mark: true, command: true },
    isAscii: false,
    size: { columns, rows },
    details,
    empty: 'waiting for the first second',
  }
}

const text = (lines: readonly Line[], depth: Depth = 'none'): string =>
  lines.map((line) => `${printed(line, depth)}\n`).join('')

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
    [60, 24],
    [80, 24],
    [120, 40],
    [200, 60],
  ] as const) {
    test(`the ${name} page at ${columns}x${rows}, plain and in colour`, () => {
      const lines = sceneLines(scene(65, columns, rows, page))
      assertGolden(`scene/${name}-${columns}.txt`, text(lines))
      assertGolden(`scene/${name}-${columns}.ansi`, text(lines, 'colour'))
    })
  }
}

test('the help has the golden text at two widths', () => {
  assertGolden('scene/help-80.txt', text(sceneLines(scene(65, 80, 24, null, { help: 0 }))))
  assertGolden('scene/help-120.txt', text(sceneLines(scene(65, 120, 30, null, { help: 0 }))))
})

test('on a small screen the help can be scrolled to its end and no further', () => {
  const at = (help: number): string => text(sceneLines(scene(65, 60, 10, null, { help })))
  const { helpEnd } = selectableOf(scene(65, 60, 10, null, { help: 0 }))
  const seen = Array.from({ length: helpEnd + 1 }, (_, first) => at(first)).join('')
  for (const [keys, does] of HELP.flatMap((group) => group.keys))
    assert.ok(seen.includes(`${keys.padEnd(11)}${does}`), keys)
  assert.match(at(0), /upstreamtop — keys[^]*↑↓ more/)
  assert.equal(at(helpEnd + 5), at(helpEnd))
  const open = { ...firstView('rps', '', 1), help: 0 }
  const selectable = selectableOf(scene(65, 60, 10, null, open))
  const after = (by: 1 | -1, view: View): View => viewAfter(view, { kind: 'move', by }, selectable)
  assert.equal(after(1, open).help, 1)
  assert.equal(after(-1, open).help, 0)
  assert.equal(after(1, { ...open, help: helpEnd }).help, helpEnd)
  assert.equal(after(1, open).selected, null)
})

test('a long prompt shows its end, a long message ends with an ellipsis', () => {
  const footer = (view: Partial<View>): string =>
    text(sceneLines(scene(65, 60, 24, null, view))).split('\n')[23]!
  const typed = footer({ prompt: { kind: 'filter', text: `${'/api'.repeat(30)}/商品/end` } })
  assert.match(typed, /^ filter backends and routes: ….*\/商品\/end$/)
  assert.equal(footer({ prompt: { kind: 'filter', text: '/api' } }), ' filter backends and routes: /api')
  assert.match(footer({ message: 'word '.repeat(30) }), /^ paused {2}word word .*…$/)
})

test('the footer shows what Space does; at 60 columns it always shows the same keys', () => {
  const standing = startingAt(0)
  const can = { live: true, mark: true, command: true }
  const footer = (timeline: Partial<Timeline>): string =>
    text(
      sceneLines({ ...scene(65, 60, 24, null), timeline: { ...standing, ...timeline }, can }).slice(-1),
    ).trimEnd()
  assert.equal(footer({}), ' paused  ? help  q quit  space play  ←→ 1s  / filter  e 5xx')
  const keys = '? help  q quit  space pause  ←→ 1s  / filter  e 5xx'
  assert.equal(footer({ following: true }), ` LIVE    ${keys}`)
  for (const speed of SPEEDS) {
    assert.equal(footer({ playing: true, speed }), ` ${`▸ ${speed}×`.padEnd(8)}${keys}`)
    assert.equal(footer({ playing: true, speed, direction: -1 }), ` ${`◂ ${speed}×`.padEnd(8)}${keys}`)
  }
})

test('the footer offers only available keys', () => {
  const footer = (facts: Partial<Scene>): string =>
    text(sceneLines({ ...scene(65, 250, 24, null), ...facts }).slice(-1))
  const nothing = { live: false, mark: false, command: false }
  const everything = { live: true, mark: true, command: true }
  assert.match(footer({ can: everything }), /L live.* m mark {2}y command$/m)
  assert.doesNotMatch(footer({ can: nothing }), /L live|m mark|y command/)
  assert.doesNotMatch(footer({ can: everything, timeline: { ...startingAt(0), following: true } }), /L live/)
  assert.match(footer({ view: { ...firstView('rps', '', 1), help: 0 } }), /\? close {2}q quit/)
  const none = { moment: null, stop: null }
  assert.equal(footer({ can: everything, ...none }), ' waiting ? help  q quit\n')
  assert.equal(footer({ can: nothing, ...none }), ' empty   ? help  q quit\n')
})

test('the scrubber shows trouble, gap, marker and position', () => {
  const [marks = '', bar = ''] = text(sceneLines(scene(20, 120, 40, null)))
    .split('\n')
    .slice(-4, -2)
  assert.match(marks, /▾ +◆ +!+ +░+/)
  assert.match(bar, /^ 15:30:00 [▁-█]+░+[▁-█]+ 15:33:00$/)
})

test('a marker at this second is shown beside the keys', () => {
  assert.match(text(sceneLines(scene(55, 120, 40, null))), /paused {2}◆ deploy 1\.4/)
})

test('every page fills every screen exactly', () => {
  for (const page of Object.values(pages)) {
    // Smaller screens than supported, too: they must not fail.
    for (const columns of [20, 41, 60, 79, 98, 136, 174, 250]) {
      for (const rows of [6, 10, 25, 40, 100]) {
        const lines = sceneLines(scene(65, columns, rows, page))
        assert.equal(lines.length, rows)
        for (const line of lines) assert.ok(lineWidth(line) <= columns, text([line]))
      }
    }
  }
})

test('a backend that vanished can still be opened', () => {
  const page: Page = {
    kind: 'detail',
    subject: { backend: backendKey(BACKENDS.users), route: null },
    selected: 0,
  }
  const shown = text(sceneLines(scene(160, 120, 40, page)))
  assert.match(shown, /10\.0\.1\.11:8080\n0 req\/s/)
  assert.match(shown, /requests per second, last 120 s/)
})
