/**
 * The sum of consecutive spans, equal to the result of sumOf (by test). The counters change in place, so that a day of minutes makes no
 * garbage.
 */
import {
  backendKey,
  leastKnown,
  NOTHING,
  routeKey,
  type Aggregate,
  type BackendSum,
} from '../model/aggregate.ts'
import type { Backend, ConnectionRow, Route, TrafficRow } from '../model/frame.ts'
import type { Span } from '../model/span.ts'
import { micros } from '../model/units.ts'
import { Interned } from './interned.ts'
import { addFields, totalsOf, withUnknown } from './merge.ts'
import { sumCounts, ConnectionSum, CountsSum } from './sums.generated.ts'
import { WireSums } from './wire-sums.ts'

export class RunningSum {
  #span = 0
  #sum: Aggregate = NOTHING
  readonly #backends = new Interned(
    backendKey,
    (backend: Backend) => new BackendEntry(backend),
    (entry, backend) => (entry.backend = leastKnown(entry.backend, backend)),
  )
  readonly #wires = new WireSums()

  /** @param added the span after the last one that was added */
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
    for (const row of added.connections) this.#backends.of(row.backend).addConnection(row, this.#span)
    this.#wires.add(added.wires)
  }

  /** Valid until the next `add`: it shares arrays with the counters. */
  get total(): Aggregate {
    const { loss } = this.#sum
    const backends = withUnknown(
      this.#backends.values.map((entry) => entry.total(this.#span)),
      loss,
    )
    return { ...this.#sum, backends, wires: this.#wires.value, totals: totalsOf(backends, loss) }
  }
}

class BackendEntry {
  readonly #connection = new ConnectionSum()
  readonly #routes = new Interned(routeKey, (route: Route) => ({ route, sum: new CountsSum() }))

  constructor(public backend: Backend) {}

  addTraffic(row: TrafficRow, span: number): void {
    this.#routes.of(row.route).sum.add(row, span)
  }

  addConnection(row: ConnectionRow, span: number): void {
    this.#connection.add(row, span)
  }

  total(span: number): BackendSum {
    const routes = this.#routes.values.map(({ route, sum }) => ({ ...sum.value(span), route }))
    return { ...sumCounts(routes), backend: this.backend, connection: this.#connection.value(span), routes }
  }
}
