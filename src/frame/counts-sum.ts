/** Sums that grow in place: a recorder adds thousands of rows a second, and each would otherwise be a new object. */
import { NO_CONNECTIONS, type ConnectionCounts } from './aggregate.ts'
import { addSparse, DistributionSum } from './distribution-sum.ts'
import type { Counts } from './frame.ts'
import { micros, type Micros } from './units.ts'

export class CountsSum {
  #requests = 0
  #answered = 0
  readonly #codes: number[] = []
  #reset = 0
  #closed = 0
  #aborted = 0
  #unanswered = 0
  #interim = 0
  #retransmits = 0
  #retries = 0
  #bodyReset = 0
  #inFlight = 0
  #oldest: Micros = micros(0)
  readonly #header = new DistributionSum()
  readonly #total = new DistributionSum()
  /** what was open in this span is open still if it is the last of all; 0: nothing was added */
  #span = 0

  get isEmpty(): boolean {
    return this.#span === 0
  }

  /** What `value` gave must not be used any longer. */
  clear(): void {
    this.#requests = 0
    this.#answered = 0
    this.#codes.length = 0
    this.#reset = 0
    this.#closed = 0
    this.#aborted = 0
    this.#unanswered = 0
    this.#interim = 0
    this.#retransmits = 0
    this.#retries = 0
    this.#bodyReset = 0
    this.#inFlight = 0
    this.#oldest = micros(0)
    this.#header.clear()
    this.#total.clear()
    this.#span = 0
  }

  /** @param span numbered from 1 */
  add(counts: Counts, span: number): void {
    const { failures } = counts
    this.#requests += counts.requests
    this.#answered += counts.answered
    addSparse(this.#codes, counts.codes)
    this.#reset += failures.reset
    this.#closed += failures.closed
    this.#aborted += failures.aborted
    this.#unanswered += failures.unanswered
    this.#interim += counts.interim
    this.#retransmits += counts.retransmits
    this.#retries += counts.retries
    this.#bodyReset += counts.bodyReset
    this.#inFlight = counts.inFlight
    this.#oldest = counts.oldest
    this.#header.add(counts.header)
    this.#total.add(counts.total)
    this.#span = span
  }

  /** @param last the last span of the sum */
  value(last: number): Counts {
    const isOpen = this.#span === last
    return {
      requests: this.#requests,
      answered: this.#answered,
      codes: this.#codes,
      failures: {
        reset: this.#reset,
        closed: this.#closed,
        aborted: this.#aborted,
        unanswered: this.#unanswered,
      },
      interim: this.#interim,
      retransmits: this.#retransmits,
      retries: this.#retries,
      bodyReset: this.#bodyReset,
      inFlight: isOpen ? this.#inFlight : 0,
      oldest: isOpen ? this.#oldest : micros(0),
      header: this.#header.value(),
      total: this.#total.value(),
    }
  }
}

export class ConnectionSum {
  #connects = 0
  #refused = 0
  #connectTimeout = 0
  #retransmits = 0
  #opaque = 0
  readonly #connect = new DistributionSum()
  #isEmpty = true

  add(counts: ConnectionCounts): void {
    this.#isEmpty = false
    this.#connects += counts.connects
    this.#refused += counts.refused
    this.#connectTimeout += counts.connectTimeout
    this.#retransmits += counts.retransmits
    this.#opaque += counts.opaque
    this.#connect.add(counts.connect)
  }

  value(): ConnectionCounts {
    if (this.#isEmpty) return NO_CONNECTIONS
    return {
      connects: this.#connects,
      refused: this.#refused,
      connectTimeout: this.#connectTimeout,
      retransmits: this.#retransmits,
      opaque: this.#opaque,
      connect: this.#connect.value(),
    }
  }
}
