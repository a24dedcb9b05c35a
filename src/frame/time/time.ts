/**
 * The grammar of times, the same in every command:
 *
 *   14:02  14:02:11.5      clock time in the recording's zone, or with an offset (02:40+02:00); must occur exactly once in the recording
 *   2026-11-22T14:02:11Z   ISO with zone (default: the recording's zone)
 *   1763820131.5           seconds since 1970
 *   10m ago                before now
 *   +90s  -5m  30%         after the start (in `to`: after `from`), before the end, a part of the span
 *   @name                  a marker, by its text, its kind, or the start of its text
 *   a..b                   a range; without a or b: from the recording's start, to its end
 */
import type { Marker } from '../model/frame.ts'
import type { SeqRange, TickSummary } from '../model/recording.ts'
import { addMicros, micros, wallMicros, type Micros, type WallMicros } from '../model/units.ts'
import { needsOffset, instantsOf, isoLocal, localDateTime, localMillis } from './timezone.ts'

/** [from, to) */
export interface TimeSpan {
  readonly from: WallMicros
  readonly to: WallMicros
}

/** The recording to which a time refers. */
export interface TimeScope {
  readonly span: TimeSpan
  /** IANA name */
  readonly timeZone: string
  readonly now: WallMicros
  readonly markers: readonly Marker[]
  /** gets in words what a relative time beyond the recording was cut to */
  readonly onCut?: ((text: string) => void) | undefined
}

/** A time that cannot be read or is outside the recording, with a remedy. The cli makes it a usage error. */
export class TimeError extends Error {
  override readonly name = 'TimeError'
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message)
  }
}

/** @throws TimeError */
export const parseTime = (text: string, scope: TimeScope): WallMicros =>
  read(text, scope, scope.span.from, 'to its start')

/** `--from` and `--to`; undefined is the recording's start or end. The result lies within the span. @throws TimeError */
export function parseRange(from: string | undefined, to: string | undefined, scope: TimeScope): TimeSpan {
  const { span } = scope
  if (from === undefined && to === undefined) return span
  const start = from === undefined ? span.from : read(from, scope, span.from, 'to its start')
  const end = to === undefined ? span.to : read(to, scope, start, 'to its end')
  const range = { from: wallMicros(Math.max(start, span.from)), to: wallMicros(Math.min(end, span.to)) }
  if (range.from < range.to) return range
  const [first, last] = [isoLocal(start, scope.timeZone), isoLocal(end, scope.timeZone)]
  throw new TimeError(
    `the range from "${from ?? 'the start'}" to "${to ?? 'the end'}" is empty`,
    `It would begin at ${first} and end at ${last}. ${spanText(scope)}.`,
  )
}

/** `a..b`, `a..`, `..b`. @throws TimeError */
export function parseSpan(text: string, scope: TimeScope): TimeSpan {
  const dots = text.indexOf('..')
  if (dots < 0)
    throw new TimeError(`"${text}" is not a range`, 'Write it as FROM..TO, for example 14:02..14:05.')
  const ends = [text.slice(0, dots), text.slice(dots + 2)].map((end) => (end.trim() === '' ? undefined : end))
  return parseRange(ends[0], ends[1], scope)
}

/** The earliest start and the latest end: they may not be those of the first and last tick, since the clock may have been set back. */
export function spanOf(ticks: readonly TickSummary[]): TimeSpan | null {
  if (ticks.length === 0) return null
  let from = Infinity
  let to = -Infinity
  for (const { start, length } of ticks) {
    from = Math.min(from, start)
    to = Math.max(to, start + length)
  }
  return { from: wallMicros(from), to: wallMicros(to) }
}

/** The ticks whose wall start lies in [from, to), as ranges of sequence numbers: several if the clock was set back. */
export function ticksWithin(ticks: readonly TickSummary[], { from, to }: TimeSpan): SeqRange[] {
  const runs: { from: number; to: number }[] = []
  for (const { seq, start } of ticks) {
    if (start < from || start >= to) continue
    const last = runs.at(-1)
    if (last?.to === seq) last.to = seq + 1
    else runs.push({ from: seq, to: seq + 1 })
  }
  return runs
}

