import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BOARD_DEFAULTS, leaderboard } from '../../src/frame/views/leaderboard.ts'
import { boardLines, boardRows, type BoardView } from '../../src/render/board.ts'
import { columnsFor } from '../../src/render/columns.ts'
import { lineText, lineWidth } from '../../src/render/line.ts'
import { MomentReader } from '../../src/replay/data/moment-reader.ts'
import { printFrames, type PrintOptions } from '../../src/replay/print/print.ts'
import { Stops } from '../../src/replay/time/stops.ts'
import { addMicros } from '../../src/frame/model/units.ts'
import { assertGolden } from '../golden.ts'
import { START, exampleRecording, namedRecording } from '../replay/example-recording.ts'

const recording = exampleRecording()
const stops = new Stops(recording.ticks)
const moments = new MomentReader(recording)

const boardAt = (second: number, options = BOARD_DEFAULTS): ReturnType<typeof leaderboard> =>
  leaderboard(moments.at(stops.at(stops.ofTime(addMicros(START, second * 1_000_000))), 1), options)

const view = (columns: number, rows: number): BoardView => ({
  host: 'web1',
  timeZone: 'Europe/Berlin',
  withOffset: false,
  sort: 'rps',
  filter: '',
  size: { columns, rows },
  selected: null,
})

function printed(
  second: number,
  columns: number,
  rows: number,
  more: Partial<PrintOptions> = {},
  of = recording,
): string {
  const options: PrintOptions = {
    board: BOARD_DEFAULTS,
    size: { columns, rows },
    timeZone: 'Europe/Berlin',
    windowSeconds: 1,
    step: null,
    which: { at: addMicros(START, second * 1_000_000) },
    format: 'text',
    depth: 'none',
    ...more,
  }
  return [...printFrames(of, options)].join('')
}

for (const columns of [60, 80, 120, 200]) {
  test(`a quiet second at ${columns} columns`, () => {
    assertGolden(`screen/quiet-${columns}.txt`, printed(45, columns, 40))
  })
  test(`a burst of 5xx at ${columns} columns`, () => {
    assertGolden(`screen/burst-${columns}.txt`, printed(65, columns, 40))
  })
  test(`a burst of 5xx in colour at ${columns} columns`, () => {
    assertGolden(`screen/burst-${columns}.ansi`, printed(65, columns, 40, { depth: 'colour' }))
  })
}

for (const columns of [60, 80, 120, 200])
  test(`long names at ${columns} columns`, () => {
    assertGolden(`screen/named-${columns}.txt`, printed(65, columns, 24, {}, namedRecording()))
  })

test('a gap, a vanished backend, a small screen, a wider window, another order', () => {
  assertGolden('screen/gap-120.txt', printed(133, 120, 40))
  assertGolden('screen/vanished-120.txt', printed(155, 120, 40))
  assertGolden('screen/small-80x12.txt', printed(65, 80, 12))
  assertGolden('screen/window-60s-120.txt', printed(75, 120, 40, { windowSeconds: 60 }))
  const board = { ...BOARD_DEFAULTS, sort: 'p99', routes: 1 } as const
  assertGolden('screen/by-p99-120.txt', printed(65, 120, 40, { board }))
  const filtered = { ...BOARD_DEFAULTS, filter: '/api' }
  assertGolden('screen/filtered-80.txt', printed(65, 80, 40, { board: filtered }))
})

test('on every screen from 60x10 to 250x100 no line is too long and no row too many', () => {
  const sizes = fc.tuple(fc.integer({ min: 60, max: 250 }), fc.integer({ min: 10, max: 100 }), fc.nat(179))
  fc.assert(
    fc.property(sizes, ([columns, rows, second]) => {
      const lines = boardLines(boardAt(second), view(columns, rows))
      assert.ok(lines.length <= rows, `${lines.length} lines on ${rows} rows`)
      for (const spans of lines) assert.ok(lineWidth(spans) <= columns, lineText(spans))
    }),
    { numRuns: 300 },
  )
})

test('a wider screen has every column of the narrower one', () => {
  for (const [hasFailures, hasGrpc] of FACTS) {
    const titlesAt = (width: number): string[] =>
      columnsFor(width, hasFailures, Infinity, hasGrpc).map(({ title }) => title)
    for (let width = 60; width < 250; width++) {
      for (const title of titlesAt(width))
        assert.ok(titlesAt(width + 1).includes(title), `${title} is lost from ${width} to ${width + 1}`)
    }
  }
})

test('the columns never exceed the width', () => {
  for (const [hasFailures, hasGrpc] of FACTS) {
    for (let width = 60; width <= 250; width++) {
      const columns = columnsFor(width, hasFailures, Infinity, hasGrpc)
      const used = columns.reduce((sum, column) => sum + column.width + column.gap, 2)
      assert.ok(used <= width, `${used} of ${width}`)
    }
  }
})

const FACTS = [false, true].flatMap((hasFailures) =>
  [false, true].map((hasGrpc) => [hasFailures, hasGrpc] as const),
)

test('the FAIL column is shown only if there are failures', () => {
  assert.ok(!printed(45, 120, 40).includes('FAIL'))
  assert.ok(printed(65, 120, 40).includes('FAIL'))
})

test('an unreadable backend is shown as opaque, not as 0 requests', () => {
  const row = printed(45, 120, 40)
    .split('\n')
    .find((line) => line.includes('10.0.1.20:8443'))
  assert.match(row!, /opaque/)
  assert.doesNotMatch(row!.slice(0, 50), / 0 /)
})

test('a hostile path is escaped in one row', () => {
  const text = printed(45, 200, 60)
  assert.ok(text.includes('/\\x1b[2J\\u{202e}evil\\u{200b}'))
  assert.ok(!text.includes('\u001b'))
})

test('the coloured text without colours equals the plain text', () => {
  const bare = printed(65, 120, 40, { depth: 'colour' }).replace(/\u001b\[[0-9;]*m/g, '')
  assert.equal(bare, printed(65, 120, 40))
})

test('on a small screen all backends are shown before all routes', () => {
  const rows = boardRows(boardAt(45), view(80, 16))
  const shown = new Set(rows.map(({ backend }) => backend.key))
  assert.equal(shown.size, 5)
})

test('rows beyond the limit are counted', () => {
  const lines = boardLines(boardAt(45, { ...BOARD_DEFAULTS, backends: 2 }), view(80, 40)).map(lineText)
  assert.ok(
    lines.some((text) => /\+ 3 more backends, \d+\/s/.test(text)),
    lines.join('\n'),
  )
})
