/** A heatmap as lines: errors, the map between its axes, the clock, and what is under the cursor. Pure. */
import { statistic } from '../../frame/expression/measure.ts'
import { micros, type Micros } from '../../frame/model/units.ts'
import { heatLevel } from '../../frame/views/heat.ts'
import type { HeatMap } from '../../frame/views/heat-sum.ts'
import { blank, joinFitting, span, type Line, type Span } from '../line.ts'
import { block } from '../sparkline.ts'
import { right } from '../text.ts'
import { clockLines, LEFT, RIGHT, timeLabels, type Clock } from './axes.ts'
import { GAP_CELL, heatCell, LOOKS, UNREAD_CELL, type Look, type Mark } from './look.ts'
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
  const { look, scale, most } = rows
  const { perLine, levels } = LOOKS[look]
  const chosen = rowOf(rows, time)
  const brightness = rows.counts.map((column) => column.map((count) => heatLevel(count, most, levels)))
  const half = (column: number, row: number): { level: number; mark: Mark } => ({
    level: brightness[column]![row] ?? 0,
    mark: markOf(column === map.cursor, row === chosen),
  })
  const labels = timeLabels(rows)
  const marks = percentileLabels(map, rows)
  return Array.from({ length: linesOf(rows) }, (_, line) => {
    const top = scale.rows - 1 - line * perLine
    const cells = map.columns.map(({ state }, i) =>
      state === 'gap'
        ? GAP_CELL
        : state === 'unread'
          ? UNREAD_CELL
          : heatCell(look, half(i, top), half(i, top - 1)),
    )
    const isChosen = chosen !== null && lineOfRow(rows, chosen) === line
    const label = isChosen ? `>${labels[line]!.slice(1)}` : labels[line]!
    return merged([span(label, isChosen ? 'bold' : 'dim'), ...cells, ...(marks[line] ?? [])])
  })
}

const markOf = (isColumn: boolean, isRow: boolean): Mark =>
  isColumn ? (isRow ? 'cursor' : 'column') : isRow ? 'row' : 'none'

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

/** Neighbours of the same style become one: the map has thousands of cells. */
function merged(cells: readonly Span[]): Line {
  const line: Span[] = []
  let text = ''
  let style = cells[0]?.style ?? 'plain'
  for (const cell of cells) {
    if (cell.style !== style) {
      line.push(span(text, style))
      text = ''
      style = cell.style
    }
    text += cell.text
  }
  return [...line, span(text, style)]
}
