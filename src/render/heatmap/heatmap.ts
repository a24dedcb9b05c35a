/** A heatmap as lines: errors, the map between its axes, the clock, and what is under the cursor. Pure. */
import { statistic } from '../../frame/expression/measure.ts'
import { micros, type Micros } from '../../frame/model/units.ts'
import { heatLevel, type HeatScale } from '../../frame/views/heat.ts'
import type { HeatMap } from '../../frame/views/heat-sum.ts'
import { blank, joinFitting, span, type Line, type Span } from '../line.ts'
import { block } from '../sparkline.ts'
import { right } from '../text.ts'
import { clockLines, LEFT, RIGHT, timeLabels, type Clock } from './axes.ts'
import {
  GAP_CELL,
  LOOKS,
  MARKS,
  placeOf,
  signCell,
  toneOf,
  UNREAD_CELL,
  type Look,
  type Mark,
} from './look.ts'
import { legendPieces, readOut } from './read-out.ts'
import { cursorColumn, heatRows, lineOfRow, linesOf, rowOf, type HeatRows } from './rows.ts'

export interface HeatView extends Clock {
  readonly columns: number
  /** lines for all of it */
  readonly lines: number
  readonly look: Look
  /** what it is of */
  readonly title: Line
  /** the time of the cursor; null: it is on the whole column */
  readonly time: Micros | null
}

/** Columns of time that fit into the width. */
export const heatRoom = (columns: number): number => Math.max(1, columns - LEFT - RIGHT)

/** Title, errors, axis, clock and read-out. */
const AROUND = 5

export const rowsFor = (map: HeatMap, { lines, look }: Pick<HeatView, 'lines' | 'look'>): HeatRows =>
  heatRows(map, lines - AROUND, look)

/** At most `view.lines` lines. */
export function heatmapLines(map: HeatMap, view: HeatView): Line[] {
  const rows = rowsFor(map, view)
  return [
    joinFitting([view.title, ...legendPieces(map, rows)], ' · ', view.columns),
    errorLine(map),
    ...mapLines(map, rows, view.time),
    ...clockLines(map, view),
    ...(map.cursor === null ? [] : [readOut(map, rows, view.time, view, view.columns)]),
  ].slice(0, view.lines)
}

/** 5xx, failures and gRPC errors, relative to the most of a column. A column without any is empty. */
function errorLine({ columns }: HeatMap): Line {
  const most = Math.max(0, ...columns.map(({ sum }) => sum.bad))
  const bars = columns.map(({ sum, state }) =>
    state === 'gap' ? GAP_CELL : sum.bad === 0 ? blank(1) : span(block(sum.bad, most), 'bad'),
  )
  return merged([span(`${right('errors', LEFT - 2)}  `, most > 0 ? 'bad' : 'dim'), ...bars])
}

function mapLines(map: HeatMap, rows: HeatRows, time: Micros | null): Line[] {
  const { look, scale } = rows
  const { perLine } = LOOKS[look]
  const chosen = rowOf(rows, time)
  const places = placesOf(map, rows, chosen)
  const labels = timeLabels(rows)
  const marks = percentileLabels(map, rows)
  return Array.from({ length: linesOf(rows) }, (_, line) => {
    const top = scale.rows - 1 - line * perLine
    const cells = look === 'halves' ? halves(map, places, scale, top) : signs(map, look, places, scale, top)
    const isChosen = chosen !== null && lineOfRow(rows, chosen) === line
    const label = isChosen ? `>${labels[line]!.slice(1)}` : labels[line]!
    return merged([span(label, isChosen ? 'bold' : 'dim'), ...cells, ...(marks[line] ?? [])])
  })
}

/** A span for each run of columns that were seen. */
function halves({ columns }: HeatMap, places: Uint8Array, { rows }: HeatScale, top: number): Span[] {
  const cells: Span[] = []
  for (let i = 0, end = 0; i < columns.length; i = end) {
    const { state } = columns[i]!
    for (end = i + 1; end < columns.length && columns[end]!.state === state;) end++
    if (state === 'seen') cells.push(halvesSpan(places, rows, i, end, top))
    else for (let k = i; k < end; k++) cells.push(emptyCell(state))
  }
  return cells
}

function halvesSpan(places: Uint8Array, rows: number, from: number, end: number, top: number): Span {
  const tones = new Uint8Array(2 * (end - from))
  for (let i = from; i < end; i++) {
    const place = i * rows + top
    tones[2 * (i - from)] = toneOf(places[place]!)
    tones[2 * (i - from) + 1] = toneOf(places[place - 1]!)
  }
  return { ...span('▀'.repeat(end - from)), tones }
}

const signs = (
  { columns }: HeatMap,
  look: Exclude<Look, 'halves'>,
  places: Uint8Array,
  { rows }: HeatScale,
  top: number,
): Span[] =>
  columns.map(({ state }, i) =>
    state === 'seen' ? signCell(look, places[i * rows + top]!) : emptyCell(state),
  )

const emptyCell = (state: 'gap' | 'unread'): Span => (state === 'gap' ? GAP_CELL : UNREAD_CELL)

/** Column by column, as one piece of memory: a picture reads each of its thousands. */
function placesOf(
  { cursor }: HeatMap,
  { look, scale, counts, most }: HeatRows,
  chosen: number | null,
): Uint8Array {
  const levelOf = levels(most, look)
  const places = new Uint8Array(counts.length * scale.rows)
  counts.forEach((column, i) => {
    for (let row = 0; row < scale.rows; row++)
      places[i * scale.rows + row] = placeOf(levelOf(column[row]!), markOf(i === cursor, row === chosen))
  })
  return places
}

/** Most counts are small, and come again and again. */
function levels(most: number, look: Look): (count: number) => number {
  const levelOf = (count: number): number => heatLevel(count, most, LOOKS[look].levels)
  const small = Uint8Array.from({ length: Math.min(most, SMALL) + 1 }, (_, count) => levelOf(count))
  return (count) => (count < small.length ? small[count]! : levelOf(count))
}
const SMALL = 1023

const markOf = (isColumn: boolean, isRow: boolean): Mark =>
  isColumn ? (isRow ? MARKS.cursor : MARKS.column) : isRow ? MARKS.row : MARKS.none

/** `p50` and `p99` of the cursor's column, at the right of their lines. */
function percentileLabels(map: HeatMap, rows: HeatRows): Record<number, Line> {
  const column = cursorColumn(map)
  const labels: Record<number, Line> = {}
  for (const name of ['p50', 'p99'] as const) {
    const time = column && statistic(column.sum.header, name)
    const row = rowOf(rows, time === null ? null : micros(time))
    if (row !== null) labels[lineOfRow(rows, row)] = [span(` ${name}`, 'dim')]
  }
  return labels
}

/** Neighbours of the same style become one: the map has thousands of cells. One alone stays as it is. */
function merged(cells: readonly Span[]): Line {
  const line: Span[] = []
  for (let i = 0, end = 0; i < cells.length; i = end) {
    const first = cells[i]!
    end = i + 1
    while (first.tones === undefined && end < cells.length && isAlike(first, cells[end]!)) end++
    line.push(end === i + 1 ? first : span(textOf(cells, i, end), first.style))
  }
  return line
}

const isAlike = (a: Span, b: Span): boolean => a.style === b.style && b.tones === undefined

function textOf(cells: readonly Span[], from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += cells[i]!.text
  return text
}
