/** Compares two summaries: totals, every backend, every route, and the gates of `--fail-on`. */
import { isOfAnyBackend } from '../../frame/expression/condition.ts'
import { ExpressionError, type Expression, type MeasureTest } from '../../frame/expression/expression.ts'
import { holds, totalsLine, type Measurable } from '../../frame/expression/measure.ts'
import { splitSelection, testsOf } from '../../frame/expression/selection.ts'
import {
  addressKey,
  backendKey,
  routeKey,
  type BackendSum,
  type RouteSum,
} from '../../frame/model/aggregate.ts'
import type { Backend, Route } from '../../frame/model/frame.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../frame/model/nothing.ts'
import { changesBetween, gateValue, type Changes, type Side } from '../../frame/views/compare.ts'
import { nameOf, shownMeasure } from '../../render/measures.ts'
import { ordered } from '../data/order.ts'
import { backendName, type Summary } from '../data/summary.ts'
import { mixedNote } from '../document/addresses.ts'
import type { Assertion } from './assertions.ts'
import { decisive, type Verdict } from './any-backend.ts'
import { valueOf, type Evidence, type Value } from './evidence.ts'

export interface Difference {
  readonly base: Summary
  readonly target: Summary
  readonly totals: Changes
  readonly backends: readonly BackendDifference[]
  readonly gates: readonly GateResult[]
  /** what must be known to compare the two, in words */
  readonly notes: readonly string[]
}

export interface BackendDifference {
  readonly backend: Backend
  readonly presence: Presence
  readonly changes: Changes
  readonly routes: readonly RouteDifference[]
}

export interface RouteDifference {
  readonly route: Route
  readonly presence: Presence
  readonly changes: Changes
}

/** on which sides it had requests */
export type Presence = 'both' | 'new' | 'gone'

export interface GateResult {
  readonly expression: string
  /** the expression is true, or it cannot be measured */
  readonly failed: boolean
  /** `p99 = +31.0%` */
  readonly measured: string
}

export function differenceOf(before: Evidence, after: Evidence, gates: readonly Assertion[]): Difference {
  const [base, target] = [before.summary, after.summary]
  return {
    base,
    target,
    totals: changesBetween(
      sideOf(base, totalsLine(base.selected)),
      sideOf(target, totalsLine(target.selected)),
    ),
    backends: backendsOf(base, target),
    gates: gates.map((gate) => {
      const isOfAny = isOfAnyBackend(gate.expression)
      return decisive(
        gate.expression,
        () => [...after.backends, ...vanished(before, after)],
        true,
        (expression) => gateResult({ ...gate, expression }, before, after, isOfAny),
      )
    }),
    notes: mixedNote([...base.recordings, ...target.recordings]),
  }
}

/** Backends of the base whose address does not occur in the target: their counts there are 0. */
function vanished(before: Evidence, after: Evidence): Backend[] {
  const there = new Set(after.backends.map(({ address }) => address))
  return before.summary.selected.backends
    .map(({ backend }) => backend)
    .filter(({ address }) => !there.has(address))
}

const sideOf = (summary: Summary, line: Measurable): Side => ({
  line,
  span: { length: summary.selected.length, coverage: summary.coverage },
})

/** Sorted by the values of the target. A backend that is gone is listed with its values of the base. */
function backendsOf(base: Summary, target: Summary): BackendDifference[] {
  const { order, top } = target.query
  const pairs = backendPairs(base.selected.backends, target.selected.backends)
  const named = pairs.map(([a, b]) => ({ ...(b ?? emptied(a!)), a: a ?? emptied(b!), b: b ?? emptied(a!) }))
  return ordered(named, order, backendName)
    .slice(0, top ?? undefined)
    .map(({ a, b, backend }) => ({
      backend,
      presence: presenceOf(a, b),
      changes: changesBetween(sideOf(base, a), sideOf(target, b)),
      routes: routesOf(a.routes, b.routes, base, target).slice(0, top ?? undefined),
    }))
}

/** A backend that is called something else on the other side is still the same, unless its address has several names on one side. */
function backendPairs(
  a: readonly BackendSum[],
  b: readonly BackendSum[],
): (readonly [BackendSum | null, BackendSum | null])[] {
  const several = new Set([...repeated(a.map(addressOf)), ...repeated(b.map(addressOf))])
  return paired(a, b, (sum) => (several.has(addressOf(sum)) ? backendKey(sum.backend) : addressOf(sum)))
}

