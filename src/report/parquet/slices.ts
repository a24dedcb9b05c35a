/** Full hours, UTC: a file's slices begin there, so that what is told of a range is the sum of what is told of its hours. */
import type { SeqRange, TickSummary } from '../../frame/model/recording.ts'
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

export interface HourTicks {
  /** of hourOf */
  readonly hour: number
  /** of sequence numbers, in order */
  readonly runs: readonly SeqRange[]
}

/** The ticks of the range, in order, hour by hour; an hour is there again if the clock was set back. */
export function ticksByHour(ticks: readonly TickSummary[], { from, to }: TimeSpan): HourTicks[] {
  const hours: { hour: number; runs: { from: number; to: number }[] }[] = []
  for (const { seq, start } of ticks) {
    if (start < from || start >= to) continue
    const hour = hourOf(start)
    if (hours.at(-1)?.hour !== hour) hours.push({ hour, runs: [] })
    const { runs } = hours.at(-1)!
    const last = runs.at(-1)
    if (last?.to === seq) last.to = seq + 1
    else runs.push({ from: seq, to: seq + 1 })
  }
  return hours
}
