/** Round times along the height of a heatmap. */
import { heatPlace, heatRowBounds, type HeatScale } from '../../../frame/views/heat.ts'
import { micros, type Micros } from '../../../frame/model/units.ts'
import { short } from './path.ts'

export interface LatencyTick {
  readonly time: Micros
  /** in rows from the top */
  readonly y: number
}

/** Each list is for a narrower range than the one before: a map whose answers are all of 11 to 13 ms has its times, too. */
const FACTORS: readonly (readonly number[])[] = [
  [1],
  [1, 2, 5],
  [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9],
  Array.from({ length: 90 }, (_, i) => 1 + i / 10),
]

/** A line across the whole width at each of them. */
export const rulesPath = (scale: HeatScale, width: number): string =>
  latencyTicks(scale)
    .map(({ y }) => `M0 ${short(y)}H${width}`)
    .join('')

/** Powers of ten; where there are few of them, round times between these. */
export function latencyTicks(scale: HeatScale): readonly LatencyTick[] {
  const [low] = heatRowBounds(0, scale)
  const [, high] = heatRowBounds(scale.rows - 1, scale)
  const within = (factors: readonly number[]): Micros[] =>
    Array.from({ length: 11 }, (_, power) => factors.map((factor) => factor * 10 ** power))
      .flat()
      .filter((time) => time >= low && time < high)
      .map(micros)
  const ticks = FACTORS.map(within)
  const [powers] = ticks
  const shown = powers!.length > 2 ? powers! : ticks.slice(1).find(({ length }) => length > 1)
  return (shown ?? ticks.at(-1)!).map((time) => ({
    time,
    y: scale.rows - heatPlace(time, scale),
  }))
}
