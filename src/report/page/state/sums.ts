/** The numbers of a line over some steps of its picture: rows of the table, and what a tip says. Pure. */
import { percentile, sumBuckets, type Buckets } from '../../../frame/model/histogram.ts'
import { micros, type Micros } from '../../../frame/model/units.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'
import { mapSeries } from '../../picture/packed-picture.ts'
import type { Picture, PictureLine, SeriesName } from '../../picture/picture.ts'

export interface LineSum {
  readonly subject: Subject | null
  readonly label: string
  /** recorded; 0: nothing was */
  readonly seconds: number
  readonly counts: Readonly<Record<SeriesName, number>>
  readonly p50: Micros | null
  readonly p99: Micros | null
  /** header times are not in this picture for more than one step: `null` says nothing then */
  readonly timesUnknown: boolean
  /** answers whose times the ring lost; null: unknown */
  readonly lost: number | null
}

/** Steps [first, beyond). */
export function sumOf(
  picture: Pick<Picture, 'seconds'>,
  line: PictureLine,
  first: number,
  beyond: number,
): LineSum {
  const counts = mapSeries((name) => total(line.series[name], first, beyond))
  const heat = line.heat === null ? null : sumBuckets(line.heat.slice(first, beyond))
  const isOne = beyond - first === 1
  return {
    subject: line.subject,
    label: line.label,
    seconds: total(picture.seconds, first, beyond),
    counts,
    p50: isOne ? timeOf(line.p50[first]) : quantile(heat, 0.5, line.p50.slice(first, beyond)),
    p99: isOne ? timeOf(line.p99[first]) : quantile(heat, 0.99, line.p99.slice(first, beyond)),
    timesUnknown: !isOne && heat === null && counts.answered > 0,
    lost: heat === null ? null : Math.max(0, counts.answered - samplesOf(heat)),
  }
}

export const samplesOf = (buckets: readonly number[]): number =>
  buckets.reduce((sum, value, i) => (i % 2 === 1 ? sum + value : sum), 0)

/** Requests a second of each step; null: nothing was recorded. */
export const ratesOf = (
  { seconds }: Pick<Picture, 'seconds'>,
  line: PictureLine,
): readonly (number | null)[] =>
  seconds.map((length, i) => (length === 0 ? null : line.series.requests[i]! / length))

/**
 * Within a bucket of the histogram, 3.2 %, as the report's. A picture has no least and greatest time, but a percentile of all lies
 * between the least and the greatest of its steps: so none is above the slowest answer. @param steps the same percentile of each
 */
function quantile(heat: Buckets | null, q: number, steps: readonly (number | null)[]): Micros | null {
  const known = steps.flatMap((time) => time ?? [])
  if (heat === null || known.length === 0) return heat && percentile(heat, q, micros(0), micros(Infinity))
  const [least, greatest] = known.reduce(
    ([low, high], time) => [Math.min(low, time), Math.max(high, time)],
    [Infinity, 0],
  )
  return percentile(heat, q, micros(least), micros(greatest))
}

const timeOf = (time: number | null | undefined): Micros | null => (time == null ? null : micros(time))

function total(values: readonly number[], first: number, beyond: number): number {
  let sum = 0
  for (let i = first; i < beyond; i++) sum += values[i] ?? 0
  return sum
}
