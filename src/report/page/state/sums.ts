/** The numbers of a line over some steps of its picture: rows of the table, and what a tip says. Pure. */
import { sumBuckets } from '../../../frame/model/histogram.ts'
import type { Micros } from '../../../frame/model/units.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'
import { mergedTime } from '../../picture/merged-time.ts'
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
  /** several steps have header times, and this picture has only the percentiles of each: `null` says nothing then */
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
  const [p50, p99] = [line.p50.slice(first, beyond), line.p99.slice(first, beyond)]
  return {
    subject: line.subject,
    label: line.label,
    seconds: total(picture.seconds, first, beyond),
    counts,
    p50: mergedTime(heat, 0.5, p50),
    p99: mergedTime(heat, 0.99, p99),
    timesUnknown: heat === null && p50.filter((time) => time !== null).length > 1,
    lost: heat === null ? null : Math.max(0, counts.answered - samplesOf(heat)),
  }
}

export const samplesOf = (buckets: readonly number[]): number =>
  buckets.reduce((sum, value, i) => (i % 2 === 1 ? sum + value : sum), 0)

function total(values: readonly number[], first: number, beyond: number): number {
  let sum = 0
  for (let i = first; i < beyond; i++) sum += values[i] ?? 0
  return sum
}
