import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { addressKey, routeKey } from '../../../src/frame/model/aggregate.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { BOARD_DEFAULTS } from '../../../src/frame/views/leaderboard.ts'
import { asciiCells } from '../../../src/render/ascii.ts'
import { heatRoom } from '../../../src/render/heatmap/heatmap.ts'
import { lookOf } from '../../../src/render/heatmap/look.ts'
import { labelsOf, scrubberOf, scrubberWidth } from '../../../src/render/scrubber.ts'
import { printed, type Depth } from '../../../src/render/theme.ts'
import { HeatReader } from '../../../src/replay/data/heat-reader.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import { MomentReader } from '../../../src/replay/data/moment-reader.ts'
import { heatPageOf, type CellPage, type HeatPage } from '../../../src/replay/player/heat-pages.ts'
import type { PlayOptions } from '../../../src/replay/player/options.ts'
import { play } from '../../../src/replay/player/player.ts'
import { sceneLines, type Scene } from '../../../src/replay/player/scene.ts'
import { firstView } from '../../../src/replay/player/view.ts'
import { Stops } from '../../../src/replay/time/stops.ts'
import { startingAt } from '../../../src/replay/time/timeline.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { assertGolden } from '../../golden.ts'
import {
  BACKENDS,
  EXAMPLE_INFO,
  exampleRecording,
  frameOf,
  PLAY_DEFAULTS,
  ROUTES,
  START,
} from '../example-recording.ts'
import { FakeTerminal, KEYS } from '../fake-terminal.ts'

const recording = exampleRecording()
const stops = new Stops(recording.ticks)
const [label] = labelsOf({ from: recording.info.start, to: recording.info.end }, 'Europe/Berlin')
const CHECKOUT = { backend: addressKey(BACKENDS.checkout), route: routeKey(ROUTES.checkout) }

function scene(
  columns: number,
  rows: number,
  page: HeatPage | CellPage,
  depth: Depth,
  isAscii = false,
): Scene {
  const stop = stops.at(stops.ofTime(addMicros(START, 65_500_000)))
  const reader = new HeatReader(recording)
  const query = { subject: page.subject, seconds: page.seconds, room: heatRoom(columns) }
  return {
    moment: new MomentReader(recording).at(stop, 1),
    history: [],
    heat: {
      map: reader.read(stop, query, () => false),
      requests: page.kind === 'cell' ? reader.requests(stop, query, page.times) : [],
      look: lookOf(depth, isAscii),
    },
    host: 'web1',
    timeZone: 'Europe/Berlin',
    withOffset: false,
    tls: [],
    board: BOARD_DEFAULTS,
    view: { ...firstView('rps', '', 1), pages: [{ kind: 'board' }, page] },
    timeline: startingAt(0),
    stop,
    scrubber: scrubberOf(recording, scrubberWidth(columns, label.length)),
    markersHere: [],
    can: { live: false, mark: true, command: true },
    isAscii,
    size: { columns, rows },
    details: null,
    empty: '',
  }
}

const text = (of: Scene, depth: Depth): string =>
  sceneLines(of)
    .map((line) => `${printed(line, depth)}\n`)
    .join('')

const ALL = heatPageOf(null)
for (const [columns, rows] of [
  [80, 24],
  [120, 40],
] as const) {
  for (const depth of ['none', 'mono', 'colour', 'palette'] as const) {
    test(`the heatmap at ${columns}x${rows} with ${depth} colours`, () => {
      const page = { ...ALL, time: micros(140_000) }
      const name = `scene/heatmap-${columns}.${depth === 'none' ? 'txt' : `${depth}.ansi`}`
      assertGolden(name, text(scene(columns, rows, page, depth), depth))
    })
  }

  test(`the heatmap of a route, and the requests of a place of it, at ${columns}x${rows}`, () => {
    const page = { ...ALL, subject: CHECKOUT, seconds: 10 }
    assertGolden(`scene/heatmap-route-${columns}.txt`, text(scene(columns, rows, page, 'none'), 'none'))
    const cell: CellPage = {
      kind: 'cell',
      subject: CHECKOUT,
      seconds: 1,
      times: [micros(131_072), micros(262_144)],
      selected: 0,
    }
    assertGolden(`scene/heatmap-cell-${columns}.txt`, text(scene(columns, rows, cell, 'none'), 'none'))
  })
}

test('in ASCII the heatmap has characters of ASCII alone', () => {
  const ascii = asciiCells(text(scene(80, 24, ALL, 'colour', true), 'none'))
  assert.match(ascii, /^[\n -~]*$/)
  assertGolden('scene/heatmap-80.ascii.txt', ascii)
})

async function playing(
  t: TestContext,
  depth: Depth = 'palette',
  more: Partial<PlayOptions> = {},
  of: Recording = exampleRecording(),
): Promise<FakeTerminal> {
  const terminal = new FakeTerminal(100, 30, depth)
  const stopping = new AbortController()
  const done = play(of, terminal, { ...PLAY_DEFAULTS, ...more, signal: stopping.signal })
  t.after(async () => {
    stopping.abort()
    await done
  })
  await terminal.settled()
  return terminal
}

