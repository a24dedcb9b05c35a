/**
 * The same sum as frame/aggregate's, row by row into one table instead of list by list: a day of rollups in one pass.
 * The test holds both equal.
 */
import {
  addFields,
  mergeConnections,
  NO_CONNECTIONS,
  NO_CONTROL,
  NO_EXCLUDED,
  NO_LOSS,
  sumCounts,
  type Aggregate,
  type BackendSum,
  type ConnectionCounts,
  type RouteSum,
} from '../frame/aggregate.ts'
import type { Backend, Counts, Route, SecondFrame } from '../frame/frame.ts'
import { headOfFrame, spanOfFrame, type Span, type SpanHead } from '../frame/span.ts'
import { micros, wallMicros } from '../frame/units.ts'
import { ConnectionSum, CountsSum } from './counts-sum.ts'
import type { HostCounts } from './rows.ts'

const NO_HOST: HostCounts = { loss: NO_LOSS, excluded: NO_EXCLUDED, control: NO_CONTROL }

interface BackendEntry {
  readonly connection: ConnectionSum
  readonly routes: Map<Route, CountsSum>
}

export class Accumulator {
  readonly #backends = new Map<Backend, BackendEntry>()
  #span = 0
  #total: SpanHead = {
    from: wallMicros(0),
    to: wallMicros(0),
    length: micros(0),
    covered: micros(0),
    ticks: 0,
    ...NO_HOST,
  }

  get ticks(): number {
    return this.#total.ticks
  }

  addFrame = (frame: SecondFrame): void => this.addSpan(spanOfFrame(frame))

  addSpan(span: Span): void {
    this.beginSpan(span)
    for (const row of span.traffic) this.addTraffic(row.backend, row.route, row)
    for (const row of span.connections) this.addConnection(row.backend, row)
  }

  /** Its rows follow. */
  beginFrame = (frame: SecondFrame): void => this.beginSpan(headOfFrame(frame))

  beginSpan(span: SpanHead): void {
    this.#span++
    const total = this.#total
    this.#total = {
      from: total.ticks === 0 ? span.from : total.from,
      to: span.to,
      length: micros(total.length + span.length),
      covered: micros(total.covered + span.covered),
      ticks: total.ticks + span.ticks,
      loss: addFields(total.loss, span.loss),
      excluded: addFields(total.excluded, span.excluded),
      control: addFields(total.control, span.control),
    }
  }

  addTraffic(backend: Backend, route: Route, counts: Counts): void {
    const { routes } = this.#entry(backend)
    let sum = routes.get(route)
    if (sum === undefined) routes.set(route, (sum = new CountsSum()))
    sum.add(counts, this.#span)
  }

  addConnection(backend: Backend, counts: ConnectionCounts): void {
    this.#entry(backend).connection.add(counts)
  }

  /** Objects of the same backend or route must be the same object. Add nothing afterwards: the result shares its lists. */
  result(): Aggregate {
    const backends = [...this.#backends].map(([backend, entry]) => this.#backendSum(backend, entry))
    const { from, to, length, covered, ticks, loss, excluded, control } = this.#total
    const connection = backends.reduce((sum, part) => mergeConnections(sum, part.connection), NO_CONNECTIONS)
    const totals = { ...sumCounts(backends), connection }
    return { from, to, length, covered, ticks, totals, backends, loss, excluded, control }
  }

  #entry(backend: Backend): BackendEntry {
    let entry = this.#backends.get(backend)
    if (entry === undefined)
      this.#backends.set(backend, (entry = { connection: new ConnectionSum(), routes: new Map() }))
    return entry
  }

  #backendSum(backend: Backend, { connection, routes }: BackendEntry): BackendSum {
    const sums = [...routes].map(([route, sum]): RouteSum => ({ ...sum.value(this.#span), route }))
    return { ...sumCounts(sums), backend, connection: connection.value(), routes: sums }
  }
}