function read(text: string, scope: TimeScope, origin: WallMicros, cuts: Cuts): WallMicros {
  const word = text.trim()
  const clock = CLOCK.exec(word)
  if (clock !== null) return readClock(text, clock, scope)
  const isMarker = word.startsWith('@')
  const at = isMarker ? readMarker(text, word.slice(1), scope) : readExact(text, word, scope, origin)
  // What marks the end of a recording may lie behind its last tick: the range itself is cut there.
  if (fits(at, scope.span, 1_000_000) || (isMarker && (at > scope.span.from || cuts === 'to its end')))
    return at
  const { from, to } = scope.span
  const isBefore = at < from
  if (!CUT.test(word) || cuts !== (isBefore ? 'to its start' : 'to its end')) throw outside(text, scope)
  const cut = isBefore ? from : to
  const edge = `${isBefore ? 'begins' : 'ends'} at ${isoLocal(cut, scope.timeZone)}`
  scope.onCut?.(`"${text}" reaches beyond the recording, which ${edge}: it is cut to that`)
  return cut
}

/** A range may begin before the recording and end behind it, and is cut to it. A range that begins behind it is empty. */
type Cuts = 'to its start' | 'to its end'
/** Relative times, and markers: one outlives the ticks around it where the recording forgets its oldest. */
const CUT = /^[+@-]|ago$/

function readExact(text: string, word: string, scope: TimeScope, origin: WallMicros): WallMicros {
  const { span, now } = scope
  if (/^\d+(\.\d+)?$/.test(word)) return wallMicros(Math.round(Number(word) * 1e6))
  if (/^\d+(\.\d+)?%$/.test(word)) {
    return addMicros(span.from, Math.round(((span.to - span.from) * Number(word.slice(0, -1))) / 100))
  }
  const ago = /^(.+?)\s*ago$/.exec(word)
  if (ago !== null) return addMicros(now, 0 - duration(text, ago[1]!))
  if (word.startsWith('+')) return addMicros(origin, duration(text, word.slice(1)))
  if (word.startsWith('-')) return addMicros(span.to, 0 - duration(text, word.slice(1)))
  return readIso(text, word, scope)
}

const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,6})?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i

function readClock(
  text: string,
  [, hour, minute, second = '0', fraction, zone]: RegExpExecArray,
  scope: TimeScope,
): WallMicros {
  const offset = zone === undefined ? null : zoneMillis(zone)
  const [h, m, s] = [Number(hour), Number(minute), Number(second + (fraction ?? ''))]
  // 24:00 is the midnight at which a day ends.
  const isDayEnd = h === 24 && m === 0 && s === 0
  if ((h > 23 && !isDayEnd) || m > 59 || s >= 60 || Number.isNaN(offset))
    throw new TimeError(`"${text}" is not a time of day`, GRAMMAR)
  const unit = fraction === undefined ? 1_000_000 : 10 ** (7 - fraction.length)
  const day = 86_400_000
  const ofDay = (h * 3600 + m * 60) * 1000 + s * 1000
  const dayOf = (at: WallMicros): number =>
    Math.floor((offset === null ? localMillis(at, scope.timeZone) : at / 1000 + offset) / day)
  const candidates: WallMicros[] = []
  for (let date = dayOf(scope.span.from) - (isDayEnd ? 1 : 0); date <= dayOf(scope.span.to); date++)
    candidates.push(...instantsAt(date * day + ofDay, offset, scope.timeZone))
  return theOneThatFits(text, candidates, unit, scope)
}

/** @param offset of the clock, ms; null: the zone's at that time */
const instantsAt = (millis: number, offset: number | null, timeZone: string): WallMicros[] =>
  offset === null ? instantsOf(millis, timeZone) : [wallMicros(Math.round((millis - offset) * 1000))]

function theOneThatFits(
  text: string,
  candidates: readonly WallMicros[],
  unit: number,
  scope: TimeScope,
): WallMicros {
  const fitting = candidates.filter((at) => fits(at, scope.span, unit))
  if (fitting.length === 0) throw outside(text, scope)
  if (fitting.length > 1) throw ambiguous(text, fitting, scope)
  return fitting[0]!
}

