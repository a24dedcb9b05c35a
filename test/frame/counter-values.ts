/** Random values for a list of declared counters: a counter that is added is in every property test at once. */
import fc from 'fast-check'
import type { ByName, Counter } from '../../src/frame/model/counters.ts'

/** Those that a recording may not know are null now and then. */
export const counterValues = <const List extends readonly Counter[]>(
  list: List,
  value: fc.Arbitrary<number>,
): fc.Arbitrary<ByName<List>> =>
  fc
    .tuple(...list.map(({ since }) => (since === 'later' ? fc.option(value) : value)))
    .map((values) => Object.fromEntries(list.map(({ name }, i) => [name, values[i]])) as ByName<List>)
