import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'node:test'
import type { Distribution } from '../../src/frame/model/frame.ts'
import { bucketOf, percentile, sumBuckets } from '../../src/frame/model/histogram.ts'
import { addMicros, micros, wallMicros, type Micros } from '../../src/frame/model/units.ts'
import type { HeatColumn, HeatMap } from '../../src/frame/views/heat-sum.ts'
import { asciiCells } from '../../src/render/ascii.ts'
import { LEFT, RIGHT } from '../../src/render/heatmap/axes.ts'
import { heatmapLines, heatRoom, rowsFor, type HeatView } from '../../src/render/heatmap/heatmap.ts'
import { LOOKS, lookOf, type Look } from '../../src/render/heatmap/look.ts'
import { timesText } from '../../src/render/heatmap/read-out.ts'
import { linesOf } from '../../src/render/heatmap/rows.ts'
import { line, lineText, lineWidth } from '../../src/render/line.ts'
import { paint, printed } from '../../src/render/theme.ts'

const START = wallMicros(Date.UTC(2026, 10, 22, 14, 2) * 1000)

/** @param lost answers whose time the ring lost */
function headerOf(times: readonly number[], lost = 0): Distribution {
  const all = times.map((time) => micros(time)).sort((a, b) => a - b)
  return {
    count: all.length + lost,
    sum: micros(all.reduce((sum, time) => sum + time, 0)),
    sampled: all.length,
    min: all[0] ?? null,
    max: all.at(-1) ?? null,
    buckets: sumBuckets(all.map((time) => [bucketOf(time), 1])),
  }
}

const columnOf = (second: number, times: readonly number[], bad = 0, lost = 0): HeatColumn => ({
  state: 'seen',
  from: addMicros(START, second * 1e6),
  sum: { header: headerOf(times, lost), bad, length: micros(1e6) },
})
const gapOf = (second: number): HeatColumn => ({ ...columnOf(second, []), state: 'gap' })

const mapOf = (columns: readonly HeatColumn[], cursor: number | null = null): HeatMap => ({
  step: micros(1e6),
  columns,
  cursor,
})

const view = (look: Look, more: Partial<HeatView> = {}): HeatView => ({
  columns: 40,
  lines: 14,
  look,
  title: line('all traffic', 'bold'),
  time: null,
  timeZone: 'UTC',
  withOffset: false,
  ...more,
})

const texts = (map: HeatMap, of: HeatView): string[] => heatmapLines(map, of).map(lineText)

/** A second of 2 ms answers, one of them with a slow one, and a gap of three seconds. */
const SMALL = mapOf(
  [
    columnOf(0, [2000, 2000, 2100]),
    columnOf(1, [2000, 185_000], 1),
    gapOf(2),
    gapOf(3),
    gapOf(4),
    columnOf(5, [2000], 0, 2),
  ],
  1,
)

test('brightness is a character where there are no colours, a shade where there are sixteen', () => {
  const density = texts(SMALL, view('density')).join('\n')
  assert.match(density, /100ms ┤ /)
  assert.match(density, /│@\.\/\/\/\. p50/)
  const shades = texts(SMALL, view('shades')).join('\n')
  assert.match(shades, /│█░\/\/\/░ p50/)
})

