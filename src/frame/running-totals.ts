/**
 * The last totals of a route slot and of a backend. They change in place: an object that lives for just one tick is promoted by
 * the garbage collector before it dies, and with 200 routes that was more work than reading the wire.
 */
import { NO_CONTROL, NO_EXCLUDED, NO_FAILURES, NO_LOSS } from './aggregate.ts'
import type { Codes, ConnectionRow, Distribution, Failures, TrafficRow } from './frame.ts'
import type { ConnectionTotals, DistributionTotals, Snapshot, TrafficTotals } from './snapshot.ts'
import { micros } from './units.ts'

/** The last totals of something; `advance` gives what came since, or null and changes nothing where a total fell. */
interface Total<Now, Row> {
  advance(now: Now): Row | null
}

/**
 * Totals only grow. Where one fell, it is a lie, or what came before it was: it is left out, and if the next fits it better than what was
 * believed, that is gone on with. One bad row costs at most itself and one more.
 */
export class Believed<Now, Row> {
  #total: Total<Now, Row>
  #doubted: Total<Now, Row> | null = null

  constructor(readonly fresh: () => Total<Now, Row>) {
    this.#total = fresh()
  }

  /** null: not to be believed */
  advance(now: Now): Row | null {
    const row = this.#total.advance(now)
    if (row !== null) {
      this.#doubted = null
      return row
    }
    const other = this.#doubted
    const instead = other?.advance(now) ?? null
    if (other !== null && instead !== null) {
      this.#total = other
      this.#doubted = null
      return instead
    }
    this.#doubted = this.fresh()
    this.#doubted.advance(now)
    return null
  }
}

export class SlotTotal {
  #requests = 0
  #answered = 0
  #interim = 0
  #retransmits = 0
  #retries = 0
  #bodyReset = 0
  #codes: number[] = []
  #failures: Failures = NO_FAILURES
  readonly #header = new DistributionTotal()
  readonly #total = new DistributionTotal()

