/** Two snapshots make a frame: totals are subtracted while they are 64 bit, and only then become numbers. */
import { backendKey, routeKey, sumCounts } from './aggregate.ts'
import type { ConnectionRow, Counts, SecondFrame, TrafficRow } from './frame.ts'
import { ConnectionTotal, SlotTotal } from './running-totals.ts'
import type { ConnectionTotals, Snapshot, TrafficTotals } from './snapshot.ts'
import { micros, type Micros } from './units.ts'

/** A late tick's remainder beyond this is a gap. */
export const LATE: Micros = micros(1_500_000)

/** Turns the snapshots of one run into frames. The first snapshot is the zero point; each further one ends a tick. */
export class Differ {
  #last: Snapshot
  #seq = 0
  readonly #slots = new Map<number, { readonly pair: string; readonly total: SlotTotal }>()
  readonly #connections = new Map<number, ConnectionTotal>()
  /** how many slots stand for a backend and route */
  readonly #pairs = new Map<string, number>()

  constructor(first: Snapshot) {
    this.#last = withoutRows(first)
    for (const row of first.traffic) this.#trafficRow(row)
    for (const row of first.connections) this.#connectionRow(row)
  }

  /** The tick between the snapshot before and this one. */
  next(snapshot: Snapshot): SecondFrame {
    const last = this.#last
    this.#last = withoutRows(snapshot)
    const length = micros(Number((snapshot.mono - last.mono) / 1000n))
    const traffic = snapshot.traffic.map((row) => this.#trafficRow(row)).filter(isActive)
    return {
      seq: this.#seq++,
      start: last.wall,
      mono: last.mono,
      length,
      traffic: this.#hasTwins ? joinTwins(traffic) : traffic,
      connections: snapshot.connections.map((row) => this.#connectionRow(row)).filter(isConnectionActive),
      requests: snapshot.requests,
      loss: subtractFields(snapshot.loss, last.loss),
      excluded: subtractFields(snapshot.excluded, last.excluded),
      control: subtractFields(snapshot.control, last.control),
      cost: { ...snapshot.cost, commit: micros(0) },
      gapBefore: null,
      final: snapshot.final,
    }
  }

  /** Nothing comes from this slot any more: a recorder that runs for months meets millions of routes. */
  forget(id: number): void {
    const slot = this.#slots.get(id)
    if (slot === undefined) return
    this.#slots.delete(id)
    const others = this.#pairs.get(slot.pair)! - 1
    if (others > 0) this.#pairs.set(slot.pair, others)
    else this.#pairs.delete(slot.pair)
  }

  #trafficRow(now: TrafficTotals): TrafficRow {
    let slot = this.#slots.get(now.slot)
    if (slot === undefined) {
      slot = { pair: pairOf(now), total: new SlotTotal() }
      this.#slots.set(now.slot, slot)
      this.#pairs.set(slot.pair, (this.#pairs.get(slot.pair) ?? 0) + 1)
    }
    return slot.total.advance(now)
  }

  /** Slots of the same backend and route: the same text from different raw bytes, or a retired slot and its successor. */
  get #hasTwins(): boolean {
    return this.#pairs.size < this.#slots.size
  }

  #connectionRow(now: ConnectionTotals): ConnectionRow {
    let backend = this.#connections.get(now.backend.id)
    if (backend === undefined) this.#connections.set(now.backend.id, (backend = new ConnectionTotal()))
    return backend.advance(now)
  }
}

/** The rows of a tick are garbage with it, not a second later. */
const withoutRows = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  traffic: [],
  connections: [],
  requests: [],
})

function subtractFields<T extends Readonly<Record<keyof T, number>>>(a: T, b: T): T {
  const difference = { ...a } as Record<keyof T, number>
  for (const field of Object.keys(a) as (keyof T)[]) difference[field] = a[field] - b[field]
  return difference as T
}

const pairOf = ({ backend, route }: Pick<TrafficRow, 'backend' | 'route'>): string =>
  `${backendKey(backend)} ${routeKey(route)}`

/** Twins are one row. */
function joinTwins(rows: readonly TrafficRow[]): TrafficRow[] {
  const joined = new Map<string, TrafficRow>()
  for (const row of rows) {
    const key = pairOf(row)
    const other = joined.get(key)
    joined.set(
      key,
      other === undefined ? row : { ...sumCounts([other, row]), backend: row.backend, route: row.route },
    )
  }
  return [...joined.values()]
}

const isActive = (row: Counts): boolean =>
  row.requests !== 0 ||
  row.inFlight !== 0 ||
  row.answered !== 0 ||
  row.total.count !== 0 ||
  row.total.sampled !== 0 ||
  row.header.sampled !== 0 ||
  row.interim !== 0 ||
  row.retransmits !== 0 ||
  row.bodyReset !== 0 ||
  row.failures.reset + row.failures.closed + row.failures.aborted + row.failures.unanswered !== 0

const isConnectionActive = (row: ConnectionRow): boolean =>
  row.connects + row.refused + row.connectTimeout + row.retransmits + row.opaque !== 0 ||
  row.connect.sampled !== 0
