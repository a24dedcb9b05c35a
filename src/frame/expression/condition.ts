/** Expressions that hold or do not: those of assert, --fail-on and --on. */
import { namespaceOf } from '../model/namespace.ts'
import type { Backend } from '../model/frame.ts'
import { ANY_BACKEND, ExpressionError, type Expression, type TextTest } from './expression.ts'
import { splitSelection, testsOf } from './selection.ts'

/** @throws ExpressionError if nothing is measured, or it needs single requests or two sides */
export function checkCondition(text: string, expression: Expression): void {
  const { codes } = splitSelection([expression], text)
  const tests = testsOf(expression)
  const status = tests.find((test) => test.kind === 'status')
  if (codes !== null)
    throw new ExpressionError('status counts nothing here: write 5xx, 4xx, …', text, status?.at ?? 0)
  const measures = tests.filter((test) => test.kind === 'measure')
  if (measures.length === 0)
    throw new ExpressionError('nothing is measured: add a measure such as p99 < 300ms', text, 0)
  const change = measures.find((test) => test.quantity.change)
  if (change !== undefined)
    throw new ExpressionError('a change needs two sides: use diff --fail-on', text, change.at)
}

/** It has a measure of any one backend: `5xx(*)`. */
export const isOfAnyBackend = (expression: Expression): boolean =>
  testsOf(expression).some((test) => test.kind === 'measure' && test.target?.backend === ANY_BACKEND)

/** The expression for that backend. */
export function bindBackend(expression: Expression, backend: string): Expression {
  if ('parts' in expression)
    return { ...expression, parts: expression.parts.map((part) => bindBackend(part, backend)) }
  if (expression.kind === 'not') return { ...expression, part: bindBackend(expression.part, backend) }
  if (expression.kind !== 'measure' || expression.target?.backend !== ANY_BACKEND) return expression
  return { ...expression, target: { ...expression.target, backend } }
}

/** What each backend is called in such an expression: its address, with the namespace where several have that address. */
export function backendNames(backends: readonly Backend[]): string[] {
  const spaces = new Map<string, Set<number>>()
  for (const { address, netns } of backends)
    spaces.set(address, (spaces.get(address) ?? new Set()).add(netns))
  const nameOf = (backend: Backend): string =>
    spaces.get(backend.address)!.size === 1 ? backend.address : `${backend.address}%${namespaceOf(backend)}`
  return [...new Set(backends.map(nameOf))]
}

export type NameTest = TextTest & { readonly value: string }

/** What the rows must be by name. What they must not be need not occur, and a pattern is no name. */
export function namesIn(rows: Expression, negated = false): NameTest[] {
  if ('parts' in rows) return rows.parts.flatMap((part) => namesIn(part, negated))
  if (rows.kind === 'not') return namesIn(rows.part, !negated)
  return rows.kind === 'text' && isName(rows) && rows.negated === negated ? [{ ...rows, negated: false }] : []
}

const isName = (test: TextTest): test is NameTest => typeof test.value === 'string'
