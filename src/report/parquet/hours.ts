/** Hours of UTC: the slices in which an export is written. */
import type { SeqRange, TickSummary } from '../../frame/model/recording.ts'
import type { WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'

const HOUR = 3_600_000_000

export const hourOf = (time: WallMicros): number => Math.floor(time / HOUR)
export const dayOfHour = (hour: number): number => Math.floor(hour / 24)

export interface HourTicks {
  /** of hourOf */
  readonly hour: number
  /** of sequence numbers, in order */
  readonly runs: readonly SeqRange[]
}

/** The ticks of the range, in order, hour by hour; an hour is there again if the clock was set back. */
export function hoursOf(ticks: readonly TickSummary[], { from, to }: TimeSpan): HourTicks[] {
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