const addressOf = ({ backend }: BackendSum): string => addressKey(backend)
const repeated = (texts: readonly string[]): string[] => texts.filter((text, i) => texts.indexOf(text) !== i)

function routesOf(
  a: readonly RouteSum[],
  b: readonly RouteSum[],
  base: Summary,
  target: Summary,
): RouteDifference[] {
  const pairs = paired(a, b, (sum) => routeKey(sum.route)).map(([before, after]) => {
    const route = (after ?? before)!.route
    return {
      ...(after ?? { ...NO_COUNTS, route }),
      a: before ?? { ...NO_COUNTS, route },
      b: after ?? { ...NO_COUNTS, route },
    }
  })
  return ordered(pairs, target.query.order, ({ route }) => [route.method, route.path]).map(
    ({ route, a: before, b: after }) => ({
      route,
      presence: presenceOf(before, after),
      changes: changesBetween(sideOf(base, before), sideOf(target, after)),
    }),
  )
}

function paired<T>(
  a: readonly T[],
  b: readonly T[],
  keyOf: (value: T) => string,
): (readonly [T | null, T | null])[] {
  const later = new Map(b.map((value) => [keyOf(value), value]))
  const both = a.map((value) => {
    const match = later.get(keyOf(value)) ?? null
    later.delete(keyOf(value))
    return [value, match] as const
  })
  return [...both, ...[...later.values()].map((value) => [null, value] as const)]
}

const emptied = ({ backend }: BackendSum): BackendSum => ({
  ...NO_COUNTS,
  backend,
  connection: NO_CONNECTIONS,
  routes: [],
})

const presenceOf = (a: Measurable, b: Measurable): Presence =>
  a.requests > 0 && b.requests === 0 ? 'gone' : a.requests === 0 && b.requests > 0 ? 'new' : 'both'

/** @throws ExpressionError if the expression cannot be a gate */
export function checkGate({ text, expression }: Assertion): void {
  const { codes } = splitSelection([expression], text)
  if (codes !== null) throw new ExpressionError('status counts nothing here: write 5xx, 4xx, …', text, 0)
  if (!testsOf(expression).some((test) => test.kind === 'measure')) {
    throw new ExpressionError('nothing is measured: add a measure such as p99 > +20%', text, 0)
  }
}

function gateResult(
  { text, expression }: Assertion,
  before: Evidence,
  after: Evidence,
  isOfAny: boolean,
): GateResult & Verdict {
  const { rows, lines } = splitSelection([expression], text)
  const of = (test: MeasureTest): Value => gateOf(test, rows, before, after, isOfAny)
  const measured = testsOf(expression).filter((test) => test.kind === 'measure')
  const verdict = lines === null ? null : holds(lines, (test) => of(test).value)
  return {
    verdict,
    expression: text,
    failed: verdict !== false,
    measured: measured.map((test) => `${nameOf(test)} = ${shownChange(test, of(test))}`).join(', '),
  }
}

/**
 * A change needs data on both sides, a value of the target only there.
 * @param isOfAny the backend was put in for `*`: one that only the base has counts 0 in the target, as it has vanished
 */
function gateOf(
  test: MeasureTest,
  rows: Expression | null,
  before: Evidence,
  after: Evidence,
  isOfAny: boolean,
): Value {
  const inBase = before.lackOf(test, rows)
  const inTarget = after.lackOf(test, rows, isOfAny ? before : undefined)
  if (inTarget != null) return { value: null, lack: `in the target ${inTarget}` }
  if (inBase != null && test.quantity.change) return { value: null, lack: `in the base ${inBase}` }
  const sides = [before.side(test, rows), after.side(test, rows)] as const
  return valueOf(test, gateValue(test, ...sides), test.quantity.change ? sides : [sides[1]])
}

function shownChange(test: MeasureTest, { value, lack }: Value): string {
  if (lack !== null) return `nothing to compare: ${lack}`
  const { unit, change } = test.quantity
  const sign = change && value >= 0 ? '+' : ''
  if (value === Infinity) return '+∞'
  return change && unit === 'percent'
    ? `${sign}${(value * 100).toFixed(1)}%`
    : sign + shownMeasure(test, value)
}
