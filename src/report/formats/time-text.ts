/** A time in a report for people. */
import type { WallMicros } from '../../frame/model/units.ts'
import { clockTime, localDateTime } from '../../frame/time/timezone.ts'
import type { Report } from './report.ts'

const DAY = 86_400e6

/** With its date where the range is so long that a clock time could be of several days. */
export function timeText(at: WallMicros, { summary, timeZone, withOffset }: Report): string {
  const { from, to } = summary.query.range
  const text = to - from > DAY ? localDateTime : clockTime
  return text(at, timeZone, withOffset)
}
