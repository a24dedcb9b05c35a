/**
 * Converts wall clock to local time and back, and formats every time that is shown or written.
 * The zone is an IANA name; 'UTC' never loads the time zone data.
 */
import { wallMicros, type WallMicros } from '../model/units.ts'

const QUARTER_MS = 900_000
const formatters = new Map<string, Intl.DateTimeFormat>()
const offsets = new Map<string, number>()

/** The zone of a recording; UTC if it has none that is known. */
export function knownZone(name = 'UTC'): string {
  const isKnown = name === 'UTC' || Intl.supportedValuesOf('timeZone').includes(name) || isTimeZone(name)
  return isKnown ? name : 'UTC'
}

export function isTimeZone(name: string): boolean {
  // Loading the time zone data takes 10 ms at start.
  if (name === 'UTC' || name === processZone) return true
  try {
    formatterOf(name)
    return true
  } catch {
    return false
  }
}

/** The zone of this process, if it was set: Date has its offsets without cost, while Intl delays the first picture by 10 ms. */
let processZone = 'UTC'

/** @param timeZone the value of TZ in the environment */
export function useProcessZone(timeZone: string): void {
  processZone = timeZone
}

/** Milliseconds to add to UTC. Offsets change on quarter hours only, so one value per quarter hour is cached. */
export function offsetMillis(wall: WallMicros, timeZone: string): number {
  if (timeZone === 'UTC') return 0
  const quarter = Math.floor(wall / 1000 / QUARTER_MS)
  const key = `${timeZone} ${quarter}`
  let offset = offsets.get(key)
  if (offset === undefined) offsets.set(key, (offset = readOffset(quarter * QUARTER_MS, timeZone)))
  return offset
}

/** All instants at which clocks in the zone show this time: none in the hour skipped in spring, two in the hour repeated in autumn. */
export function instantsOf(localMillis: number, timeZone: string): WallMicros[] {
  const around = [-86_400_000, 86_400_000].map((day) =>
    offsetMillis(wallMicros((localMillis + day) * 1000), timeZone),
  )
  return [...new Set(around)]
    .map((offset) => wallMicros(Math.round((localMillis - offset) * 1000)))
    .filter((wall) => wall / 1000 + offsetMillis(wall, timeZone) === localMillis)
    .sort((a, b) => a - b)
}

/** Local time as milliseconds since 1970, as if it were UTC: for arithmetic with days and clock times. */
export const localMillis = (wall: WallMicros, timeZone: string): number =>
  wall / 1000 + offsetMillis(wall, timeZone)

/** `2026-11-22T14:02:11.500Z`: JSON, CSV, file formats. */
export const isoUtc = (wall: WallMicros): string => new Date(Math.floor(wall / 1000)).toISOString()

/** `2026-11-22T14:02:11.500123Z` */
export const isoUtcMicros = (wall: WallMicros): string =>
  `${isoUtc(wall).slice(0, -1)}${String(wall % 1000).padStart(3, '0')}Z`

/** `2026-11-22T15:02:11.500+01:00`: unambiguous, and accepted as input; without milliseconds if they are 0. */
export function isoLocal(wall: WallMicros, timeZone: string): string {
  const text = localText(wall, timeZone).slice(0, 23)
  return (text.endsWith('.000') ? text.slice(0, 19) : text) + offsetText(offsetMillis(wall, timeZone))
}

/** A zone keeps an offset for weeks at least, so a change and its undoing are not missed. */
const SAMPLE = 6 * 3600e6
const MAX_SAMPLES = 3000

/** Whether a time of the span may be two without its offset: clocks in the zone are set within it, or it lies in the hour that comes twice. */
export function needsOffset(
  { from, to }: { readonly from: WallMicros; readonly to: WallMicros },
  timeZone: string,
): boolean {
  if (timeZone === 'UTC') return false
  if (comesTwice(from, timeZone) || comesTwice(to, timeZone)) return true
  const first = offsetMillis(from, timeZone)
  const step = Math.max(SAMPLE, (to - from) / MAX_SAMPLES)
  for (let at = from + step; at < to; at += step)
    if (offsetMillis(wallMicros(at), timeZone) !== first) return true
  return offsetMillis(to, timeZone) !== first
}

const comesTwice = (wall: WallMicros, timeZone: string): boolean =>
  instantsOf(Math.floor(localMillis(wall, timeZone)), timeZone).length > 1

/** `14:02:11`, `14:02:11+02:00` */
export const clockTime = (wall: WallMicros, timeZone: string, withOffset = false): string =>
  localText(wall, timeZone).slice(11, 19) + offsetIf(withOffset, wall, timeZone)

/** `14:02:11.500` */
export const clockTimeMillis = (wall: WallMicros, timeZone: string, withOffset = false): string =>
  localText(wall, timeZone).slice(11, 23) + offsetIf(withOffset, wall, timeZone)

/** `2026-11-22` */
export const localDate = (wall: WallMicros, timeZone: string): string =>
  localText(wall, timeZone).slice(0, 10)

/** `2026-11-22 14:02:11` */
export const localDateTime = (wall: WallMicros, timeZone: string, withOffset = false): string =>
  `${localDate(wall, timeZone)} ${clockTime(wall, timeZone, withOffset)}`

/** `2026-11-22 14:02` */
export const localMinute = (wall: WallMicros, timeZone: string, withOffset = false): string =>
  localText(wall, timeZone).slice(0, 16).replace('T', ' ') + offsetIf(withOffset, wall, timeZone)

const offsetIf = (withOffset: boolean, wall: WallMicros, timeZone: string): string =>
  withOffset ? offsetText(offsetMillis(wall, timeZone)) : ''

const localText = (wall: WallMicros, timeZone: string): string =>
  new Date(Math.floor(localMillis(wall, timeZone))).toISOString()

function offsetText(offset: number): string {
  if (offset === 0) return 'Z'
  const minutes = Math.floor(Math.abs(offset) / 60_000)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function readOffset(millis: number, timeZone: string): number {
  if (timeZone === processZone) return -new Date(millis).getTimezoneOffset() * 60_000
  const part: Record<string, number> = {}
  for (const { type, value } of formatterOf(timeZone).formatToParts(millis)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second) - millis
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone)
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formatters.set(timeZone, formatter)
  }
  return formatter
}
