/** The step of a picture, and the whole steps that a range is widened to. */
import type { Recording } from '../../frame/model/recording.ts'
import { MINUTE, micros, wallMicros, type Micros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { lengthOf, StepGrid, stretchesOf } from '../data/stretches.ts'

/** Seconds. Each divides the minute or is whole minutes, so that steps are made of cells. */
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
] as const
/** Steps that stand for a hole: enough to be seen. */
const HOLE_STEPS = 3

/** @param most steps @param byTick whether steps below a minute may be taken */
export function stepFor(recording: Recording, range: TimeSpan, most: number, byTick: boolean): Micros {
  const stretches = stretchesOf([recording], range)
  const length = lengthOf(stretches) / 1e6
  const room = Math.max(most / 2, most - (stretches.length - 1) * HOLE_STEPS)
  const found = STEPS.find((step) => length / step <= room && (byTick || step >= 60))
  const days = Math.max(1, Math.ceil(length / room / 86_400))
  return micros((found ?? 86_400 * days) * 1e6)
}

/** All its steps are whole, but for those at the ends of the recording. */
export const widened = ({ from, to }: TimeSpan, span: TimeSpan, step: Micros): TimeSpan => ({
  from: wallMicros(Math.max(span.from, Math.floor(from / step) * step)),
  to: wallMicros(Math.min(span.to, Math.ceil(to / step) * step)),
})

export const gridOf = (recording: Recording, range: TimeSpan, step: Micros): StepGrid =>
  new StepGrid(stretchesOf([recording], range), step, HOLE_STEPS)

export const isOfTicks = (step: Micros): boolean => step < MINUTE
