/** The order of lines: descending by a measure, nulls last, ties by backend bytes, method, route bytes. */
import type { Measure } from '../../frame/expression/expression.ts'
import { measure, type Measurable } from '../../frame/expression/measure.ts'
import { micros } from '../../frame/model/units.ts'
import { compareBytes } from '../../frame/views/ranking.ts'

export type Order = { readonly by: 'name' } | { readonly by: 'measure'; readonly measure: Measure }

export const BY_REQUESTS: Order = { by: 'measure', measure: { kind: 'count', name: 'requests' } }

/** @param nameOf the texts that order lines of equal value, the most important first */
export function ordered<T extends Measurable>(
  lines: readonly T[],
  order: Order,
  nameOf: (line: T) => readonly string[],
): T[] {
  const named = (line: T): { line: T; value: number | null; name: readonly string[] } => ({
    line,
    value: order.by === 'name' ? null : valueOf(order.measure, line),
    name: nameOf(line),
  })
  return lines
    .map(named)
    .sort((a, b) => descending(a.value, b.value) || compareNames(a.name, b.name))
    .map(({ line }) => line)
}

/** All lines of a list have the same span, so the order by rate is the order by count. */
const valueOf = (what: Measure, line: Measurable): number | null =>
  measure(what, 'none', line, { length: micros(1_000_000), coverage: null })

const descending = (a: number | null, b: number | null): number =>
  a === b ? 0 : a === null ? 1 : b === null ? -1 : b - a

export function compareNames(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = compareBytes(a[i]!, b[i]!)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
