/** Round times along the height of a heatmap. */
import { heatPlace, heatRowBounds, type HeatScale } from '../../../frame/views/heat.ts'
import { micros, type Micros } from '../../../frame/model/units.ts'

export interface LatencyTick {
  readonly time: Micros
  /** in rows from the top */
  readonly y: number
}

/** Powers of ten; where there are few of them, also two and five times these. */
export function latencyTicks(scale: HeatScale): readonly LatencyTick[] {
  const [low] = heatRowBounds(0, scale)
  const [, high] = heatRowBounds(scale.rows - 1, scale)
  const within = (factors: readonly number[]): Micros[] =>
    Array.from({ length: 11 }, (_, power) => factors.map((factor) => factor * 10 ** power))
      .flat()
      .filter((time) => time >= low && time < high)
      .map(micros)
  const powers = within([1])
  return (powers.length > 2 ? powers : within([1, 2, 5])).map((time) => ({
    time,
    y: scale.rows - heatPlace(time, scale),
  }))
}
