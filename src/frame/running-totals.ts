/**
 * The last totals of a route slot and of a backend. They change in place: an object that lives for just one tick is promoted by
 * the garbage collector before it dies, and with 200 routes that was more work than reading the wire.
 */
import { NO_FAILURES } from './aggregate.ts'
import type { Codes, ConnectionRow, Distribution, Failures, TrafficRow } from './frame.ts'
import type { ConnectionTotals, DistributionTotals, TrafficTotals } from './snapshot.ts'
import { micros } from './units.ts'

export class SlotTotal {
  #requests = 0
  #answered = 0
  #interim = 0
  #retransmits = 0
  #retries = 0
  #bodyReset = 0
  readonly #codes: number[] = []
  #failures: Failures = NO_FAILURES
  readonly #header = new DistributionTotal()
  readonly #total = new DistributionTotal()

  /** What came since the totals before; `now` are the totals from here on. */
  advance(now: TrafficTotals): TrafficRow {
    const { backend, route, requests, answered, failures, oldest } = now
    const row: TrafficRow = {
      backend,
      route,
      requests: requests - this.#requests,
      answered: answered - this.#answered,
      codes: advanceCodes(this.#codes, now.codes),
      failures: failuresSince(this.#failures, failures),
      interim: now.interim - this.#interim,
      retransmits: now.retransmits - this.#retransmits,
      retries: now.retries - this.#retries,
      bodyReset: now.bodyReset - this.#bodyReset,
      inFlight:
        requests - answered - failures.reset - failures.closed - failures.aborted - failures.unanswered,
      oldest,
      header: this.#header.advance(now.header),
      total: this.#total.advance(now.total),
    }
    this.#requests = requests
    this.#answered = answered
    this.#failures = failures
    this.#interim = now.interim
    this.#retransmits = now.retransmits
    this.#retries = now.retries
    this.#bodyReset = now.bodyReset
    return row
  }
}

export class ConnectionTotal {
  #connects = 0
  #refused = 0
  #connectTimeout = 0
  #retransmits = 0
  #opaque = 0
  readonly #connect = new DistributionTotal()

  /** What came since the totals before; `now` are the totals from here on. */
  advance(now: ConnectionTotals): ConnectionRow {
    const { backend, connects, refused, connectTimeout, retransmits, opaque } = now
    const row: ConnectionRow = {
      backend,
      connects: connects - this.#connects,
      refused: refused - this.#refused,
      connectTimeout: connectTimeout - this.#connectTimeout,
      retransmits: retransmits - this.#retransmits,
      opaque: opaque - this.#opaque,
      connect: this.#connect.advance(now.connect),
    }
    this.#connects = connects
    this.#refused = refused
    this.#connectTimeout = connectTimeout
    this.#retransmits = retransmits
    this.#opaque = opaque
    return row
  }
}

/** Samples are of one tick: only the counters are remembered. */
class DistributionTotal {
  #count = 0
  #sum = 0n

  advance({ count, sum, sampled, min, max, buckets }: DistributionTotals): Distribution {
    const since = {
      count: count - this.#count,
      sum: micros(Number(sum - this.#sum)),
      sampled,
      min,
      max,
      buckets,
    }
    this.#count = count
    this.#sum = sum
    return since
  }
}

/** The wire names only the codes whose total changed, in their order. */
function advanceCodes(totals: number[], changed: Codes): Codes {
  const since: number[] = []
  for (let i = 0; i < changed.length; i += 2) {
    const [code, total] = [changed[i]!, changed[i + 1]!]
    let at = 0
    while (at < totals.length && totals[at] !== code) at += 2
    const count = total - (totals[at + 1] ?? 0)
    totals[at] = code
    totals[at + 1] = total
    if (count !== 0) since.push(code, count)
  }
  return since
}

function failuresSince(before: Failures, now: Failures): Failures {
  const since = {
    reset: now.reset - before.reset,
    closed: now.closed - before.closed,
    aborted: now.aborted - before.aborted,
    unanswered: now.unanswered - before.unanswered,
  }
  // Nearly always none: one object for all rows that are kept.
  return since.reset + since.closed + since.aborted + since.unanswered === 0 ? NO_FAILURES : since
}
