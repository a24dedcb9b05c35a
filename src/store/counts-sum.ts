/** Sums that grow in place: a recorder adds thousands of rows a second, and each would otherwise be a new object. */
import { NO_CONNECTIONS, NO_DISTRIBUTION, type ConnectionCounts } from '../frame/aggregate.ts'
import type { Counts, Distribution } from '../frame/frame.ts'
import type { Buckets } from '../frame/histogram.ts'
import { micros, type Micros } from '../frame/units.ts'

export class DistributionSum {
  #count = 0
  #sum = 0
  #sampled = 0
  #min = Infinity
  #max = -Infinity
  readonly #sparse: number[] = []
  /** from the DENSE_FROM-th addition on: rows that come every second meet the same buckets again */
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

/** Counts of neighbouring buckets: the few octaves in which a route answers fit the processor's cache where all octaves would not. */
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

  /** By whole octaves. */
  #widen(buckets: Buckets): void {
    const isEmpty = this.#counts.length === 0
    const from = isEmpty ? buckets[0]! : Math.min(this.#first, buckets[0]!)
    const to = Math.max(this.#first + this.#counts.length, buckets[buckets.length - 2]! + 1)
    const first = from - (from % OCTAVE)
    const counts = new Float64Array(Math.ceil((to - first) / OCTAVE) * OCTAVE)
    if (!isEmpty) counts.set(this.#counts, this.#first - first)
    this.#first = first
    this.#counts = counts
  }
}

const NO_COUNTS = new Float64Array(0)
const OCTAVE = 16

/** Adds sorted [key, count, …] pairs. Most keys are there already: only a new one moves the others. */
export function addSparse(into: number[], pairs: readonly number[]): void {
  let at = 0
  for (let i = 0; i < pairs.length; i += 2) {
    const key = pairs[i]!
    while (at < into.length && into[at]! < key) at += 2
    if (into[at] === key) into[at + 1] = into[at + 1]! + pairs[i + 1]!
    else into.splice(at, 0, key, pairs[i + 1]!)
  }
}

export class CountsSum {
  #requests = 0
  #answered = 0
  readonly #codes: number[] = []
  #reset = 0
  #closed = 0
  #aborted = 0
  #unanswered = 0
  #interim = 0
  #retransmits = 0
  #retries = 0
  #bodyReset = 0
  #inFlight = 0
  #oldest: Micros = micros(0)
  readonly #header = new DistributionSum()
  readonly #total = new DistributionSum()
  /** what was open in this span is open still if it is the last of all; 0: nothing was added */
  #span = 0

  get isEmpty(): boolean {
    return this.#span === 0
  }

  /** What `value` gave must not be used any longer. */
  clear(): void {
    this.#requests = 0
    this.#answered = 0
    this.#codes.length = 0
    this.#reset = 0
    this.#closed = 0
    this.#aborted = 0
    this.#unanswered = 0
    this.#interim = 0
    this.#retransmits = 0
    this.#retries = 0
    this.#bodyReset = 0
    this.#inFlight = 0
    this.#oldest = micros(0)
    this.#header.clear()
    this.#total.clear()
    this.#span = 0
  }

  /** @param span numbered from 1 */
  add(counts: Counts, span: number): void {
    const { failures } = counts
    this.#requests += counts.requests
    this.#answered += counts.answered
    addSparse(this.#codes, counts.codes)
    this.#reset += failures.reset
    this.#closed += failures.closed
    this.#aborted += failures.aborted
    this.#unanswered += failures.unanswered
    this.#interim += counts.interim
    this.#retransmits += counts.retransmits
    this.#retries += counts.retries
    this.#bodyReset += counts.bodyReset
    this.#inFlight = counts.inFlight
    this.#oldest = counts.oldest
    this.#header.add(counts.header)
    this.#total.add(counts.total)
    this.#span = span
  }

  /** @param last the last span of the sum */
  value(last: number): Counts {
    const isOpen = this.#span === last
    return {
      requests: this.#requests,
      answered: this.#answered,
      codes: this.#codes,
      failures: {
        reset: this.#reset,
        closed: this.#closed,
        aborted: this.#aborted,
        unanswered: this.#unanswered,
      },
      interim: this.#interim,
      retransmits: this.#retransmits,
      retries: this.#retries,
      bodyReset: this.#bodyReset,
      inFlight: isOpen ? this.#inFlight : 0,
      oldest: isOpen ? this.#oldest : micros(0),
      header: this.#header.value(),
      total: this.#total.value(),
    }
  }
}

export class ConnectionSum {
  #connects = 0
  #refused = 0
  #connectTimeout = 0
  #retransmits = 0
  #opaque = 0
  readonly #connect = new DistributionSum()
  #isEmpty = true

  add(counts: ConnectionCounts): void {
    this.#isEmpty = false
    this.#connects += counts.connects
    this.#refused += counts.refused
    this.#connectTimeout += counts.connectTimeout
    this.#retransmits += counts.retransmits
    this.#opaque += counts.opaque
    this.#connect.add(counts.connect)
  }

  value(): ConnectionCounts {
    if (this.#isEmpty) return NO_CONNECTIONS
    return {
      connects: this.#connects,
      refused: this.#refused,
      connectTimeout: this.#connectTimeout,
      retransmits: this.#retransmits,
      opaque: this.#opaque,
      connect: this.#connect.value(),
    }
  }
}
