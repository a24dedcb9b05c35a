/** Checks and reads the columns of a row that are no counts: status codes, histograms, and columns added in later versions. */
import { BUCKETS } from '../frame/model/histogram.ts'
import type { DistributionTotals } from '../frame/model/snapshot.ts'
import { micros } from '../frame/model/units.ts'
import { isCount, isDecimal } from './wire-values.ts'

/** [sampled, min µs, max µs, bucket, count, bucket, count, …]; [] when nothing was sampled in the tick */
export type HistogramColumn = readonly number[]

export const distributionTotals = (
  count: number,
  sum: string,
  samples: HistogramColumn,
): DistributionTotals => {
  const [sampled, min, max] = samples
  return {
    count,
    sum: BigInt(sum),
    sampled: sampled ?? 0,
    min: min === undefined ? null : micros(min),
    max: max === undefined ? null : micros(max),
    buckets: samples.slice(3),
  }
}

/** [status code, count, …] with codes of at most three digits, in any order; of grpc-statuses as well. */
export function isCodes(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length > 2000 || value.length % 2 !== 0) return false
  const pairs: readonly unknown[] = value
  for (let i = 0; i < pairs.length; i += 2) {
    const code = pairs[i]
    if (!isCount(code) || code > 999 || !isCount(pairs[i + 1])) return false
  }
  return true
}

/** The buckets must be sorted, and none of them empty. */
export function isHistogram(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  const columns: readonly unknown[] = value
  const length = columns.length
  if (length === 0) return true
  if (length % 2 === 0 || length < 3 || length > 3 + 2 * BUCKETS) return false
  if (!isCount(columns[0]) || !isCount(columns[1]) || !isCount(columns[2])) return false
  let before = -1
  for (let i = 3; i < length; i += 2) {
    const bucket = columns[i]
    const count = columns[i + 1]
    if (!isCount(bucket) || bucket <= before || bucket >= BUCKETS || !isCount(count) || count === 0)
      return false
    before = bucket
  }
  return true
}

/** Columns of later versions are at a row's end. null: absent, or with another meaning at this position. The row is valid all the same. */
export const knownCount = (value: unknown): number | null => (isCount(value) ? value : null)
export const knownBytes = (value: unknown): bigint | null =>
  isCount(value) || isDecimal(value) ? BigInt(value) : null
