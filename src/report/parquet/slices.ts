/** Full hours, UTC: a file's slices begin there, so that what is told of a range is the sum of what is told of its hours. */
import { wallMicros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'

const HOUR = 3_600_000_000
const DAY = 24 * HOUR

export const hourOf = (time: WallMicros): number => Math.floor(time / HOUR)
export const dayOf = (time: WallMicros): number => Math.floor(time / DAY)

/** The part of a range that lies in a day, which has a number as `dayOf` gives. */
export const withinDay = ({ from, to }: TimeSpan, day: number): TimeSpan => ({
  from: wallMicros(Math.max(from, day * DAY)),
  to: wallMicros(Math.min(to, (day + 1) * DAY)),
})

/** A range, cut at full hours. */
export function hoursOf({ from, to }: TimeSpan): TimeSpan[] {
  const hours: TimeSpan[] = []
  for (let begin = from; begin < to;) {
    const end = wallMicros(Math.min(to, (hourOf(begin) + 1) * HOUR))
    hours.push({ from: begin, to: end })
    begin = end
  }
  return hours
}
