/** Random values for a list of declared counters: property tests include an added counter without a change. */
import fc from 'fast-check'
import type { ByName, Counter } from '../../src/frame/model/counters.ts'

/** Counters that a recording may lack are sometimes null. */
export const counterValues = <const List extends readonly Counter[]>(
  list: List,
  value: fc.Arbitrary<number>,
): fc.Arbitrary<ByName<List>> =>
  fc
    .tuple(...list.map(({ since }) => (since === 'later' ? fc.option(value) : value)))
    .map((values) => Object.fromEntries(list.map(({ name }, i) => [name, values[i]])) as ByName<List>)
