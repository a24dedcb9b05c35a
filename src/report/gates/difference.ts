/** Compares two summaries: totals, every backend, every route, and the gates of `--fail-on`. */
import { ExpressionError, type MeasureTest } from '../../frame/expression/expression.ts'
import { holds, totalsLine, type Measurable } from '../../frame/expression/measure.ts'
import { selectRows, splitSelection, testsOf } from '../../frame/expression/selection.ts'
import { narrowTo } from '../../frame/expression/target.ts'
import {
  backendKey,
  routeKey,
  type Aggregate,
  type BackendSum,
  type RouteSum,
} from '../../frame/model/aggregate.ts'
import type { Backend, Route } from '../../frame/model/frame.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../frame/model/nothing.ts'
import { changesBetween, gateValue, type Changes, type Side } from '../../frame/views/compare.ts'
import { ordered } from '../data/order.ts'
import { backendName, type Summary } from '../data/summary.ts'
import { mixedNote } from '../document/addresses.ts'
import type { Assertion } from './assertions.ts'
import { nameOf, shownValue } from './assertions.ts'

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

export function differenceOf(base: Summary, target: Summary, gates: readonly Assertion[]): Difference {
  return {
    base,
    target,
    totals: changesBetween(
      sideOf(base, totalsLine(base.selected)),
      sideOf(target, totalsLine(target.selected)),
    ),
    backends: backendsOf(base, target),
    gates: gates.map((gate) => gateResult(gate, base, target)),
    notes: mixedNote([...base.recordings, ...target.recordings]),
  }
}

const sideOf = (summary: Summary, line: Measurable): Side => ({
  line,
  span: { length: summary.selected.length, coverage: summary.coverage },
})

/** Sorted by the values of the target. A backend that is gone is listed with its values of the base. */
function backendsOf(base: Summary, target: Summary): BackendDifference[] {
  const { order, top } = target.query
  const pairs = paired(base.selected.backends, target.selected.backends, (sum) => backendKey(sum.backend))
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

function gateResult({ text, expression }: Assertion, base: Summary, target: Summary): GateResult {
  const { rows, lines } = splitSelection([expression], text)
  const value = (test: MeasureTest): number | null => {
    const side = (summary: Summary): Side =>
      sideOf(summary, totalsLine(narrowed(selectRows(summary.selected, rows), test)))
    return gateValue(test, side(base), side(target))
  }
  const measured = testsOf(expression).filter((test) => test.kind === 'measure')
  return {
    expression: text,
    failed: lines === null || holds(lines, value) !== false,
    measured: measured.map((test) => `${nameOf(test)} = ${shownChange(test, value(test))}`).join(', '),
  }
}

const narrowed = (aggregate: Aggregate, { target }: MeasureTest): Aggregate =>
  target === null ? aggregate : narrowTo(aggregate, target)

function shownChange({ quantity: { unit, change } }: MeasureTest, value: number | null): string {
  if (value === null) return 'nothing to compare'
  const sign = change && value >= 0 ? '+' : ''
  if (value === Infinity) return '+∞'
  return change && unit === 'percent' ? `${sign}${(value * 100).toFixed(1)}%` : sign + shownValue(value, unit)
}
