/** The latency heatmap as paths: x in steps, y in rows of the scale with the fast ones at the bottom, for a viewBox of `0 0 count rows`. */
import { heatColumn, heatLevel, heatPlace, type HeatScale } from '../../../frame/views/heat.ts'
import { micros } from '../../../frame/model/units.ts'
import type { PictureLine } from '../../picture/picture.ts'
import { LOUD, mostRate } from './lanes.ts'
import { areaPath, short } from './path.ts'

const HEAT_LEVELS = 8

export interface HeatPaths {
  /** of each level of brightness from 1 on */
  readonly d: readonly string[]
  /** answers of the fullest cell */
  readonly most: number
}

/** Nothing at all where the line has no heat. @param most answers of the brightest level; by default those of the fullest cell */
export function heatPaths(
  { heat }: Pick<PictureLine, 'heat'>,
  scale: HeatScale,
  levels = HEAT_LEVELS,
  most?: number,
): HeatPaths {
  const columns = (heat ?? []).map((buckets) => heatColumn(buckets, scale))
  const fullest = most ?? columns.reduce((max, counts) => Math.max(max, ...counts), 0)
  const paths = new Array<string>(levels).fill('')
  for (let row = 0; row < scale.rows; row++) {
    const levelAt = (i: number): number => heatLevel(columns[i]?.[row] ?? 0, fullest, levels)
    for (let i = 0; i < columns.length; i++) {
      const level = levelAt(i)
      if (level === 0) continue
      const first = i
      while (i + 1 < columns.length && levelAt(i + 1) === level) i++
      paths[level - 1] = paths[level - 1]! + cellPath(first, i + 1 - first, scale.rows - 1 - row)
    }
  }
  return { d: paths, most: fullest }
}

const cellPath = (x: number, width: number, y: number): string => `M${x} ${y}h${width}v1h${-width}z`

/** A line through the middles of the steps; a step alone between steps without a time is a dash. */
export function percentilePath(times: readonly (number | null)[], scale: HeatScale): string {
  let path = ''
  times.forEach((time, i) => {
    if (time === null) return
    const y = short(scale.rows - heatPlace(micros(time), scale))
    const [before, after] = [times[i - 1] ?? null, times[i + 1] ?? null]
    if (before === null && after === null) path += `M${i} ${y}h1`
    else path += `${before === null ? 'M' : 'L'}${i + 0.5} ${y}`
  })
  return path
}

/** One failure among thousands is seen. */
const LEAST = 0.12

/**
 * Bars of 5xx, failures and gRPC errors per second. Few errors of a quiet day are no mountains: full height is no less than a loud
 * share of the requests. @returns most: of them per second; full: at full height
 */
export function troublePath(
  line: PictureLine,
  seconds: readonly number[],
  height: number,
): { readonly d: string; readonly most: number; readonly full: number } {
  const { bad } = line.series
  const rates = seconds.map((length, i) => (length === 0 ? 0 : bad[i]! / length))
  const most = rates.reduce((max, rate) => Math.max(max, rate), 0)
  const full = Math.max(most, LOUD * mostRate(line, seconds))
  const edge = (i: number): number | null =>
    rates[i] === 0 ? null : short(height * (1 - Math.max(LEAST, rates[i]! / full)))
  return { d: areaPath(edge, seconds.length, height), most, full }
}