function readIso(text: string, value: string, scope: TimeScope): WallMicros {
  const match = ISO.exec(value)
  if (match === null) throw new TimeError(`"${text}" is not a time`, GRAMMAR)
  const [, date = '', time = '', second = ':00', zone] = match
  const millis = Date.parse(`${date}T${time}${second}Z`)
  const offset = zone === undefined ? 0 : zoneMillis(zone)
  if (Number.isNaN(millis) || !isDay(date) || Number.isNaN(offset))
    throw new TimeError(`"${text}" is not a time`, GRAMMAR)
  if (zone !== undefined) return wallMicros((millis - offset) * 1000)
  const instants = instantsOf(millis, scope.timeZone)
  if (instants.length === 0)
    throw new TimeError(`"${text}" does not exist in ${scope.timeZone}`, spanText(scope) + '.')
  // In the hour that comes twice: if only one of the two lies in the span, it is meant.
  return instants.length === 1 ? instants[0]! : theOneThatFits(text, instants, 1_000_000, scope)
}

/** Date.parse takes 30 February for 2 March. */
const isDay = (date: string): boolean => {
  const parsed = Date.parse(date)
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(date)
}

/** NaN: there is no such offset */
function zoneMillis(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  if (!/^.([01]\d|2[0-3]):?[0-5]\d$/.test(zone)) return NaN
  const digits = zone.replace(/[^0-9]/g, '')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000
}

function readMarker(text: string, name: string, scope: TimeScope): WallMicros {
  const wanted = name.toLowerCase()
  const tests = [
    (marker: Marker) => marker.text === name,
    (marker: Marker) => marker.kind === name,
    (marker: Marker) => wanted !== '' && marker.text.toLowerCase().startsWith(wanted),
  ]
  const found = tests.map((test) => scope.markers.filter(test)).find((markers) => markers.length > 0)
  if (found === undefined) {
    const names = scope.markers.map((marker) => JSON.stringify(`@${marker.text}`))
    const known =
      names.length === 0 ? 'The recording has no markers.' : `Its markers are ${names.join(', ')}.`
    throw new TimeError(`no marker is called "${text}"`, known)
  }
  if (found.length > 1)
    throw ambiguous(
      text,
      found.map((marker) => marker.at),
      scope,
    )
  return found[0]!.at
}

const UNITS: Readonly<Record<string, number>> = { d: 86_400e6, h: 3600e6, m: 60e6, s: 1e6, ms: 1e3 }

/** `90s`, `1h30m`, `1.5h` */
export function parseDuration(text: string): Micros | null {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(ms|[dhms])\s*/gy)]
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text.trim()) return null
  return micros(Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0)))
}

function duration(text: string, value: string): Micros {
  const span = parseDuration(value)
  if (span === null)
    throw new TimeError(`"${text}" holds no duration`, 'Durations are written 90s, 5m, 1h30m or 2d.')
  return span
}

/** A time means the whole unit in which it is written: 14:02:11 fits a recording that starts at 14:02:11.3. */
const fits = (at: WallMicros, span: TimeSpan, unit: number): boolean => at <= span.to && at + unit > span.from

const outside = (text: string, scope: TimeScope): TimeError =>
  new TimeError(`"${text}" lies outside the recording`, `${spanText(scope)}.`)

function ambiguous(text: string, candidates: readonly WallMicros[], scope: TimeScope): TimeError {
  const shown = candidates.slice(0, 8).map((at) => isoLocal(at, scope.timeZone))
  const more = candidates.length > shown.length ? ` and ${candidates.length - shown.length} more` : ''
  return new TimeError(`"${text}" fits ${candidates.length} times`, `Say which: ${shown.join(', ')}${more}.`)
}

function spanText({ span, timeZone }: TimeScope): string {
  const withOffset = needsOffset(span, timeZone)
  const [from, to] = [span.from, span.to].map((at) => localDateTime(at, timeZone, withOffset))
  return `The recording spans ${from} to ${to} (${timeZone})`
}

const GRAMMAR =
  'Write 14:02, 14:02:11.5, 2026-11-22T14:02:11Z, seconds since 1970, 10m ago, +90s, -5m, 30% or @marker.'