  /** What came since the totals before; `now` are the totals from here on. null: one fell, and nothing is changed */
  advance(now: TrafficTotals): TrafficRow | null {
    const { backend, route, requests, answered, oldest } = now
    const failures = failuresSince(this.#failures, now.failures)
    const codes = codesSince(this.#codes, now.codes)
    const header = this.#header.since(now.header)
    const total = this.#total.since(now.total)
    if (failures === null || codes === null || header === null || total === null) return null
    const row: TrafficRow = {
      backend,
      route,
      requests: requests - this.#requests,
      answered: answered - this.#answered,
      codes,
      failures,
      interim: now.interim - this.#interim,
      retransmits: now.retransmits - this.#retransmits,
      retries: now.retries - this.#retries,
      bodyReset: now.bodyReset - this.#bodyReset,
      inFlight: openOf(now),
      oldest,
      header,
      total,
    }
    if (row.requests < 0 || row.answered < 0 || row.interim < 0) return null
    if (row.retransmits < 0 || row.retries < 0 || row.bodyReset < 0) return null
    this.#requests = requests
    this.#answered = answered
    this.#failures = now.failures
    this.#interim = now.interim
    this.#retransmits = now.retransmits
    this.#retries = now.retries
    this.#bodyReset = now.bodyReset
    this.#codes = advanceCodes(this.#codes, now.codes)
    this.#header.become(now.header)
    this.#total.become(now.total)
    return row
  }
}

/** A slot cannot have fewer than none open, whatever its totals say. */
const openOf = ({ requests, answered, failures }: TrafficTotals): number =>
  Math.max(0, requests - answered - failures.reset - failures.closed - failures.aborted - failures.unanswered)

export class ConnectionTotal {
  #connects = 0
  #refused = 0
  #connectTimeout = 0
  #retransmits = 0
  #opaque = 0
  readonly #connect = new DistributionTotal()

  /** What came since the totals before; `now` are the totals from here on. null: one fell, and nothing is changed */
  advance(now: ConnectionTotals): ConnectionRow | null {
    const { backend, connects, refused, connectTimeout, retransmits, opaque } = now
    const connect = this.#connect.since(now.connect)
    if (connect === null) return null
    const row: ConnectionRow = {
      backend,
      connects: connects - this.#connects,
      refused: refused - this.#refused,
      connectTimeout: connectTimeout - this.#connectTimeout,
      retransmits: retransmits - this.#retransmits,
      opaque: opaque - this.#opaque,
      connect,
    }
    if (row.connects < 0 || row.refused < 0 || row.connectTimeout < 0) return null
    if (row.retransmits < 0 || row.opaque < 0) return null
    this.#connects = connects
    this.#refused = refused
    this.#connectTimeout = connectTimeout
    this.#retransmits = retransmits
    this.#opaque = opaque
    this.#connect.become(now.connect)
    return row
  }
}

export type HostTotals = Pick<Snapshot, 'loss' | 'excluded' | 'control'>

export class HostTotal {
  #last: HostTotals = { loss: NO_LOSS, excluded: NO_EXCLUDED, control: NO_CONTROL }

  advance({ loss, excluded, control }: HostTotals): HostTotals | null {
    const last = this.#last
    const since = {
      loss: subtractFields(loss, last.loss),
      excluded: subtractFields(excluded, last.excluded),
      control: subtractFields(control, last.control),
    }
    if (since.loss === null || since.excluded === null || since.control === null) return null
    this.#last = { loss, excluded, control }
    return { loss: since.loss, excluded: since.excluded, control: since.control }
  }
}

/** null: one fell */
function subtractFields<T extends Readonly<Record<keyof T, number>>>(a: T, b: T): T | null {
  const difference = { ...a } as Record<keyof T, number>
  for (const field of Object.keys(a) as (keyof T)[]) {
    difference[field] = a[field] - b[field]
    if (difference[field] < 0) return null
  }
  return difference as T
}

/** Samples are of one tick: only the counters are remembered. */
class DistributionTotal {
  #count = 0
  #sum = 0n

  /** null: one fell */
  since({ count, sum, sampled, min, max, buckets }: DistributionTotals): Distribution | null {
    const added = Number(sum - this.#sum)
    if (count < this.#count || added < 0) return null
    return { count: count - this.#count, sum: micros(added), sampled, min, max, buckets }
  }

  become({ count, sum }: DistributionTotals): void {
    this.#count = count
    this.#sum = sum
  }
}

/** The wire names only the codes whose total changed. Both lists are sorted. null: one fell */
function codesSince(totals: Codes, changed: Codes): Codes | null {
  const since: number[] = []
  let at = 0
  for (let i = 0; i < changed.length; i += 2) {
    const code = changed[i]!
    while (at < totals.length && totals[at]! < code) at += 2
    const count = changed[i + 1]! - (totals[at] === code ? totals[at + 1]! : 0)
    if (count < 0) return null
    if (count !== 0) since.push(code, count)
  }
  return since
}

/** In place, unless there is a new one among them. */
function advanceCodes(totals: number[], changed: Codes): number[] {
  let at = 0
  for (let i = 0; i < changed.length; i += 2) {
    while (at < totals.length && totals[at]! < changed[i]!) at += 2
    if (totals[at] !== changed[i]) return mergedCodes(totals, changed)
    totals[at + 1] = changed[i + 1]!
  }
  return totals
}

function mergedCodes(totals: Codes, changed: Codes): number[] {
  const merged: number[] = []
  let at = 0
  for (let i = 0; i < changed.length; i += 2) {
    for (; at < totals.length && totals[at]! < changed[i]!; at += 2) merged.push(totals[at]!, totals[at + 1]!)
    if (totals[at] === changed[i]) at += 2
    merged.push(changed[i]!, changed[i + 1]!)
  }
  for (; at < totals.length; at++) merged.push(totals[at]!)
  return merged
}

/** null: one fell */
function failuresSince(before: Failures, now: Failures): Failures | null {
  const since = {
    reset: now.reset - before.reset,
    closed: now.closed - before.closed,
    aborted: now.aborted - before.aborted,
    unanswered: now.unanswered - before.unanswered,
  }
  if (since.reset < 0 || since.closed < 0 || since.aborted < 0 || since.unanswered < 0) return null
  // Nearly always none: one object for all rows that are kept.
  return since.reset + since.closed + since.aborted + since.unanswered === 0 ? NO_FAILURES : since
}
