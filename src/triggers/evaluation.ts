/** Evaluates one trigger, tick by tick, on what the tick holds: no file is read. */
import { backendNames } from '../frame/expression/condition.ts'
import type { Expression, MeasureTest } from '../frame/expression/expression.ts'
import { holds, measure, totalsLine } from '../frame/expression/measure.ts'
import { occurs, selectRows } from '../frame/expression/selection.ts'
import { addressKey, type Aggregate, type BackendSum } from '../frame/model/aggregate.ts'
import type { Backend } from '../frame/model/frame.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../frame/model/nothing.ts'
import { totalsOf } from '../frame/sum/merge.ts'
import { coverageOf } from '../frame/views/figures.ts'
import { nameOf, shownMeasure } from '../render/measures.ts'
import { Lasting } from './lasting.ts'
import type { Moment } from './tick-clock.ts'
import type { RowTest, Trigger } from './trigger.ts'

/** A backend that has had nothing for so long is none any more, µs. */
const FORGOTTEN_AFTER = 3_600_000_000

/** What the expression is about: the whole, or one backend. */
interface Subject {
  /** null: the whole */
  readonly backend: Backend | null
  readonly lasting: Lasting | null
  /** µs by the ticks */
  seen: number
  /** of the last tick that satisfied it */
  values: readonly (number | null)[]
}

export class Evaluation {
  readonly #trigger: Trigger
  readonly #whole: Subject
  readonly #backends = new Map<string, Subject>()
  /** needs that have not occurred yet */
  readonly #missing: Set<Expression>

  constructor(trigger: Trigger) {
    this.#trigger = trigger
    this.#whole = this.#subject(null)
    this.#missing = new Set(trigger.tests.flatMap(({ needs }) => needs))
  }

  /** @returns what gives the measured values as text, which only a firing needs; null: it does not hold */
  tick(tick: Aggregate, begin: Moment, end: Moment): (() => string) | null {
    for (const need of this.#missing) if (occurs(tick, need)) this.#missing.delete(need)
    if (!this.#trigger.ofAny)
      return this.#holds(this.#whole, tick, begin, end) ? () => this.#said([this.#whole]) : null
    const sums = this.#meet(tick, end)
    const known = new Map<RowTest, number | null>()
    const holding = [...this.#backends].flatMap(([key, subject]) => {
      const only = onlyOf(tick, sums.get(key) ?? [nothingOf(subject.backend!)])
      return this.#holds(subject, tick, begin, end, { only, known }) ? [subject] : []
    })
    return holding.length === 0 ? null : () => this.#said(holding)
  }

  #holds(subject: Subject, tick: Aggregate, begin: Moment, end: Moment, of?: OfBackend): boolean {
    const values = this.#trigger.tests.map((test) => this.#value(test, tick, of))
    // `holds` asks for every measure once, in their order.
    let next = 0
    const satisfied = holds(this.#trigger.lines, () => values[next++] ?? null)
    if (satisfied === true) subject.values = values
    return subject.lasting === null ? satisfied === true : subject.lasting.add(begin, end, satisfied)
  }

  #value(rowTest: RowTest, tick: Aggregate, of: OfBackend | undefined): number | null {
    if (rowTest.needs.some((need) => this.#missing.has(need))) return null
    if (of === undefined) return valueIn(tick, rowTest)
    if (rowTest.ofAny) return valueIn(of.only, rowTest)
    const known = of.known.get(rowTest)
    if (known !== undefined) return known
    const value = valueIn(tick, rowTest)
    of.known.set(rowTest, value)
    return value
  }

  /** Every backend is a subject from its first row on: where it has none in a tick, its counts are 0. */
  #meet(tick: Aggregate, { elapsed }: Moment): ReadonlyMap<string, readonly BackendSum[]> {
    const sums = new Map<string, BackendSum[]>()
    for (const sum of tick.backends) {
      const key = addressKey(sum.backend)
      const subject = this.#backends.get(key)
      if (subject === undefined) this.#backends.set(key, this.#subject(sum.backend, elapsed))
      else subject.seen = elapsed
      // It has two in the tick in which its names change.
      sums.set(key, [...(sums.get(key) ?? []), sum])
    }
    for (const [key, { seen }] of this.#backends)
      if (elapsed - seen > FORGOTTEN_AFTER) this.#backends.delete(key)
    return sums
  }

  #subject(backend: Backend | null, seen = 0): Subject {
    const { span } = this.#trigger
    return { backend, lasting: span === null ? null : new Lasting(span), seen, values: [] }
  }

  /** Of the first, and how many more. */
  #said([first, ...more]: readonly Subject[]): string {
    const name = this.#nameOf(first!.backend)
    const values = this.#trigger.tests.map(({ test, ofAny }, i) =>
      shown(ofAny ? { ...test, target: { ...test.target!, backend: name } } : test, first!.values[i] ?? null),
    )
    const also = more.slice(0, MOST_NAMED).map(({ backend }) => this.#nameOf(backend))
    return values.join(', ') + (also.length === 0 ? '' : `; also ${listed(also, more.length)}`)
  }

  #nameOf(backend: Backend | null): string | null {
    if (backend === null) return null
    const others = [...this.#backends.values()].flatMap((subject) => subject.backend ?? [])
    const same = others.filter(({ address }) => address === backend.address)
    return backendNames([backend, ...same])[0]!
  }
}

interface OfBackend {
  /** the tick, of this backend alone */
  readonly only: Aggregate
  /** values of the whole, which are the same for every backend */
  readonly known: Map<RowTest, number | null>
}

function valueIn(tick: Aggregate, { test, rows }: RowTest): number | null {
  const line = totalsLine(selectRows(tick, rows))
  const coverage = test.measure.kind === 'coverage' ? coverageOf(tick, tick.length) : null
  return measure(test.measure, test.quantity.unit, line, { length: tick.length, coverage })
}

const onlyOf = (tick: Aggregate, backends: readonly BackendSum[]): Aggregate => ({
  ...tick,
  backends,
  wires: null,
  totals: totalsOf(backends, tick.loss),
})

const nothingOf = (backend: Backend): BackendSum => ({
  ...NO_COUNTS,
  backend,
  connection: NO_CONNECTIONS,
  routes: [],
})

const shown = (test: MeasureTest, value: number | null): string =>
  `${nameOf(test)} ${value === null ? 'unknown' : shownMeasure(test, value)}`

const MOST_NAMED = 3
const listed = (names: readonly (string | null)[], all: number): string =>
  names.join(', ') + (all > names.length ? ` and ${all - names.length} more` : '')
