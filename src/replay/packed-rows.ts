/** The rows of a tick as numbers alone: a quarter of the memory, and nothing for the garbage collector to follow. */
import { NO_FAILURES } from '../frame/aggregate.ts'
import type { Backend, Distribution, Failures, Route, TrafficRow } from '../frame/frame.ts'
import { micros, type Micros } from '../frame/units.ts'

export interface PackedRows {
  readonly backends: readonly Backend[]
  /** of the same row at the same place */
  readonly routes: readonly Route[]
  readonly numbers: Int32Array | Float64Array
}

export class RowPacker {
  /** what is being packed; its room is used again for the next tick */
  #numbers = new Float64Array(4096)
  #length = 0

  pack(rows: readonly TrafficRow[]): PackedRows {
    this.#length = 0
    for (const row of rows) this.#row(row)
    const numbers = this.#numbers.subarray(0, this.#length)
    return {
      backends: rows.map(({ backend }) => backend),
      routes: rows.map(({ route }) => route),
      numbers: areShort(numbers) ? new Int32Array(numbers) : numbers.slice(),
    }
  }

  #row(row: TrafficRow): void {
    this.#put(row.requests)
    this.#put(row.answered)
    this.#list(row.codes)
    this.#failures(row.failures)
    this.#put(row.interim)
    this.#put(row.retransmits)
    this.#put(row.retries)
    this.#put(row.bodyReset)
    this.#put(row.inFlight)
    this.#put(row.oldest)
    this.#distribution(row.header)
    this.#distribution(row.total)
  }

  #failures({ reset, closed, aborted, unanswered }: Failures): void {
    this.#put(reset)
    this.#put(closed)
    this.#put(aborted)
    this.#put(unanswered)
  }

  #distribution({ count, sum, sampled, min, max, buckets }: Distribution): void {
    this.#put(count)
    this.#put(sum)
    this.#put(sampled)
    this.#put(min ?? UNKNOWN)
    this.#put(max ?? UNKNOWN)
    this.#list(buckets)
  }

  #list(values: readonly number[]): void {
    this.#put(values.length)
    for (const value of values) this.#put(value)
  }

  #put(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Float64Array(2 * this.#length)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[this.#length++] = value
  }
}

/** In the order of RowPacker's: what stands in an object literal is read from top to bottom. Looking back reads dozens of ticks. */
export function unpackRows({ backends, routes, numbers }: PackedRows): TrafficRow[] {
  let at = 0
  const next = (): number => numbers[at++]!
  const duration = (): Micros => micros(next())
  const bound = (): Micros | null => (numbers[at] === UNKNOWN ? (at++, null) : duration())
  const list = (): number[] => {
    let left = next()
    const values: number[] = []
    for (; left > 0; left--) values.push(next())
    return values
  }
  const failures = (): Failures => {
    const some = { reset: next(), closed: next(), aborted: next(), unanswered: next() }
    return some.reset + some.closed + some.aborted + some.unanswered === 0 ? NO_FAILURES : some
  }
  const distribution = (): Distribution => ({
    count: next(),
    sum: duration(),
    sampled: next(),
    min: bound(),
    max: bound(),
    buckets: list(),
  })
  return backends.map((backend, i) => ({
    backend,
    route: routes[i]!,
    requests: next(),
    answered: next(),
    codes: list(),
    failures: failures(),
    interim: next(),
    retransmits: next(),
    retries: next(),
    bodyReset: next(),
    inFlight: next(),
    oldest: duration(),
    header: distribution(),
    total: distribution(),
  }))
}

const UNKNOWN = -1

/** Nearly every tick's: half the memory. */
function areShort(numbers: Float64Array): boolean {
  for (const number of numbers) if (number !== (number | 0)) return false
  return true
}
