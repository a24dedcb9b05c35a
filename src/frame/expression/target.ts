/** Selects the rows of a target, as in `p99(10.0.1.10:8080 /checkout)`. */
import type { Aggregate } from '../model/aggregate.ts'
import type { Expression, Target, TextField } from './expression.ts'
import { selectRows } from './selection.ts'

export function narrowTo(aggregate: Aggregate, target: Target): Aggregate {
  const fields: readonly TextField[] = ['backend', 'method', 'route']
  const parts = fields.flatMap((field): Expression[] => {
    const value = target[field]
    return value === null ? [] : [{ kind: 'text', field, negated: false, value, at: 0 }]
  })
  return selectRows(aggregate, { kind: 'and', parts, at: 0 })
}
