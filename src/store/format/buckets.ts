/**
 * A histogram as a BLOB. Per bucket: twice the number of empty buckets before it, plus 1 if a count follows; else the count is 1.
 * Five samples take about six bytes.
 */
import { BUCKETS, type Buckets } from '../../frame/model/histogram.ts'
import { BATCH } from '../sqlite/bulk.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { ByteReader, writeUnsigned } from './bytes.ts'
import { CONNECTION_COLUMNS, COUNT_COLUMNS } from './columns.generated.ts'

/** A bucket takes ten bytes at most: two for the distance, eight for the count. */
const scratch = new Uint8Array(10 * BUCKETS)

/** null for an empty histogram. The buffer comes from a pool: it is valid until POOL_SIZE more histograms are packed. */
export function packBuckets(buckets: Buckets): Buffer | null {
  if (buckets.length === 0) return null
  let before = -1
  let at = 0
  for (let i = 0; i < buckets.length; i += 2) {
    const bucket = buckets[i]!
    const count = buckets[i + 1]!
    const distance = 2 * (bucket - before - 1)
    at = writeUnsigned(scratch, at, count === 1 ? distance : distance + 1)
    if (count !== 1) at = writeUnsigned(scratch, at, count)
    before = bucket
  }
  const packed = pooled(at)
  for (let i = 0; i < at; i++) packed[i] = scratch[i]!
  return packed
}

const histogramsIn = (columns: readonly string[]): number =>
  columns.filter((column) => column.endsWith('_buckets')).length

/**
 * A recorder packs thousands of histograms per second: new buffers would be most of its garbage. The pool has as many buffers as one
 * statement binds; SQLite copies them when the statement runs.
 */
const POOL_SIZE = BATCH * Math.max(histogramsIn(COUNT_COLUMNS), histogramsIn(CONNECTION_COLUMNS))
const LONGEST_POOLED = 64
const pool: Buffer[][] = Array.from({ length: LONGEST_POOLED + 1 }, () => [])
let next = 0

function pooled(length: number): Buffer {
  if (length > LONGEST_POOLED) return Buffer.allocUnsafe(length)
  next = (next + 1) % POOL_SIZE
  return (pool[length]![next] ??= Buffer.allocUnsafe(length))
}

export function unpackBuckets(packed: Uint8Array | null): Buckets {
  if (packed === null) return NONE
  const reader = new ByteReader(packed)
  const buckets: number[] = []
  let bucket = -1
  while (!reader.done) {
    const head = reader.unsigned()
    bucket += Math.floor(head / 2) + 1
    if (bucket >= BUCKETS) throw new CorruptRow('a histogram has no such bucket')
    buckets.push(bucket, head % 2 === 0 ? 1 : reader.unsigned())
  }
  return buckets
}

/** Appends what `unpackBuckets` returns to two lists. @returns the number of buckets */
export function appendBuckets(packed: ArrayLike<number> | null, buckets: number[], counts: number[]): number {
  if (packed === null) return 0
  const reader = new ByteReader(packed)
  const before = buckets.length
  let bucket = -1
  while (!reader.done) {
    const head = reader.unsigned()
    bucket += Math.floor(head / 2) + 1
    if (bucket >= BUCKETS) throw new CorruptRow('a histogram has no such bucket')
    buckets.push(bucket)
    counts.push(head % 2 === 0 ? 1 : reader.unsigned())
  }
  return buckets.length - before
}

const NONE: Buckets = []
