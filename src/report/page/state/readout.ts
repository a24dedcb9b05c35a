/** What a moment, a cell or a range is called. Pure; the only place of the page's script that puts quantities side by side. */
import { heatColumn, heatRowBounds, type HeatScale } from '../../../frame/views/heat.ts'
import { wallMicros, type Micros } from '../../../frame/model/units.ts'
import { clockTime, localDate, localDateTime } from '../../../frame/time/timezone.ts'
import { exactCount, finePercent, latency, longSpan, plural, rate } from '../../../render/quantities.ts'
import type { PageFacts } from '../../picture/facts.ts'
import type { Picture, PictureLine } from '../../picture/picture.ts'
import { secondAt } from '../draw/time-axis.ts'
import { pointSteps } from '../draw/time-lines.ts'
import type { Range } from './address.ts'
import { samplesOf, sumOf, type LineSum } from './sums.ts'

export type Clock = Pick<PageFacts, 'zone' | 'withOffset'>

export const timeText = (second: number, { zone, withOffset }: Clock): string =>
  localDateTime(wallMicros(Math.floor(second * 1e6)), zone, withOffset)

const clockText = (second: number, { zone, withOffset }: Clock): string =>
  clockTime(wallMicros(Math.floor(second * 1e6)), zone, withOffset)

/** `15:01:00–15:02:00` */
export const clockRange = ({ from, to }: Range, clock: Clock): string =>
  `${clockText(from, clock)}–${clockText(to, clock)}`

/** `2026-11-22 15:01:00 – 15:02:00`; the second date only where it is another */
export function rangeText({ from, to }: Range, clock: Clock): string {
  const [first, last] = [from, to].map((second) => localDate(wallMicros(second * 1e6), clock.zone))
  return `${timeText(from, clock)} – ${first === last ? clockText(to, clock) : timeText(to, clock)}`
}

/** A step: when, and what the line did in it. */
export function stepText(picture: Picture, line: PictureLine, index: number, clock: Clock): string {
  const when = clockText(secondAt(picture, index), clock)
  const sum = sumOf(picture, line, index, index + 1)
  return [when, ...(sum.seconds === 0 ? ['nothing was recorded'] : figuresOf(sum))].join(' · ')
}

/** For who hears a lane instead of seeing it. */
export function laneText(picture: Picture, line: PictureLine, most: number): string {
  const { counts } = sumOf(picture, line, 0, picture.count)
  const attempts = counts.answered + counts.failures
  const trouble =
    counts.bad === 0 ? 'no trouble' : `trouble in ${finePercent(counts.bad / Math.max(1, attempts))}`
  return `${line.label}: ${plural(counts.requests, 'request')}, at most ${rate(most)} per second, ${trouble}`
}

function figuresOf({ seconds, counts, p50, p99 }: LineSum): readonly string[] {
  const { requests, answered, fivexx, failures, grpcErrors } = counts
  return [
    `${rate(requests / seconds)} req/s`,
    ...(fivexx > 0 ? [`${plural(fivexx, '5xx', '5xx')} (${finePercent(fivexx / answered)})`] : []),
    ...(failures > 0 ? [plural(failures, 'failure')] : []),
    ...(grpcErrors > 0 ? [plural(grpcErrors, 'gRPC error')] : []),
    ...(p50 === null ? [] : [`p50 ${latency(p50)}`, `p99 ${latency(p99)}`]),
  ]
}

export interface Cell {
  readonly index: number
  /** 0: the fastest */
  readonly row: number
}

/** `14:02:07 · 180–190 ms · 12 answers`, and how many answers of its step are in no cell. */
export function cellText(
  picture: Picture,
  line: PictureLine,
  scale: HeatScale,
  { index, row }: Cell,
  clock: Clock,
): string {
  const when = clockText(secondAt(picture, index), clock)
  if (picture.seconds[index] === 0) return `${when} · nothing was recorded`
  const buckets = line.heat?.[index] ?? []
  const count = heatColumn(buckets, scale)[row] ?? 0
  const lost = line.series.answered[index]! - samplesOf(buckets)
  const words = [when, spanText(heatRowBounds(row, scale)), plural(count, 'answer')]
  return [...words, ...(lost > 0 ? [`${exactCount(lost)} of this step lost`] : [])].join(' · ')
}

/** `180–190 ms`: the unit once where both have the same. */
export function spanText([from, beyond]: readonly [Micros, Micros]): string {
  const [low, high] = [latency(from), latency(beyond)].map((text) => /^([\d.]+)(µs|ms|s)$/.exec(text))
  if (low == null || high == null) return `${latency(from)}–${latency(beyond)}`
  const first = low[2] === high[2] ? low[1]! : `${low[1]!} ${low[2]!}`
  return `${first}–${high[1]!} ${high[2]!}`
}

/** `by 5s`: how fine what is shown is. */
const stepName = ({ step }: Picture): string => `by ${longSpan(step * 1e6)}`

/** What a list of requests is of: a step, or with null all that is shown. */
export function momentName(picture: Picture, index: number | null, clock: Clock): string {
  if (index === null) return `${rangeText(picture, clock)}, ${stepName(picture)}`
  const start = Math.max(picture.from, secondAt(picture, index))
  return `${timeText(start, clock)}${picture.step === 1 ? '' : `, for ${longSpan(picture.step * 1e6)}`}`
}

/** `2026-11-22 14:02:07, 180–190 ms` */
export const cellName = (picture: Picture, scale: HeatScale, { index, row }: Cell, clock: Clock): string =>
  `${momentName(picture, index, clock)}, ${spanText(heatRowBounds(row, scale))}`

/** What a heatmap shows, and what it does not. */
export function heatNote(picture: Picture, line: PictureLine): string {
  const { counts, lost } = sumOf(picture, line, 0, picture.count)
  if (lost === null)
    return `${line.label}: this page has no latencies of single routes; upstreamtop view shows them.`
  const points = pointSteps(picture, line)
  const words = [
    `${exactCount(counts.answered - lost)} answers ${stepName(picture)}`,
    `p50 and p99 as lines${points === 1 ? '' : `, each point of ${longSpan(points * picture.step * 1e6)}`}`,
    ...(lost > 0 ? [`${exactCount(lost)} more were answered, and their times lost`] : []),
  ]
  return `${words.join('; ')}.`
}
