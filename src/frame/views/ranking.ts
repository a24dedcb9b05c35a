/** The order of rows in every list: descending, nulls last, ties by requests, then by the bytes of the names. */
import { classCount, failureCount, statistic, type Measurable } from '../expression/measure.ts'
import { nameOf, type BackendSum, type RouteSum } from '../model/aggregate.ts'

export const SORTS = ['rps', 'share', 'avg', 'p50', 'p99', '5xx', 'failures', 'in_flight', 'name'] as const
export type Sort = (typeof SORTS)[number]

export const rankBackends = (backends: readonly BackendSum[], sort: Sort): BackendSum[] =>
  ranked(
    backends,
    sort,
    ({ backend: a }, { backend: b }) =>
      compareNames(nameOf(a), nameOf(b)) || compareBytes(a.address, b.address) || a.netns - b.netns,
  )

/** What has no name comes last. */
const compareNames = (a: string | null, b: string | null): number =>
  a === null || b === null ? Number(a === null) - Number(b === null) : compareBytes(a, b)

export const rankRoutes = (routes: readonly RouteSum[], sort: Sort): RouteSum[] =>
  ranked(
    routes,
    sort,
    (a, b) => compareBytes(a.route.method, b.route.method) || compareBytes(a.route.path, b.route.path),
  )

function ranked<T extends Measurable>(sums: readonly T[], sort: Sort, byName: (a: T, b: T) => number): T[] {
  if (sort === 'name') return [...sums].sort(byName)
  return sums
    .map((sum) => ({ sum, sortValue: sortValueOf(sum, sort) }))
    .sort(
      (a, b) =>
        descending(a.sortValue, b.sortValue) || b.sum.requests - a.sum.requests || byName(a.sum, b.sum),
    )
    .map(({ sum }) => sum)
}

type SortValue = number | null

function sortValueOf(line: Measurable, sort: Exclude<Sort, 'name'>): SortValue {
  switch (sort) {
    case 'rps':
    case 'share':
      return line.requests
    case 'avg':
    case 'p50':
    case 'p99':
      return statistic(line.header, sort)
    case '5xx':
      return classCount(line, 5)
    case 'failures':
      return failureCount(line)
    case 'in_flight':
      return line.inFlight
  }
}

const descending = (a: SortValue, b: SortValue): number =>
  a === b ? 0 : a === null ? 1 : b === null ? -1 : b - a

/** The order of the UTF-8 bytes. It is that of code points, and differs from that of JavaScript's UTF-16. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (unitA !== unitB) return codePointRank(unitA) - codePointRank(unitB)
  }
  return a.length - b.length
}

/** A surrogate is half of a code point above U+FFFF: it sorts after all other units. */
const codePointRank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
