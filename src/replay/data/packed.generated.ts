/** Made by `make counters` from src/frame/model/counters.ts: change that file. */
import type { Counts } from '../../frame/model/frame.ts'
import { NO_FAILURES, type Failures } from '../../frame/model/counters.generated.ts'
import { failedRequests } from '../../frame/sum/sums.generated.ts'
import type { Packing, Unpacking } from './packing.ts'

export function packCounts(to: Packing, row: Counts): void {
  to.put(row.requests)
  to.put(row.answered)
  to.put(row.interim)
  to.put(row.retransmits)
  to.put(row.retries)
  to.put(row.bodyReset)
  to.known(row.sentBytes)
  to.known(row.receivedBytes)
  to.known(row.unseen)
  to.put(row.failures.reset)
  to.put(row.failures.closed)
  to.put(row.failures.aborted)
  to.put(row.failures.unanswered)
  to.list(row.codes)
  to.knownList(row.grpc)
  to.put(row.inFlight)
  to.put(row.oldest)
  to.distribution(row.header)
  to.distribution(row.total)
}

/** The properties of an object literal are evaluated from top to bottom. */
export const unpackCounts = (from: Unpacking): Counts => ({
  requests: from.next(),
  answered: from.next(),
  interim: from.next(),
  retransmits: from.next(),
  retries: from.next(),
  bodyReset: from.next(),
  sentBytes: from.known(),
  receivedBytes: from.known(),
  unseen: from.known(),
  failures: failuresOf(from),
  codes: from.list(),
  grpc: from.knownList(),
  inFlight: from.next(),
  oldest: from.duration(),
  header: from.distribution(),
  total: from.distribution(),
})

function failuresOf(from: Unpacking): Failures {
  const some = { reset: from.next(), closed: from.next(), aborted: from.next(), unanswered: from.next() }
  return failedRequests(some) === 0 ? NO_FAILURES : some
}
