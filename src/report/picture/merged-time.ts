/** A percentile of several steps, or of several lines, from what a picture has of each. Pure. */
import { percentile, type Buckets } from '../../frame/model/histogram.ts'
import { micros, type Micros } from '../../frame/model/units.ts'

/**
 * Of one that has any times it is exact. Of more it is within a bucket of the histogram, 3.2 %, as the report's: a picture has no least
 * and greatest time, but a percentile of all lies between the least and the greatest of its parts, so none is above the slowest answer.
 * @param buckets of all together; null: nobody knows them
 * @param times the same percentile of each; null: nothing was sampled
 */
export function mergedTime(
  buckets: Buckets | null,
  q: number,
  times: readonly (number | null)[],
): Micros | null {
  const known = times.filter((time) => time !== null)
  const [first] = known
  if (first === undefined) return null
  if (known.length === 1) return micros(first)
  const [least, greatest] = known.reduce(
    ([low, high], time) => [Math.min(low, time), Math.max(high, time)],
    [first, first],
  )
  return buckets && percentile(buckets, q, micros(least), micros(greatest))
}
