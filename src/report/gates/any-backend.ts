/** An expression about any one backend, `5xx(*) < 1%`, is one about each of them. */
import { backendNames, bindBackend, isOfAnyBackend } from '../../frame/expression/condition.ts'
import type { Expression } from '../../frame/expression/expression.ts'
import type { Backend } from '../../frame/model/frame.ts'

export interface Verdict {
  /** null: there is no data */
  readonly verdict: boolean | null
}

/**
 * Of all backends the first result whose verdict is `decides`; else the first with data; else the first. An expression without `(*)`
 * has one result, and so has one where there are no backends.
 */
export function decisive<T extends Verdict>(
  expression: Expression,
  backends: () => readonly Backend[],
  decides: boolean,
  resultOf: (bound: Expression) => T,
): T {
  if (!isOfAnyBackend(expression)) return resultOf(expression)
  let known: T | null = null
  let first: T | null = null
  for (const name of backendNames(backends())) {
    const result = resultOf(bindBackend(expression, name))
    if (result.verdict === decides) return result
    if (result.verdict !== null) known ??= result
    first ??= result
  }
  return known ?? first ?? resultOf(expression)
}
