/**
 * The last totals of a route slot and of a backend. They change in place: the garbage collector promotes an object that lives for one tick
 * before it is garbage, and with 200 routes that took more time than reading the wire.
 */
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../model/counters.generated.ts'
import type { Codes, Distribution, WireCounts, WireRow } from '../model/frame.ts'
import type { DistributionTotals, Snapshot, WireTotals } from '../model/snapshot.ts'
import { micros } from '../model/units.ts'

/** The last totals. `advance` gives the difference to them; if a total decreased, it gives null and changes nothing. */
interface Total<Now, Row> {
  advance(now: Now): Row | null
}

/**
 * Totals never decrease. If one does, either it or the one before it is wrong. It is rejected. If the next totals fit the rejected ones but
 * not the accepted ones, counting continues from the rejected ones. A bad row costs at most itself and one more.
 */
export class MonotonicTotal<Now, Row> {
  #total: Total<Now, Row>
  #rejected: Total<Now, Row> | null = null

  constructor(readonly fresh: () => Total<Now, Row>) {
    this.#total = fresh()
  }

  /** null: a total decreased */
  advance(now: Now): Row | null {
    const row = this.#total.advance(now)
    if (row !== null) {
      this.#rejected = null
      return row
    }
    const other = this.#rejected
    const instead = other?.advance(now) ?? null
    if (other !== null && instead !== null) {
      this.#total = other
      this.#rejected = null
      return instead
    }
    this.#rejected = this.fresh()
    this.#rejected.advance(now)
    return null
  }
}

export class WireTotal {
  #last: WireCounts = { connects: 0, requests: 0, failures: 0 }

  advance({ backend, wire, ...now }: WireTotals): WireRow | null {
    const last = this.#last
    const [connects, requests, failures] = [
      now.connects - last.connects,
      now.requests - last.requests,
      now.failures - last.failures,
    ]
    if (connects < 0 || requests < 0 || failures < 0) return null
    this.#last = now
    return { backend, wire, connects, requests, failures }
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

/** null: one decreased */
function subtractFields<T extends Readonly<Record<keyof T, number | null>>>(a: T, b: T): T | null {
  const difference = { ...a } as Record<keyof T, number | null>
  for (const field of Object.keys(a) as (keyof T)[]) {
    const since = knownSince(b[field], a[field])
    if (since !== null && since < 0) return null
    difference[field] = since
  }
  return difference as T
}

/** The difference; null if the helper does not have this counter. */
export function knownSince(before: number | bigint | null, now: number | bigint | null): number | null {
  if (before === null || now === null) return null
  return typeof now === 'bigint' ? Number(now - BigInt(before)) : now - Number(before)
}

/** The last totals of a distribution: count and sum. Samples need none, they are of one tick. */
export class DistributionTotal {
  #count = 0
  #sum = 0n

  /** null: one decreased */
  since({ count, sum, sampled, min, max, buckets }: DistributionTotals): Distribution | null {
    const added = Number(sum - this.#sum)
    if (count < this.#count || added < 0) return null
    return { count: count - this.#count, sum: micros(added), sampled, min, max, buckets }
  }

  set({ count, sum }: DistributionTotals): void {
    this.#count = count
    this.#sum = sum
  }
}

/** @param changed the codes whose total changed, as on the wire. Both lists are sorted. null: one decreased */
export function codesSince(totals: Codes, changed: Codes): Codes | null {
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

/** Sets the changed totals in place; a new code makes a new list. */
export function advanceCodes(totals: number[], changed: Codes): number[] {
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
