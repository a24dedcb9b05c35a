/** Sums of distributions. Merging is exact and associative. */
import type { Distribution } from './frame.ts'
import { mergeBuckets, sumBuckets } from './histogram.ts'
import { micros, type Micros } from './units.ts'

export const NO_DISTRIBUTION: Distribution = {
  count: 0,
  sum: micros(0),
  sampled: 0,
  min: null,
  max: null,
  buckets: [],
}

export function mergeDistribution(a: Distribution, b: Distribution): Distribution {
  if (a.count === 0 && a.sampled === 0) return b
  if (b.count === 0 && b.sampled === 0) return a
  return {
    count: a.count + b.count,
    sum: micros(a.sum + b.sum),
    sampled: a.sampled + b.sampled,
    min: least(a.min, b.min),
    max: greatest(a.max, b.max),
    buckets: mergeBuckets(a.buckets, b.buckets),
  }
}

export function sumDistributions(parts: readonly Distribution[]): Distribution {
  let [count, sum, sampled] = [0, 0, 0]
  let min: Micros | null = null
  let max: Micros | null = null
  for (const part of parts) {
    count += part.count
    sum += part.sum
    sampled += part.sampled
    min = least(min, part.min)
    max = greatest(max, part.max)
  }
  const buckets = sumBuckets(parts.map((part) => part.buckets))
  return { count, sum: micros(sum), sampled, min, max, buckets }
}

const least = (a: Micros | null, b: Micros | null): Micros | null =>
  a === null ? b : b === null ? a : micros(Math.min(a, b))
const greatest = (a: Micros | null, b: Micros | null): Micros | null =>
  a === null ? b : b === null ? a : micros(Math.max(a, b))
