/**
 * The latency heatmap: columns of header times × rows of latency, on a logarithmic scale. Pure; the terminal and the page draw the
 * same cells.
 */
import { boundsOf, type Buckets } from '../model/histogram.ts'
import { micros, type Micros } from '../model/units.ts'

/** Rows of `group` buckets of the histogram each (16 of them are an octave), from the fastest on. */
export interface HeatScale {
  /** the first bucket of the first row; a multiple of `group` */
  readonly first: number
  readonly rows: number
  readonly group: number
}

const GROUPS = [1, 2, 4, 8, 16, 32] as const

/** The finest rows that show all of the columns in at most `rows` rows; one row where nothing was sampled. */
export function heatScale(columns: Iterable<Buckets>, rows: number): HeatScale {
  let [low, high] = [Infinity, -Infinity]
  for (const buckets of columns) {
    if (buckets.length === 0) continue
    low = Math.min(low, buckets[0]!)
    high = Math.max(high, buckets.at(-2)!)
  }
  if (high < low) return { first: 0, rows: 1, group: 1 }
  const span = (group: number): number => Math.floor(high / group) - Math.floor(low / group) + 1
  const group = GROUPS.find((each) => span(each) <= rows) ?? GROUPS.at(-1)!
  return { first: Math.floor(low / group) * group, rows: span(group), group }
}

/** Answers of each row of the scale; what lies beyond its ends is in the first or the last row. */
export function heatColumn(buckets: Buckets, { first, rows, group }: HeatScale): number[] {
  const counts = new Array<number>(rows).fill(0)
  for (let i = 0; i < buckets.length; i += 2) {
    const row = Math.floor((buckets[i]! - first) / group)
    counts[Math.max(0, Math.min(rows - 1, row))]! += buckets[i + 1]!
  }
  return counts
}

/** Header times of a row, [from, beyond) in µs. */
export function heatRowBounds(
  row: number,
  { first, group }: HeatScale,
): readonly [from: Micros, beyond: Micros] {
  const bucket = first + row * group
  return [micros(boundsOf(bucket)[0]), micros(boundsOf(bucket + group - 1)[1])]
}

/** The row that a time lies in, with its fraction, for lines over the map; clamped to the map. */
export function heatPlace(time: Micros, { first, rows, group }: HeatScale): number {
  let [low, high] = [first, first + rows * group]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (boundsOf(middle)[0] <= time) low = middle
    else high = middle
  }
  const [from, beyond] = boundsOf(low)
  const within = Math.max(0, Math.min(1, (time - from) / (beyond - from)))
  return (low - first + within) / group
}

/** Brightness from 0 (none) to `levels`, logarithmic: one answer among thousands is seen, too. */
export function heatLevel(count: number, most: number, levels: number): number {
  if (count <= 0) return 0
  if (most <= 1) return levels
  return Math.max(
    1,
    Math.min(levels, 1 + Math.floor((levels - 1) * (Math.log(count) / Math.log(most)) + 1e-9)),
  )
}
