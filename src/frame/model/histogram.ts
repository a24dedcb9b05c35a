/**
 * Log-linear histogram of whole microseconds, 16 buckets per octave (HdrHistogram's layout): values below 16 have a bucket each,
 * larger ones share a bucket of at most 1/16 of their octave, so that a bucket's midpoint is within 3.2 % of any value in it.
 * The helper (bpf/helper/) computes the same index; the scheme is written into every recording.
 */
import { micros, type Micros } from './units.ts'

export const SUB_BITS = 4
export const SUB = 1 << SUB_BITS
/** 1 hour in µs lies in octave 31. Larger values share the last bucket. */
export const BUCKETS = (31 - SUB_BITS + 2) * SUB

/** The first octave is linear. Bucket 16·o is the first of octave o. */
export const OCTAVES = BUCKETS / SUB
export const octaveOf = (bucket: number): number => bucket >> SUB_BITS

/** Sparse, sorted by bucket: [bucket, count, bucket, count, …]. Merging is adding. */
export type Buckets = readonly number[]

export function bucketOf(value: Micros): number {
  if (value < SUB) return Math.max(0, Math.floor(value))
  if (value >= 2 ** 32) return BUCKETS - 1
  const octave = 31 - Math.clz32(value)
  return (octave - SUB_BITS + 1) * SUB + ((value >>> (octave - SUB_BITS)) & (SUB - 1))
}

/** The lowest value of a bucket and the first value above it, µs. */
export function boundsOf(bucket: number): readonly [low: number, beyond: number] {
  if (bucket < SUB) return [bucket, bucket + 1]
  const octave = Math.floor(bucket / SUB) + SUB_BITS - 1
  const width = 2 ** (octave - SUB_BITS)
  const low = (SUB + (bucket % SUB)) * width
  return [low, low + width]
}

export function mergeBuckets(a: Buckets, b: Buckets): Buckets {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const merged: number[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const bucketA = i < a.length ? a[i]! : Infinity
    const bucketB = j < b.length ? b[j]! : Infinity
    const bucket = Math.min(bucketA, bucketB)
    const count = (bucketA === bucket ? a[i + 1]! : 0) + (bucketB === bucket ? b[j + 1]! : 0)
    merged.push(bucket, count)
    if (bucketA === bucket) i += 2
    if (bucketB === bucket) j += 2
  }
  return merged
}

/** Merges all lists in a dense array, so that each list is read once. */
export function sumBuckets(lists: readonly Buckets[]): Buckets {
  const some = lists.filter((list) => list.length > 0)
  if (some.length <= 2) return some.length === 2 ? mergeBuckets(some[0]!, some[1]!) : (some[0] ?? [])
  let [first, last] = [Infinity, 0]
  for (const list of some) {
    first = Math.min(first, list[0]!)
    last = Math.max(last, list[list.length - 2]!)
  }
  const counts = new Array<number>(last - first + 1).fill(0)
  for (const list of some) for (let i = 0; i < list.length; i += 2) counts[list[i]! - first]! += list[i + 1]!
  const sum: number[] = []
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) sum.push(first + i, counts[i]!)
  return sum
}

/** Midpoint of the bucket that holds rank ceil(q·n), clamped to the exact [min, max]; null when nothing was sampled. */
export function percentile(buckets: ArrayLike<number>, q: number, min: Micros, max: Micros): Micros | null {
  let total = 0
  for (let i = 1; i < buckets.length; i += 2) total += buckets[i]!
  if (total === 0) return null
  const rank = Math.max(1, Math.ceil(q * total - 1e-9))
  let seen = 0
  for (let i = 0; i < buckets.length; i += 2) {
    seen += buckets[i + 1]!
    if (seen >= rank) return micros(Math.min(max, Math.max(min, midpoint(buckets[i]!))))
  }
  return max
}

/** A bucket of width 1 gives its only value. */
function midpoint(bucket: number): number {
  const [low, beyond] = boundsOf(bucket)
  return (low + beyond - 1) / 2
}
