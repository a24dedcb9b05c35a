/**
 * The sum of spans that come one after the other, equal to sumOf's (the test holds them so), added into counters that
 * change in place: a day of minutes makes no garbage.
 */
import {
  addFields,
  backendKey,
  NOTHING,
  routeKey,
  sumCounts,
  totalsOf,
  type Aggregate,
  type BackendSum,
  type ConnectionCounts,
  type RouteSum,
} from './aggregate.ts'
import type {
  Backend,
  Codes,
  ConnectionRow,
  Counts,
  Distribution,
  Failures,
  Route,
  TrafficRow,
} from './frame.ts'
import { mergeBuckets, type Buckets } from './histogram.ts'
import { Interned } from './interned.ts'
import type { Span } from './span.ts'
import { micros, type Micros } from './units.ts'

export class RunningSum {
  #span = 0
  #sum: Aggregate = NOTHING
  readonly #backends = new Interned(backendKey, () => new BackendEntry())

  /** Comes after all that were added before. */
  add(added: Span): void {
    this.#span++
    const { from, length, covered, ticks, loss, excluded, control } = this.#sum
    this.#sum = {
      ...NOTHING,
      from: ticks === 0 ? added.from : from,
      to: added.to,
      length: micros(length + added.length),
      covered: micros(covered + added.covered),
      ticks: ticks + added.ticks,
      loss: addFields(loss, added.loss),
      excluded: addFields(excluded, added.excluded),
      control: addFields(control, added.control),
    }
    for (const row of added.traffic) this.#backends.of(row.backend).addTraffic(row, this.#span)
    for (const row of added.connections) this.#backends.of(row.backend).addConnection(row)
  }

  get total(): Aggregate {
    const backends = this.#backends.values.map((entry) => entry.total(this.#span))
    return { ...this.#sum, backends, totals: totalsOf(backends) }
  }
}

class BackendEntry {
  #backend: Backend | null = null
  #connection = { connects: 0, refused: 0, connectTimeout: 0, retransmits: 0, opaque: 0 }
  readonly #connect = new DistributionEntry()
  readonly #routes = new Interned(routeKey, () => new RouteEntry())

  addTraffic(row: TrafficRow, span: number): void {
    this.#backend = row.backend
    this.#routes.of(row.route).add(row, span)
  }

  addConnection(row: ConnectionRow): void {
    this.#backend = row.backend
    const sum = this.#connection
    sum.connects += row.connects
    sum.refused += row.refused
    sum.connectTimeout += row.connectTimeout
    sum.retransmits += row.retransmits
    sum.opaque += row.opaque
    this.#connect.add(row.connect)
  }

  total(span: number): BackendSum {
    const routes = this.#routes.values.map((route) => route.total(span))
    const connection: ConnectionCounts = { ...this.#connection, connect: this.#connect.total }
    return { ...sumCounts(routes), backend: this.#backend!, connection, routes }
  }
}

class RouteEntry {
  #route: Route | null = null
  #span = 0
  #inFlight = 0
  #oldest: Micros = micros(0)
  #sum = { requests: 0, answered: 0, interim: 0, retransmits: 0, retries: 0, bodyReset: 0 }
  #failures: { -readonly [kind in keyof Failures]: number } = {
    reset: 0,
    closed: 0,
    aborted: 0,
    unanswered: 0,
  }
  #codes: Codes = []
  readonly #header = new DistributionEntry()
  readonly #total = new DistributionEntry()

  add(counts: RouteSum, span: number): void {
    this.#route = counts.route
    this.#span = span
    this.#inFlight = counts.inFlight
    this.#oldest = counts.oldest
    const [sum, failures] = [this.#sum, this.#failures]
    sum.requests += counts.requests
    sum.answered += counts.answered
    sum.interim += counts.interim
    sum.retransmits += counts.retransmits
    sum.retries += counts.retries
    sum.bodyReset += counts.bodyReset
    failures.reset += counts.failures.reset
    failures.closed += counts.failures.closed
    failures.aborted += counts.failures.aborted
    failures.unanswered += counts.failures.unanswered
    this.#codes = mergeBuckets(this.#codes, counts.codes)
    this.#header.add(counts.header)
    this.#total.add(counts.total)
  }

  /** A row that the last span lacks has nothing open any more. */
  total(span: number): RouteSum {
    const isLast = this.#span === span
    const counts: Counts = {
      ...this.#sum,
      codes: this.#codes,
      failures: this.#failures,
      inFlight: isLast ? this.#inFlight : 0,
      oldest: isLast ? this.#oldest : micros(0),
      header: this.#header.total,
      total: this.#total.total,
    }
    return { ...counts, route: this.#route! }
  }
}

/** Room beyond the buckets seen so far. */
const SLACK = 16

/** Buckets as an array over the window that was seen: 65,536 routes would not fit whole. */
class DistributionEntry {
  #count = 0
  #sum = 0
  #sampled = 0
  #min: number | null = null
  #max: number | null = null
  #first = 0
  #window: number[] = []

  add({ count, sum, sampled, min, max, buckets }: Distribution): void {
    this.#count += count
    this.#sum += sum
    this.#sampled += sampled
    if (min !== null && (this.#min === null || min < this.#min)) this.#min = min
    if (max !== null && (this.#max === null || max > this.#max)) this.#max = max
    if (buckets.length === 0) return
    this.#widen(buckets[0]!, buckets[buckets.length - 2]!)
    for (let i = 0; i < buckets.length; i += 2) this.#window[buckets[i]! - this.#first]! += buckets[i + 1]!
  }

  get total(): Distribution {
    const [min, max] = [this.#min, this.#max]
    return {
      count: this.#count,
      sum: micros(this.#sum),
      sampled: this.#sampled,
      min: min === null ? null : micros(min),
      max: max === null ? null : micros(max),
      buckets: this.#buckets,
    }
  }

  get #buckets(): Buckets {
    const buckets: number[] = []
    this.#window.forEach((count, i) => {
      if (count > 0) buckets.push(this.#first + i, count)
    })
    return buckets
  }

  #widen(low: number, high: number): void {
    const end = this.#first + this.#window.length
    if (this.#window.length > 0 && low >= this.#first && high < end) return
    const first = this.#window.length === 0 ? low : Math.min(low, this.#first)
    const from = Math.max(0, first < this.#first || this.#window.length === 0 ? first - SLACK : first)
    const window = new Array<number>(Math.max(high + 1 + SLACK, end) - from).fill(0)
    this.#window.forEach((count, i) => (window[this.#first + i - from] = count))
    this.#first = from
    this.#window = window
  }
}
