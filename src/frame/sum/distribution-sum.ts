/** A sum of distributions that changes in place. */
import { NO_DISTRIBUTION } from '../model/distribution.ts'
import type { Distribution } from '../model/frame.ts'
import { SUB, type Buckets } from '../model/histogram.ts'
import { micros } from '../model/units.ts'

export class DistributionSum {
  #count = 0
  #sum = 0
  #sampled = 0
  #min = Infinity
  #max = -Infinity
  readonly #sparse: number[] = []
  /** from addition DENSE_FROM on: a row that comes every second has mostly the same buckets */
  #dense: Window | null = null
  #additions = 0

  add({ count, sum, sampled, min, max, buckets }: Distribution): void {
    if (count === 0 && sampled === 0) return
    this.#count += count
    this.#sum += sum
    this.#sampled += sampled
    if (min !== null && min < this.#min) this.#min = min
    if (max !== null && max > this.#max) this.#max = max
    if (this.#dense === null && ++this.#additions < DENSE_FROM) addSparse(this.#sparse, buckets)
    else this.#addDense(buckets)
  }

  clear(): void {
    this.#count = 0
    this.#sum = 0
    this.#sampled = 0
    this.#min = Infinity
    this.#max = -Infinity
    this.#sparse.length = 0
    this.#dense?.clear()
  }

  #addDense(buckets: Buckets): void {
    this.#dense ??= new Window(this.#sparse)
    this.#dense.add(buckets)
  }

  value(): Distribution {
    if (this.#count === 0 && this.#sampled === 0) return NO_DISTRIBUTION
    return {
      count: this.#count,
      sum: micros(this.#sum),
      sampled: this.#sampled,
      min: this.#min === Infinity ? null : micros(this.#min),
      max: this.#max === -Infinity ? null : micros(this.#max),
      buckets: this.#dense === null ? this.#sparse : this.#dense.sparse(),
    }
  }
}

const DENSE_FROM = 8

/** Dense counts of the octaves in use: the few octaves of one route fit the processor's cache, all octaves would not. */
class Window {
  #first = 0
  #counts: Float64Array = NO_COUNTS

  constructor(buckets: Buckets) {
    this.add(buckets)
  }

  add(buckets: Buckets): void {
    if (buckets.length === 0) return
    const last = buckets[buckets.length - 2]! - this.#first
    if (buckets[0]! < this.#first || last >= this.#counts.length) this.#widen(buckets)
    const counts = this.#counts
    const first = this.#first
    for (let i = 0; i < buckets.length; i += 2) {
      const at = buckets[i]! - first
      counts[at] = counts[at]! + buckets[i + 1]!
    }
  }

  clear(): void {
    this.#counts.fill(0)
  }

  sparse(): number[] {
    const sparse: number[] = []
    const counts = this.#counts
    for (let i = 0; i < counts.length; i++) if (counts[i] !== 0) sparse.push(this.#first + i, counts[i]!)
    return sparse
  }

  /** To whole octaves. */
  #widen(buckets: Buckets): void {
    const isEmpty = this.#counts.length === 0
    const from = isEmpty ? buckets[0]! : Math.min(this.#first, buckets[0]!)
    const to = Math.max(this.#first + this.#counts.length, buckets[buckets.length - 2]! + 1)
    const first = from - (from % SUB)
    const counts = new Float64Array(Math.ceil((to - first) / SUB) * SUB)
    if (!isEmpty) counts.set(this.#counts, this.#first - first)
    this.#first = first
    this.#counts = counts
  }
}

const NO_COUNTS = new Float64Array(0)

/** Adds sorted [key, count, …] pairs. Most keys are there already; only a new key moves the others. */
export function addSparse(into: number[], pairs: readonly number[]): void {
  let at = 0
  for (let i = 0; i < pairs.length; i += 2) {
    const key = pairs[i]!
    while (at < into.length && into[at]! < key) at += 2
    if (into[at] === key) into[at + 1] = into[at + 1]! + pairs[i + 1]!
    else into.splice(at, 0, key, pairs[i + 1]!)
  }
}