test('where there are 256 colours a cell has two rows, each with a colour', () => {
  const lines = heatmapLines(SMALL, view('halves'))
  const painted = lines.map((spans) => paint(spans, 'palette')).join('\n')
  assert.match(painted, /\x1b\[[34]8;5;\d+(;48;5;\d+)?m[▀▄]/)
  assert.ok(painted.includes('38;5;229'))
  const { scale } = rowsFor(SMALL, view('halves'))
  assert.equal(scale.rows % 2, 0)
  assert.ok(scale.rows > rowsFor(SMALL, view('shades')).scale.rows)
})

test('sixteen colours, NO_COLOR and plain text get no colour of 256', () => {
  for (const depth of ['none', 'mono', 'colour'] as const) {
    const look = lookOf(depth, false)
    const painted = heatmapLines(SMALL, view(look)).map((spans) => printed(spans, depth))
    assert.doesNotMatch(painted.join('\n'), /[34]8;5/)
    assert.equal(look, depth === 'colour' ? 'shades' : 'density')
  }
  assert.equal(lookOf('palette', true), 'density')
  assert.equal(lookOf('palette', false), 'halves')
})

test('a place reads out its second, its times and its answers', () => {
  const { bounds } = rowsFor(SMALL, view('density'))
  const slow = bounds.find(([from, beyond]) => from <= 185_000 && beyond > 185_000)!
  const [out] = texts(SMALL, view('density', { time: slow[0], columns: 120 })).slice(-1)
  assert.equal(out, ` 14:02:01 · ${timesText(slow)} · 1 answer · of 2 · 1 error · p50 2.0ms · p99 184ms`)
})

test('without a place the whole second is read out', () => {
  const [out] = texts(SMALL, view('density', { columns: 120 })).slice(-1)
  assert.equal(out, ' 14:02:01 · 2 answers · 1 error · p50 2.0ms · p99 184ms')
})

test('times of a row have their unit once', () => {
  const text = (from: number, beyond: number): string => timesText([micros(from), micros(beyond)])
  assert.equal(text(180_000, 190_000), '180–190ms')
  assert.equal(text(950, 1100), '950µs–1.1ms')
  assert.equal(text(1000, 1100), '1.0–1.1ms')
  assert.equal(text(59_000_000, 125_000_000), '59s–2m05s')
})

test('times that the ring lost are said: of all, and of the second', () => {
  const lines = texts({ ...SMALL, cursor: 5 }, view('density', { columns: 120 }))
  assert.match(lines[0]!, /^all traffic · 2 of 8 times lost · 1s a column/)
  assert.match(lines.at(-1)!, /3 answers · 2 without a time · p50 ~2\.0ms · p99 ~2\.0ms$/)
})

test('a gap and a column that is not read yet say so', () => {
  assert.match(texts({ ...SMALL, cursor: 2 }, view('density')).at(-1)!, /14:02:02 · nothing was recorded/)
  const unread = mapOf([columnOf(0, [2000]), { ...columnOf(1, []), state: 'unread' }], 1)
  const lines = texts(unread, view('density'))
  assert.match(lines[0]!, /reading …/)
  assert.match(lines.at(-1)!, /14:02:01 · not read yet/)
})

test('a column that was recorded in part says so', () => {
  const { sum, ...column } = columnOf(0, [2000])
  const minute = { ...mapOf([{ ...column, sum: { ...sum, length: micros(2e6) } }], 0), step: micros(60e6) }
  const [out] = texts(minute, view('density', { columns: 120 })).slice(-1)
  assert.equal(out, ' 14:02:00–14:03:00 · 1 answer · 2s of it recorded · p50 2.0ms · p99 2.0ms')
})

test('errors have a line of bars; a column without any is empty there', () => {
  const bars = texts(SMALL, view('density'))[1]!
  assert.equal(bars, 'errors   █/// ')
})

const anyTime = fc.integer({ min: 0, max: 2 ** 33 })
const anyColumn = fc.record({
  times: fc.array(fc.oneof(anyTime, fc.integer({ min: 200, max: 400_000 })), { maxLength: 12 }),
  bad: fc.nat(9),
  kind: fc.constantFrom('seen', 'seen', 'seen', 'gap'),
})
const anyMap = (columns: number): fc.Arbitrary<HeatMap> =>
  fc.tuple(fc.array(anyColumn, { minLength: 1, maxLength: heatRoom(columns) }), fc.nat()).map(([all, at]) =>
    mapOf(
      all.map(({ times, bad, kind }, i) => (kind === 'gap' ? gapOf(i) : columnOf(i, times, bad))),
      at % all.length,
    ),
  )
const anyView = fc
  .record({
    columns: fc.integer({ min: 60, max: 250 }),
    lines: fc.integer({ min: 6, max: 57 }),
    look: fc.constantFrom<Look>('halves', 'shades', 'density'),
    time: fc.option(anyTime.map((time): Micros => micros(time))),
  })
  .chain((of) => fc.tuple(fc.constant(view(of.look, of)), anyMap(of.columns)))

test('at every width each line of the map has exactly its columns, and none is too wide or too many', () => {
  fc.assert(
    fc.property(anyView, ([of, map]) => {
      const lines = heatmapLines(map, of)
      assert.ok(lines.length <= of.lines)
      for (const spans of lines) assert.ok(lineWidth(spans) <= of.columns)
      const drawn = lines.slice(2, 2 + linesOf(rowsFor(map, of)))
      for (const spans of drawn)
        assert.equal(Math.min(lineWidth(spans), LEFT + map.columns.length), LEFT + map.columns.length)
      for (const spans of drawn) assert.ok(lineWidth(spans) <= LEFT + map.columns.length + RIGHT)
    }),
    { numRuns: 150 },
  )
})

test('the rows of a column add up to the answers whose time is known', () => {
  fc.assert(
    fc.property(anyView, ([of, map]) => {
      const { counts, bounds } = rowsFor(map, of)
      map.columns.forEach(({ sum: { header } }, i) => {
        assert.equal(
          counts[i]!.reduce((sum, count) => sum + count, 0),
          header.sampled,
        )
        // No answer is in a row that its time is not in.
        const { min } = header
        if (min === null || min >= 2 ** 32) return
        const first = counts[i]!.findIndex((count) => count > 0)
        assert.ok(min >= bounds[first]![0] && min < bounds[first]![1])
      })
    }),
    { numRuns: 150 },
  )
})

test('in ASCII nothing else is left', () => {
  fc.assert(
    fc.property(anyView, ([of, map]) => {
      const ascii = texts(map, { ...of, look: 'density' })
        .map(asciiCells)
        .join('\n')
      assert.match(ascii.replaceAll('µ', 'u'), /^[\n -~]*$/)
      assert.equal(ascii.length, texts(map, { ...of, look: 'density' }).join('\n').length)
    }),
    { numRuns: 50 },
  )
})

test('labels of the clock do not overlap, and are where their second is', () => {
  const columns = Array.from({ length: 120 }, (_, i) => columnOf(i, [2000]))
  const lines = texts(mapOf(columns), view('density', { columns: 140 }))
  const [axis, clock] = lines.slice(-2)
  assert.equal(axis!.slice(LEFT).indexOf('┬', 1), 10)
  assert.equal(clock!.slice(LEFT).trimEnd().split(/\s+/)[0], '14:02:00')
  assert.equal(clock!.slice(LEFT + 10, LEFT + 18), '14:02:10')
})

test('a map of one answer, and of none, is drawn', () => {
  assert.match(texts(mapOf([columnOf(0, [1500])], 0), view('halves')).join('\n'), /1 answer/)
  assert.match(texts(mapOf([columnOf(0, [])], 0), view('halves')).join('\n'), /0 answers/)
  assert.equal(percentile([], 0.5, micros(0), micros(0)), null)
  assert.equal(LOOKS.halves.perLine, 2)
})
