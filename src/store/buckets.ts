/**
 * A histogram as a BLOB: per bucket the distance to the bucket before it, doubled, plus one if a count follows (it is 1 if
 * none does). Five samples take about six bytes.
 */
import type { Buckets } from '../frame/histogram.ts'
import { ByteReader, ByteWriter } from './bytes.ts'

const bytes = new ByteWriter()

/** null for an empty one: it costs no byte. */
export function packBuckets(buckets: Buckets): Buffer | null {
  if (buckets.length === 0) return null
  let before = -1
  for (let i = 0; i < buckets.length; i += 2) {
    const bucket = buckets[i]!
    const count = buckets[i + 1]!
    const distance = 2 * (bucket - before - 1)
    bytes.unsigned(count === 1 ? distance : distance + 1)
    if (count !== 1) bytes.unsigned(count)
    before = bucket
  }
  return bytes.take()
}

export function unpackBuckets(packed: Uint8Array | null): Buckets {
  if (packed === null) return NONE
  const reader = new ByteReader(packed)
  const buckets: number[] = []
  let bucket = -1
  while (!reader.done) {
    const head = reader.unsigned()
    bucket += Math.floor(head / 2) + 1
    buckets.push(bucket, head % 2 === 0 ? 1 : reader.unsigned())
  }
  return buckets
}

const NONE: Buckets = []
