/** Line charts of report and drill-down. Only this file imports asciichart. Import it lazily: the first screen has no chart. */
import { plot } from 'asciichart'
import { right } from './text.ts'

export interface ChartOptions {
  /** all cells, including the axis */
  readonly width: number
  /** number of lines */
  readonly height: number
  /** the text of a value on the axis */
  readonly format: (value: number) => string
  /** lowest value of the axis; 0 by default, because rates and latencies are compared with 0 */
  readonly floor?: number
}

const AXIS = 8

/** Lines of a chart over values at equal steps of time; null is a gap, drawn as a hatched column. */
export function chart(values: readonly (number | null)[], options: ChartOptions): string[] {
  const columns = Math.max(2, options.width - AXIS - 2)
  const points = resample(values, columns)
  const known = points.filter((point) => point !== null)
  if (known.length === 0) return Array.from({ length: options.height }, () => '')
  const floor = options.floor ?? 0
  const ceiling = Math.max(...known, floor)
  const lines = plot(fillGaps(points), {
    height: options.height - 1,
    min: Math.min(floor, ...known),
    // A flat line at the floor would give a chart of one line.
    max: ceiling === floor ? floor + 1 : ceiling,
    format: (value) => right(options.format(withoutRoundingError(value)), AXIS),
  }).split('\n')
  return lines.map((line) => hatchGaps(line.trimEnd(), points))
}

/** asciichart adds up steps for its labels, so that the label of the zero line is -1e-15. */
const withoutRoundingError = (value: number): number => Math.round(value * 1e6) / 1e6 + 0

/** One value per column: the greatest of its values, so that no peak is lost. */
function resample(values: readonly (number | null)[], columns: number): (number | null)[] {
  if (values.length <= columns) return [...values]
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns)
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns))
    const known = values.slice(from, to).filter((value) => value !== null)
    return known.length === 0 ? null : Math.max(...known)
  })
}

/** asciichart throws on NaN and draws null as 0. So a gap gets the value before it, and is drawn over afterwards. */
function fillGaps(points: readonly (number | null)[]): number[] {
  let last = points.find((point) => point !== null) ?? 0
  return points.map((point) => (last = point ?? last))
}

/** The first point is on the axis, which asciichart draws directly after the label. */
function hatchGaps(line: string, points: readonly (number | null)[]): string {
  const cells = Array.from(line.padEnd(AXIS + 2 + points.length))
  points.forEach((point, i) => {
    if (point === null) cells[AXIS + 1 + i] = i === 0 ? '┤' : '░'
  })
  return cells.join('').trimEnd()
}
