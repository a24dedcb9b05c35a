/** Applies an expression: it selects rows by backend, upstream, method, route and status, then lines of the result by their measures. */
import { addressKey, nameOf, type Aggregate, type BackendSum } from '../model/aggregate.ts'
import type { Backend, Outcome, Route, WireRow } from '../model/frame.ts'
import { namespaceOf } from '../model/namespace.ts'
import { NO_CONNECTIONS } from '../model/nothing.ts'
import { totalsOf, withUnknown } from '../sum/merge.ts'
import { sumCounts } from '../sum/sums.generated.ts'
import {
  ExpressionError,
  type Comparison,
  type Expression,
  type MeasureTest,
  type StatusTest,
  type TextField,
  type TextTest,
} from './expression.ts'

/** A row to be tested. A traffic row has no outcome; a backend's connections have neither route nor outcome. */
export interface Selectable {
  readonly backend: Backend
  readonly route: Route | null
  readonly outcome: Outcome | null
}

/** The three parts are joined by "and"; null selects all. */
export interface Selection {
  /** tests of backend, upstream, method and route only */
  readonly rows: Expression | null
  /** parts with a test of status: for single requests, and for counts of codes */
  readonly codes: Expression | null
  readonly lines: Expression | null
}

/** @throws ExpressionError if an "or" or "not" has both kinds of tests: rows are selected before measures exist */
export function splitSelection(expressions: readonly Expression[], text: string): Selection {
  const rows: Expression[] = []
  const codes: Expression[] = []
  const lines: Expression[] = []
  for (const part of expressions.flatMap(conjuncts)) {
    const kinds = new Set(testsOf(part).map((test) => test.kind))
    if (!kinds.has('measure')) (kinds.has('status') ? codes : rows).push(part)
    else if (kinds.size === 1) lines.push(part)
    else
      throw new ExpressionError(
        'measures and backend, upstream, method, route, status can only be joined by "and"',
        text,
        part.at,
      )
  }
  return { rows: allOf(rows), codes: allOf(codes), lines: allOf(lines) }
}

/** Joins several --where by "and". */
export const bothSelections = (a: Selection, b: Selection): Selection => ({
  rows: allOf([a.rows, b.rows]),
  codes: allOf([a.codes, b.codes]),
  lines: allOf([a.lines, b.lines]),
})

export const EVERYTHING: Selection = { rows: null, codes: null, lines: null }

/** Whether a single request is selected. */
export const selects = ({ rows, codes }: Selection, row: Selectable): boolean =>
  (rows === null || matches(rows, row)) && (codes === null || matches(codes, row))

/** Without a route, `route = …` is false and `route != …` true: refused connections stay when a route is excluded. */
export function matches(expression: Expression, row: Selectable): boolean {
  switch (expression.kind) {
    case 'and':
      return expression.parts.every((part) => matches(part, row))
    case 'or':
      return expression.parts.some((part) => matches(part, row))
    case 'not':
      return !matches(expression.part, row)
    case 'text':
      return matchesText(expression, row)
    case 'status':
      return matchesStatus(expression, row.outcome)
    case 'measure':
      throw new Error('a measure selects lines, not rows')
  }
}

/** The aggregate of the selected rows. Values that belong to no row (loss, excluded, control, length) stay. */
export function selectRows(aggregate: Aggregate, rows: Expression | null): Aggregate {
  if (rows === null) return aggregate
  const selected = aggregate.backends.flatMap((sum) => selectBackend(sum, rows))
  // A backend of which only routes are selected has zeros for its connects. What the recorder did not count is unknown instead.
  const backends = withUnknown(selected, aggregate.loss)
  const wires = selectWires(aggregate.wires, rows)
  return { ...aggregate, backends, wires, totals: totalsOf(backends, aggregate.loss) }
}

/** Whether anything of the aggregate is selected: `selectRows` without its sums. */
export const occurs = ({ backends }: Pick<Aggregate, 'backends'>, rows: Expression): boolean =>
  backends.some(
    ({ backend, routes }) =>
      matches(rows, { backend, route: null, outcome: null }) ||
      routes.some(({ route }) => matches(rows, { backend, route, outcome: null })),
  )

/** What packets carried is not kept by route: it is unknown of some routes of a backend. */
export function selectWires(
  wires: readonly WireRow[] | null,
  rows: Expression | null,
): readonly WireRow[] | null {
  if (rows === null || wires === null) return wires
  if (testsRoutes(rows)) return null
  return wires.filter(({ backend }) => matches(rows, { backend, route: null, outcome: null }))
}

export const testsRoutes = (rows: Expression): boolean =>
  testsOf(rows).some((test) => test.kind === 'text' && (test.field === 'method' || test.field === 'route'))

export function testsOf(expression: Expression): readonly (TextTest | StatusTest | MeasureTest)[] {
  if ('parts' in expression) return expression.parts.flatMap(testsOf)
  return 'part' in expression ? testsOf(expression.part) : [expression]
}

export function compare(a: number, comparison: Comparison, b: number): boolean {
  switch (comparison) {
    case '=':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
  }
}

const conjuncts = (expression: Expression): readonly Expression[] =>
  expression.kind === 'and' ? expression.parts.flatMap(conjuncts) : [expression]

/** Joins by "and"; null selects all. */
export function allOf(parts: readonly (Expression | null)[]): Expression | null {
  const some = parts.filter((part) => part !== null)
  return some.length < 2 ? (some[0] ?? null) : { kind: 'and', parts: some, at: some[0]!.at }
}

function selectBackend(sum: BackendSum, rows: Expression): BackendSum[] {
  const { backend } = sum
  const routes = sum.routes.filter(({ route }) => matches(rows, { backend, route, outcome: null }))
  const connected = matches(rows, { backend, route: null, outcome: null })
  if (routes.length === 0 && !connected) return []
  if (routes.length === sum.routes.length && connected) return [sum]
  return [{ ...sumCounts(routes), backend, routes, connection: connected ? sum.connection : NO_CONNECTIONS }]
}

function matchesText({ field, value, negated }: TextTest, { backend, route }: Selectable): boolean {
  const found = textsOf(field, backend, route).some((text) =>
    typeof value === 'string' ? text === value : value.test(text),
  )
  return found !== negated
}

function textsOf(field: TextField, backend: Backend, route: Route | null): readonly string[] {
  switch (field) {
    case 'backend':
      return namesOf(backend)
    case 'upstream':
      return backend.names ?? []
    case 'namespace':
      return [namespaceOf(backend)]
    case 'method':
      return route === null ? [] : [route.method]
    case 'route':
      return route === null ? [] : [route.path]
  }
}

/** A backend is named by its address, by each of its names and all of them, and by its address with the namespace. */
export const namesOf = (backend: Backend): string[] => [
  ...new Set([
    backend.address,
    ...(backend.names ?? []),
    nameOf(backend) ?? backend.address,
    addressKey(backend),
    `${backend.address}%${namespaceOf(backend)}`,
  ]),
]

function matchesStatus({ value, comparison }: StatusTest, outcome: Outcome | null): boolean {
  if ('failure' in value) return (outcome === value.failure) === (comparison === '=')
  if (typeof outcome !== 'number') return comparison === '!='
  if (value.low === value.high) return compare(outcome, comparison, value.low)
  return (outcome >= value.low && outcome <= value.high) === (comparison === '=')
}
