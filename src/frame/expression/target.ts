/** Selects the rows of a target, as in `p99(10.0.1.10:8080 /checkout)`. */
import type { Aggregate } from '../model/aggregate.ts'
import type { Expression, Target } from './expression.ts'
import { allOf, selectRows } from './selection.ts'

export const narrowTo = (aggregate: Aggregate, target: Target): Aggregate =>
  selectRows(aggregate, rowsOf(target))

/** The target as tests of rows; null: all rows. */
export function rowsOf(target: Target | null): Expression | null {
  const fields = ['backend', 'method', 'route'] as const
  const tests = fields.map((field): Expression | null => {
    const value = target?.[field] ?? null
    return value === null ? null : { kind: 'text', field, negated: false, value, at: 0 }
  })
  return allOf(tests)
}