const readOut = ({ lines }: FakeTerminal): string =>
  lines.find((line) => /^ \d\d:\d\d:\d\d.* · /.test(line)) ?? ''

test('H shows the heatmap of all traffic, and closes it; so does Esc', async (t) => {
  const terminal = await playing(t)
  await terminal.type('H')
  await terminal.shows(/all traffic · 1s a column · brightest: \d+ answers/)
  assert.match(readOut(terminal), /^ 15:30:00 · \d+ answers/)
  await terminal.type('H')
  assert.doesNotMatch(terminal.text, /a column/)
  await terminal.type('H')
  await terminal.shows(/a column/)
  await terminal.type(KEYS.escape)
  assert.doesNotMatch(terminal.text, /a column/)
})

test('arrows move the moment and the time; the place reads out its answers', async (t) => {
  const terminal = await playing(t)
  await terminal.type('H', KEYS.right, KEYS.right)
  assert.match(readOut(terminal), /^ 15:30:02 · \d+ answers/)
  await terminal.type(KEYS.down)
  assert.match(readOut(terminal), /^ 15:30:02 · 344–426ms · 3 answers · of \d+/)
  await terminal.type(KEYS.down)
  assert.match(readOut(terminal), /^ 15:30:02 · \d{3}–344ms · 0 answers/)
})

test('Enter lists the requests of the place, of that second and of those times alone', async (t) => {
  const incident = openRecording('fixtures/recordings/incident.db')
  const terminal = await playing(t, 'palette', {}, incident)
  await terminal.type('H', KEYS.right, KEYS.down)
  const [, from, to] = / · (\d+)–(\d+)ms · 1 answer · /.exec(readOut(terminal))!
  await terminal.type(KEYS.enter)
  await terminal.shows(/^all traffic$/m)
  assert.match(terminal.text, /^15:00:01 · \d+–\d+ms · 1 answer$/m)
  const [listed, ...none] = terminal.lines.filter((line) => line.includes(' → '))
  assert.deepEqual(none, [])
  const [, header] = /(\d+)ms +\d+ms$/.exec(listed!)!
  assert.ok(Number(header) >= Number(from) && Number(header) <= Number(to))
  await terminal.type(KEYS.escape)
  await terminal.shows(/a column/)
})

test('Enter without a time lists all requests of the second, failures, too', async (t) => {
  const terminal = await playing(t, 'palette', { begin: { at: addMicros(START, 62_500_000) } })
  await terminal.type('H', KEYS.enter)
  await terminal.shows(/^15:31:02 · \d+ answers$/m)
  assert.match(terminal.text, /\d+ kept, newest first/)
  assert.match(terminal.text, /reset/)
})

test('z makes the columns wider, of the page of a backend, too', async (t) => {
  const terminal = await playing(t)
  await terminal.type(KEYS.enter)
  await terminal.shows(/ROUTE/)
  await terminal.type('H')
  await terminal.shows(/^10\.0\.1\.10:8080 · 1s a column/m)
  await terminal.type('z')
  await terminal.shows(/10s a column/)
  await terminal.type('z')
  await terminal.shows(/1m00s a column/)
  await terminal.type('z')
  await terminal.shows(/ 1s a column/)
})

test('the heatmap follows a terminal that is resized', async (t) => {
  const terminal = await playing(t)
  await terminal.type('H')
  for (const [columns, rows] of [
    [60, 20],
    [250, 60],
    [20, 6],
    [80, 24],
  ] as const) {
    terminal.resize(columns, rows)
    await terminal.settled()
    assert.equal(terminal.lines.length, rows)
    assert.doesNotMatch(terminal.text, /undefined|NaN/)
  }
  assert.match(terminal.text, /all traffic/)
})

test('hostile names of routes and backends stay text in the title', () => {
  const hostile = new MemoryRecording(EXAMPLE_INFO)
  const to = { ...BACKENDS.orders, names: ['\u001b[2Jevil\u202e'] }
  hostile.append(frameOf(1, START, [{ backend: to, route: ROUTES.hostile, requests: 3, headerMs: 2 }]))
  const stop = new Stops(hostile.ticks).at(0)
  const page = heatPageOf({ backend: addressKey(to), route: routeKey(ROUTES.hostile) })
  const map = new HeatReader(hostile).read(stop, { ...page, room: 40 }, () => false)
  const lines = text(
    {
      ...scene(120, 24, page, 'none'),
      moment: new MomentReader(hostile).at(stop, 1),
      heat: { map, requests: [], look: 'density' },
    },
    'none',
  )
  assert.match(lines, /\\x1b\[2Jevil\\u\{202e\}/)
  assert.doesNotMatch(lines, /[\u001b\u202e\u200b]/)
})
