/** Where moments lie in a picture, and the round times of the zone along it. */
import { wallMicros } from '../../../frame/model/units.ts'
import { clockTime, instantsOf, localDate, localMillis } from '../../../frame/time/timezone.ts'
import type { Picture } from '../../picture/picture.ts'

type Axis = Pick<Picture, 'starts' | 'step' | 'count'>

export interface TimeTick {
  /** in steps */
  readonly place: number
  readonly text: string
  /** it says a date */
  readonly isDay: boolean
}

/** In steps, 0 to count. A moment in a folded hole is where the hole begins. */
export function placeOf({ starts, step, count }: Axis, second: number): number {
  const part = Math.max(
    0,
    starts.findLastIndex(([, start]) => start <= second),
  )
  const [index, start] = starts[part] ?? [0, 0]
  const end = starts[part + 1]?.[0] ?? count
  return Math.max(0, Math.min(end, index + (second - start) / step))
}

/** The moment at a place; in the few steps that stand for a folded hole, at most its end. */
export function secondAt({ starts, step }: Axis, place: number): number {
  const part = Math.max(
    0,
    starts.findLastIndex(([index]) => index <= place),
  )
  const [index, start] = starts[part] ?? [0, 0]
  return Math.min(start + (place - index) * step, starts[part + 1]?.[1] ?? Infinity)
}

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400]
const UNITS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 364, 3640, 36_400].map((days) => days * DAY),
]

/** About `most` ticks at most, one or two more where clocks are set back. The first of a day, and the first after a hole, says its date. */
export function timeTicks(picture: Axis, zone: string, most: number): readonly TimeTick[] {
  const { count, step } = picture
  const unit = UNITS.find((each) => (count * step) / each <= Math.max(1, most)) ?? UNITS.at(-1)!
  const seconds = picture.starts.flatMap((_, part) => roundTimes(picture, part, unit, zone))
  const days = new Set(seconds.map((second) => dateOf(second, zone)))
  return seconds.map((second, i) => {
    const isDay = days.size > 1 && (i === 0 || dateOf(seconds[i - 1]!, zone) !== dateOf(second, zone))
    return { place: placeOf(picture, second), text: tickText(second, zone, unit, isDay), isDay }
  })
}

/** Those within a stretch, seconds since 1970. */
function roundTimes({ starts, step, count }: Axis, part: number, unit: number, zone: string): number[] {
  const [index, start] = starts[part]!
  const [endIndex, beyond] = starts[part + 1] ?? [count, Infinity]
  const end = Math.min(start + (endIndex - index) * step, beyond)
  const [first, last] = [start, end].map((second) => localMillis(wallMicros(second * 1e6), zone) / 1000)
  const times: number[] = []
  // An hour that is repeated, or left out, lies at most a day beyond the local times of the ends.
  for (let local = Math.ceil((first! - HOUR) / unit) * unit; local <= last! + HOUR; local += unit)
    for (const at of instantsOf(local * 1000, zone)) times.push(at / 1e6)
  return times.filter((second) => second >= start && second < end).sort((a, b) => a - b)
}

const dateOf = (second: number, zone: string): string => localDate(wallMicros(second * 1e6), zone)

/** `14:02:30`, `14:02`, `11-23`, `11-22 14:02` */
function tickText(second: number, zone: string, unit: number, isDay: boolean): string {
  const at = wallMicros(second * 1e6)
  const clock = clockTime(at, zone).slice(0, unit < MINUTE ? 8 : 5)
  if (!isDay) return clock
  const date = unit > 28 * DAY ? localDate(at, zone) : localDate(at, zone).slice(5)
  return clock.startsWith('00:00') ? date : `${date} ${clock}`
}
