/** The counts of one set of labels since the run began. */
import { CONNECT_FAILURES, ROUTE_FAILURES } from '../frame/model/counters.ts'
import type { ConnectionRow, TrafficRow } from '../frame/model/frame.ts'
import { addSparse } from '../frame/sum/distribution-sum.ts'
import { Times } from './times.ts'

/** The places of plain counts. Unknown is NaN, so that a sum with an unknown part is unknown, too. */
const PLAIN = ['requests', 'retries', 'unseen', 'sentBytes', 'receivedBytes', 'connects'] as const
export type Plain = (typeof PLAIN)[number]
const FAILURES = PLAIN.length
const CONNECTS = FAILURES + ROUTE_FAILURES.length
const LENGTH = CONNECTS + CONNECT_FAILURES.length

export class Counters {
  readonly #counts = new Float64Array(LENGTH)
  /** [code, answers, code, answers, …], sorted */
  readonly codes: number[] = []
  /** [grpc-status, exchanges, …], sorted; null: unknown */
  grpc: number[] | null = []
  readonly header = new Times()
  readonly total = new Times()
  #inFlight = 0
  /** the tick in which something was added last */
  #tick = 0

  /** NaN: unknown */
  plain(name: Plain): number {
    return this.#counts[PLAIN.indexOf(name)]!
  }

  /** In the order of ROUTE_FAILURES. */
  get failures(): Float64Array {
    return this.#counts.subarray(FAILURES, CONNECTS)
  }

  /** In the order of CONNECT_FAILURES. */
  get failedConnects(): Float64Array {
    return this.#counts.subarray(CONNECTS)
  }

  /** A row with open requests comes with every tick. */
  inFlight(tick: number): number {
    return this.#tick === tick ? this.#inFlight : 0
  }

  hasChangedSince(tick: number): boolean {
    return this.#tick > tick
  }

  addTraffic(row: TrafficRow, tick: number): void {
    this.#addPlain('requests', row.requests)
    this.#addPlain('retries', row.retries)
    this.#addPlain('unseen', row.unseen)
    this.#addPlain('sentBytes', row.sentBytes)
    this.#addPlain('receivedBytes', row.receivedBytes)
    ROUTE_FAILURES.forEach(({ name }, i) => this.#add(FAILURES + i, row.failures[name]))
    addSparse(this.codes, row.codes)
    this.#addGrpc(row.grpc)
    this.header.add(row.header)
    this.total.add(row.total)
    this.#touch(tick)
    this.#inFlight += row.inFlight
  }

  addConnection(row: ConnectionRow, tick: number): void {
    // As in the report: who does not know these bytes knows at least whether there were such connections.
    const none = row.opaque === 0 ? 0 : null
    this.#addPlain('sentBytes', row.sentBytes ?? none)
    this.#addPlain('receivedBytes', row.receivedBytes ?? none)
    this.#addPlain('connects', row.connects)
    CONNECT_FAILURES.forEach(({ name }, i) => this.#add(CONNECTS + i, row[name]))
    this.#touch(tick)
  }

  #addPlain(name: Plain, count: number | null): void {
    this.#add(PLAIN.indexOf(name), count)
  }

  #addGrpc(grpc: readonly number[] | null): void {
    if (grpc === null) this.grpc = null
    else if (this.grpc !== null) addSparse(this.grpc, grpc)
  }

  #add(at: number, count: number | null): void {
    this.#counts[at] = this.#counts[at]! + (count ?? NaN)
  }

  #touch(tick: number): void {
    if (this.#tick !== tick) this.#inFlight = 0
    this.#tick = tick
  }

  /** What was added since the last call, as numbers for `addPacked`; begins anew. */
  pack(tick: number): number[] {
    const { header, total } = this
    const sparse = (times: Times): number[] => {
      const pairs: number[] = []
      times.slots.forEach((count, slot) => count > 0 && pairs.push(slot, count))
      return [times.sum, pairs.length, ...pairs]
    }
    const packed = [
      this.inFlight(tick),
      ...this.#counts,
      this.codes.length,
      ...this.codes,
      ...(this.grpc === null ? [NaN] : [this.grpc.length, ...this.grpc]),
      ...sparse(header),
      ...sparse(total),
    ]
    this.#counts.fill(0)
    this.codes.length = 0
    this.grpc = []
    header.clear()
    total.clear()
    return packed
  }

  addPacked(packed: readonly number[], tick: number): void {
    let at = 1
    for (let i = 0; i < LENGTH; i++) this.#add(i, packed[at++]!)
    const codes = packed[at++]!
    addSparse(this.codes, packed.slice(at, (at += codes)))
    const grpc = packed[at++]!
    this.#addGrpc(Number.isNaN(grpc) ? null : packed.slice(at, (at += grpc)))
    for (const times of [this.header, this.total]) {
      times.sum += packed[at++]!
      const end = packed[at++]! + at
      for (; at < end; at += 2) times.addTo(packed[at]!, packed[at + 1]!)
    }
    this.#tick = tick
    this.#inFlight = packed[0]!
  }
}
