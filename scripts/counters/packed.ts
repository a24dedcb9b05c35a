/** A row in the memory of `live` as numbers, written and read in the same order. */
import { ROUTE } from '../../src/frame/model/counters.ts'
import { each, fieldsOf, HEAD } from './fields.ts'

const route = fieldsOf(ROUTE)
const failures = route.filter(({ isFailure }) => isFailure)
const plain = route.filter(({ isFailure }) => !isFailure)

export const packed = (): string => `/** ${HEAD} */
import type { Counts } from 'src/frame/model/frame.ts'
import { NO_FAILURES, type Failures } from 'src/frame/model/counters.generated.ts'
import { failedRequests } from 'src/frame/sum/sums.generated.ts'
import type { Packing, Unpacking } from 'src/replay/data/packing.ts'

export function packCounts(to: Packing, row: Counts): void {
  ${each(plain, ({ name, isLater }) => (isLater ? `to.known(row.${name})` : `to.put(row.${name})`))}
  ${each(failures, ({ name }) => `to.put(row.failures.${name})`)}
  to.list(row.codes)
  to.knownList(row.grpc)
  to.put(row.inFlight)
  to.put(row.oldest)
  to.distribution(row.header)
  to.distribution(row.total)
}

/** The properties of an object literal are evaluated from top to bottom. */
export const unpackCounts = (from: Unpacking): Counts => ({
  ${each(plain, ({ name, isLater }) => `${name}: from.${isLater ? 'known' : 'next'}(),`)}
  failures: failuresOf(from),
  codes: from.list(),
  grpc: from.knownList(),
  inFlight: from.next(),
  oldest: from.duration(),
  header: from.distribution(),
  total: from.distribution(),
})

function failuresOf(from: Unpacking): Failures {
  const some = { ${each(failures, ({ name }) => `${name}: from.next()`, ', ')} }
  return failedRequests(some) === 0 ? NO_FAILURES : some
}
`
