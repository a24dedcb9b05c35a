/** The rows of a heatmap on a screen: their scale, what is in them, and where the cursor is. Pure. */
import { heatColumn, heatPlace, heatRowBounds, type HeatScale } from '../../frame/views/heat.ts'
import type { HeatColumn, HeatMap } from '../../frame/views/heat-sum.ts'
import { SUB, type Buckets } from '../../frame/model/histogram.ts'
import type { Micros } from '../../frame/model/units.ts'
import { LOOKS, type Look } from './look.ts'

export interface HeatRows {
  readonly look: Look
  readonly scale: HeatScale
  /** header times of each row, the fastest first */
  readonly bounds: readonly (readonly [from: Micros, beyond: Micros])[]
  /** of each column, answers by row */
  readonly counts: readonly (readonly number[])[]
  /** the most answers of a place */
  readonly most: number
}

/** @param lines of the map, at most */
export function heatRows({ columns }: HeatMap, lines: number, look: Look): HeatRows {
  const { perLine } = LOOKS[look]
  const scale = steadyScale(
    columns.map(({ sum }) => sum.header.buckets),
    perLine * Math.max(1, lines),
    perLine,
  )
  const counts = columns.map(({ sum }) => heatColumn(sum.header.buckets, scale))
  const bounds = Array.from({ length: scale.rows }, (_, row) => heatRowBounds(row, scale))
  return { look, scale, bounds, counts, most: counts.reduce((most, column) => Math.max(most, ...column), 0) }
}

/** Whole octaves, so that a map that moves on by a second seldom moves up or down; in them the finest rows that fit. */
function steadyScale(columns: readonly Buckets[], rows: number, multiple: number): HeatScale {
  const used = columns.filter(({ length }) => length > 0)
  if (used.length === 0) return { first: 0, rows: multiple, group: 1 }
  const low = Math.min(...used.map((buckets) => buckets[0]!))
  const high = Math.max(...used.map((buckets) => buckets.at(-2)!))
  const [first, last] = [low - (low % SUB), high - (high % SUB) + SUB - 1]
  const span = (group: number): number => Math.floor(last / group) - Math.floor(first / group) + 1
  let group = Math.ceil((last - first + 1) / rows)
  while (span(group) > rows) group++
  return {
    first: Math.floor(first / group) * group,
    rows: Math.ceil(span(group) / multiple) * multiple,
    group,
  }
}

export const linesOf = ({ look, scale }: HeatRows): number => scale.rows / LOOKS[look].perLine

/** The line of a row, counted from the top. */
export const lineOfRow = ({ look, scale }: HeatRows, row: number): number =>
  Math.floor((scale.rows - 1 - row) / LOOKS[look].perLine)

/** The row of a time; null where the map does not have it. */
export function rowOf({ scale, bounds }: HeatRows, time: Micros | null): number | null {
  return time === null || time < bounds[0]![0] || time >= bounds.at(-1)![1]
    ? null
    : Math.min(scale.rows - 1, Math.floor(heatPlace(time, scale)))
}

/** Where the cursor begins: at the slowest answer of its column, counted from the slowest row; in the middle if it has none. */
export function slowestRow({ scale, counts }: HeatRows, cursor: number | null): number {
  const slowest = cursor === null ? -1 : counts[cursor]!.findLastIndex((count) => count > 0)
  return scale.rows - 1 - (slowest < 0 ? Math.floor(scale.rows / 2) : slowest)
}

export const cursorColumn = ({ columns, cursor }: HeatMap): HeatColumn | null =>
  cursor === null ? null : (columns[cursor] ?? null)
