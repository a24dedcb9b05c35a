/**
 * A histogram of times with four bounds an octave: every fourth of our own sixteen, so that each of them is a bound of ours and no count is
 * guessed. Times are cut to whole microseconds, so a count below a bound is a count up to it.
 */
import type { Distribution } from '../frame/model/frame.ts'
import { boundsOf, bucketOf } from '../frame/model/histogram.ts'
import { micros } from '../frame/model/units.ts'

const STEP = 4
const LEAST = bucketOf(micros(2 ** 7))
const GREATEST = bucketOf(micros(2 ** 26))

/** µs, from 128 µs to 67 s: nginx gives a backend 60 s by default. What is above the last one is counted by `+Inf` alone. */
export const BOUNDS: readonly number[] = Array.from(
  { length: (GREATEST - LEAST) / STEP + 1 },
  (_, i) => boundsOf(LEAST + i * STEP)[0],
)
const SLOTS = BOUNDS.length + 1

/** The slot of one of our buckets: the first bound that is not below it. */
const slotOf = (bucket: number): number =>
  bucket < LEAST ? 0 : Math.min(SLOTS - 1, Math.floor((bucket - LEAST) / STEP) + 1)

export class Times {
  /** µs, exact, also of what was not sampled */
  sum = 0
  /** not cumulative; the last one is above all bounds */
  readonly slots = new Float64Array(SLOTS)

  add({ sum, buckets }: Distribution): void {
    this.sum += sum
    for (let i = 0; i < buckets.length; i += 2) this.addTo(slotOf(buckets[i]!), buckets[i + 1]!)
  }

  addTo(slot: number, count: number): void {
    this.slots[slot] = this.slots[slot]! + count
  }

  clear(): void {
    this.sum = 0
    this.slots.fill(0)
  }
}
