/** Round latencies beside a heatmap. Pure. */
import { heatPlace, heatRowBounds, type HeatScale } from '../../../frame/views/heat.ts'
import { micros } from '../../../frame/model/units.ts'
import { latency } from '../../../render/quantities.ts'

export interface HeatTick {
  /** in rows, from the bottom */
  readonly place: number
  readonly text: string
}

/** µs: 1, 10, 100 µs, … 1 h; and what lies between them where there are few. */
const DECADES = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]
const BETWEEN = [2, 5]
const FEW = 3

export function heatTicks(scale: HeatScale): readonly HeatTick[] {
  const [low] = heatRowBounds(0, scale)
  const [, high] = heatRowBounds(scale.rows - 1, scale)
  const within = (time: number): boolean => time >= low && time <= high
  const decades = DECADES.filter(within)
  const finer = DECADES.flatMap((decade) => [1, ...BETWEEN].map((part) => decade * part)).filter(within)
  return (decades.length < FEW ? finer : decades).map((time) => ({
    place: heatPlace(micros(time), scale),
    text: roundText(time),
  }))
}

/** `1ms`, not `1.0ms`: they are exact */
const roundText = (time: number): string => latency(micros(time)).replace('.0', '')
