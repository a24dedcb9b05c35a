/** Numbers written one after the other, and read in the same order. */
import type { Distribution } from '../../frame/model/frame.ts'
import { micros, type Micros } from '../../frame/model/units.ts'

const UNKNOWN = -1

export class Packing {
  /** the buffer is used again for the next tick */
  #numbers = new Float64Array(4096)
  #length = 0

  clear(): void {
    this.#length = 0
  }

  /** What was written since `clear`; valid until the next `clear`. */
  get numbers(): Float64Array {
    return this.#numbers.subarray(0, this.#length)
  }

  put(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Float64Array(2 * this.#length)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[this.#length++] = value
  }

  known(value: number | null): void {
    this.put(value ?? UNKNOWN)
  }

  list(values: readonly number[]): void {
    this.put(values.length)
    for (const value of values) this.put(value)
  }

  knownList(values: readonly number[] | null): void {
    if (values === null) this.put(UNKNOWN)
    else this.list(values)
  }

  distribution({ count, sum, sampled, min, max, buckets }: Distribution): void {
    this.put(count)
    this.put(sum)
    this.put(sampled)
    this.known(min)
    this.known(max)
    this.list(buckets)
  }
}

export class Unpacking {
  #at = 0

  constructor(readonly numbers: Int32Array | Float64Array) {}

  next(): number {
    return this.numbers[this.#at++]!
  }

  known(): number | null {
    const value = this.next()
    return value === UNKNOWN ? null : value
  }

  duration(): Micros {
    return micros(this.next())
  }

  list(): number[] {
    return this.#some(this.next())
  }

  knownList(): number[] | null {
    const length = this.next()
    return length === UNKNOWN ? null : this.#some(length)
  }

  #some(length: number): number[] {
    let left = length
    const values: number[] = []
    for (; left > 0; left--) values.push(this.next())
    return values
  }

  distribution(): Distribution {
    return {
      count: this.next(),
      sum: this.duration(),
      sampled: this.next(),
      min: this.known() as Micros | null,
      max: this.known() as Micros | null,
      buckets: this.list(),
    }
  }
}
