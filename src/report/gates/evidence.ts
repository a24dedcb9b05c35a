/** Whether there is data for what an expression asks: without data nothing holds. */
import { namesIn, type NameTest } from '../../frame/expression/condition.ts'
import type { Expression, Measure, MeasureTest, TextTest } from '../../frame/expression/expression.ts'
import { measure, totalsLine } from '../../frame/expression/measure.ts'
import { nearestOf } from '../../frame/expression/nearest.ts'
import { allOf, matches, namesOf, selectRows } from '../../frame/expression/selection.ts'
import { rowsOf } from '../../frame/expression/target.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Backend } from '../../frame/model/frame.ts'
import { namespaceOf } from '../../frame/model/namespace.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { wallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import type { Side } from '../../frame/views/compare.ts'
import { aggregateWithin } from '../data/fleet.ts'
import type { Summary } from '../data/summary.ts'

/** A measured value, or why there is none, in words. */
export type Value =
  { readonly value: number; readonly lack: null } | { readonly value: null; readonly lack: string }

export class Evidence {
  #everything: Aggregate | null = null

  constructor(
    readonly recordings: readonly Recording[],
    readonly summary: Summary,
  ) {}

  /** @param rows the rows that the expression selects, of those that --where selects */
  measured(test: MeasureTest, rows: Expression | null): Value {
    const lack = this.lackOf(test, rows)
    if (lack !== null) return { value: null, lack }
    const { line, span } = this.side(test, rows)
    return valueOf(test, measure(test.measure, test.quantity.unit, line, span), [{ line, span }])
  }

  /** Those of the range first; of one that has rows elsewhere only, counts are 0: it may have vanished. */
  get backends(): Backend[] {
    const { selected, query } = this.summary
    const elsewhere = selectRows(this.#all, query.selection.rows).backends
    return [...selected.backends, ...elsewhere].map(({ backend }) => backend)
  }

  /** What is measured of the recording. */
  side({ target }: MeasureTest, rows: Expression | null): Side {
    const { selected, coverage } = this.summary
    const line = totalsLine(selectRows(selected, allOf([rows, rowsOf(target)])))
    return { line, span: { length: selected.length, coverage } }
  }

  /**
   * Why there is no data, in words; null: there is. What is asserted to be absent need not occur.
   * @param beside another recording: what occurs only there has counts of 0 here, and so has data
   */
  lackOf({ measure: what, target }: MeasureTest, rows: Expression | null, beside?: Evidence): string | null {
    const { whole, query } = this.summary
    if (whole.ticks === 0) return 'no tick was recorded in this range'
    const selection = allOf([query.selection.rows, rows, what.kind === 'absent' ? null : rowsOf(target)])
    if (selection === null) return null
    const sides = beside === undefined ? [this] : [this, beside]
    const occurs = (some: Expression): boolean => sides.some((side) => side.#occurs(some))
    const missing = namesIn(selection).find((name) => !occurs(name))
    if (missing !== undefined) return this.#unknown(missing)
    if (!occurs(selection)) return 'nothing in the recording is selected'
    if (!isOfConnections(what)) return null
    return sides.some((side) => side.#hasConnections(selection)) ? null : OF_BACKENDS
  }

  /** Whether rows of a backend itself are selected, not of its routes alone: only these have connects. */
  #hasConnections(rows: Expression): boolean {
    return this.#all.backends.some(({ backend }) => matches(rows, { backend, route: null, outcome: null }))
  }

  #unknown({ field, value }: NameTest): string {
    const near = nearestOf(value, new Set(this.#all.backends.flatMap(NAMES[field])))
    const meant = near === null ? '' : `; did you mean ${JSON.stringify(near)}?`
    return `no ${field} ${JSON.stringify(value)} occurs in the recording${meant}`
  }

  #occurs(rows: Expression): boolean {
    return [() => this.summary.whole, () => this.#all].some(
      (aggregate) => selectRows(aggregate(), rows).backends.length > 0,
    )
  }

  /** Of the whole recording: read only where the range does not answer. */
  get #all(): Aggregate {
    return (this.#everything ??= aggregateWithin(this.recordings, ALWAYS))
  }
}

const isOfConnections = (what: Measure): boolean =>
  what.kind === 'count' ? what.name === 'connects' : what.kind === 'latency' && what.clock === 'connect'

const OF_BACKENDS = 'connects are of backends: no route or method has them'

const NAMES: Readonly<Record<TextTest['field'], (sum: Aggregate['backends'][number]) => string[]>> = {
  backend: ({ backend }) => namesOf(backend),
  upstream: ({ backend }) => [...(backend.names ?? [])],
  namespace: ({ backend }) => [namespaceOf(backend)],
  method: ({ routes }) => routes.map(({ route }) => route.method),
  route: ({ routes }) => routes.map(({ route }) => route.path),
}

const ALWAYS: TimeSpan = {
  from: wallMicros(Number.MIN_SAFE_INTEGER),
  to: wallMicros(Number.MAX_SAFE_INTEGER),
}

/** The rows may be there, and still there is no value. @param sides what was measured */
export function valueOf(
  { measure: what, quantity: { unit } }: MeasureTest,
  value: number | null,
  sides: readonly Side[],
): Value {
  if (value !== null) return { value, lack: null }
  if (what.kind === 'latency') return { value, lack: 'no time was measured' }
  const isShare =
    (unit === 'percent' || unit === 'points') &&
    sides.every(({ line, span }) => measure(what, 'none', line, span) !== null)
  return { value, lack: isShare ? 'there is nothing to take a share of' : 'the recording does not know it' }
}
