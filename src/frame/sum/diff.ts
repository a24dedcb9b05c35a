/** Two snapshots make a frame: totals are subtracted while they are 64 bit, and only then become numbers. */
import { backendKey, routeKey } from '../model/aggregate.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../model/counters.generated.ts'
import type { ConnectionRow, SecondFrame, TrafficRow } from '../model/frame.ts'
import type { ConnectionTotals, Snapshot, TrafficTotals } from '../model/snapshot.ts'
import { micros, type Micros } from '../model/units.ts'
import { Believed, HostTotal, type HostTotals } from './running-totals.ts'
import { Shared } from './shared.ts'
import { connectionWeightOf, isActive, isConnectionActive, sumCounts, weightOf } from './sums.generated.ts'
import { ConnectionTotal, SlotTotal } from './totals.generated.ts'

/** A year, µs: a longer tick means that a clock is wrong. */
const LONGEST = 366 * 86_400_000_000
/** 2200-01-01, µs: where a recording's times end */
const LATEST = 7_258_118_400_000_000
/** What all rows of a tick add up to at most: every sum over them is exact, and a minute of them fits SQLite's integers. */
const MOST = Number.MAX_SAFE_INTEGER

interface SlotState {
  readonly pair: string
  readonly total: Believed<TrafficTotals, TrafficRow>
  /** the tick that named it last */
  tick: number
}

interface ConnectionState {
  readonly total: Believed<ConnectionTotals, ConnectionRow>
  tick: number
}

/** Turns the snapshots of one run into frames. The first snapshot is the zero point; each further one ends a tick. */
export class Differ {
  /** rows that cannot be true: totals that fell, a slot that came twice, more than a tick can hold */
  badRows = 0
  #last: Pick<Snapshot, 'wall' | 'mono'>
  /** one whose clocks were not believed */
  #held: Snapshot | null = null
  /** retired slots that it names */
  #leaving: number[] = []
  #seq = 0
  /** what may still be added to this tick */
  #room = MOST
  readonly #host = new Believed<HostTotals, HostTotals>(() => new HostTotal())
  readonly #slots = new Map<number, SlotState>()
  readonly #connections = new Map<number, ConnectionState>()
  /** how many slots stand for a backend and route */
  readonly #pairs = new Shared<true>()

  constructor(first: Snapshot) {
    this.#last = clocksOf(first)
    this.#host.advance(first)
    for (const row of first.traffic) this.#slotOf(row).total.advance(row)
    for (const row of first.connections) this.#connectionOf(row).total.advance(row)
  }

  /**
   * The tick between the snapshot before and this one. null: their clocks cannot be true. Time is measured from this one on then, and
   * its totals come with the next.
   */
  next(now: Snapshot): SecondFrame | null {
    const last = this.#last
    this.#last = clocksOf(now)
    const snapshot = this.#held === null ? now : withHeld(now, this.#held)
    const length = micros(Number((now.mono - last.mono) / 1000n))
    const isTrue = length > 0 && length <= LONGEST && last.wall + length < LATEST
    this.#held = isTrue ? null : snapshot
    return isTrue ? this.#tick(snapshot, last, length) : null
  }

  #tick(snapshot: Snapshot, last: Pick<Snapshot, 'wall' | 'mono'>, length: Micros): SecondFrame {
    this.#room = MOST
    const traffic = this.#rows(snapshot.traffic, (row) => this.#trafficRow(row)).filter(isActive)
    const connections = this.#rows(snapshot.connections, (row) => this.#connectionRow(row))
    const joined = this.#hasTwins ? joinTwins(traffic) : traffic
    for (const id of this.#leaving) this.#drop(id)
    this.#leaving = []
    const host = this.#host.advance(snapshot)
    if (host === null) this.badRows++
    return {
      seq: this.#seq++,
      start: last.wall,
      mono: last.mono,
      length,
      traffic: joined,
      connections: connections.filter(isConnectionActive),
      requests: snapshot.requests,
      loss: host?.loss ?? NO_LOSS,
      excluded: host?.excluded ?? NO_EXCLUDED,
      control: host?.control ?? NO_CONTROL,
      cost: { ...snapshot.cost, commit: micros(0) },
      gapBefore: null,
      final: snapshot.final,
    }
  }

  #rows<Now, Row>(totals: readonly Now[], read: (now: Now) => Row | null): Row[] {
    const rows: Row[] = []
    for (const now of totals) {
      const row = read(now)
      if (row === null) this.badRows++
      else rows.push(row)
    }
    return rows
  }

  /** Nothing comes from this slot any more: a recorder that runs for months meets millions of routes. */
  forget(id: number): void {
    if (this.#held?.traffic.some(({ slot }) => slot === id) === true) this.#rename(this.#held, id)
    else this.#drop(id)
  }

  /** Its last total still has to be counted: until then it has a number that does not occur on the wire. */
  #rename(held: Snapshot, id: number): void {
    const state = this.#slots.get(id)
    const alias = -1 - this.#leaving.length
    this.#leaving.push(alias)
    this.#slots.delete(id)
    if (state !== undefined) this.#slots.set(alias, state)
    const traffic = held.traffic.map((row) => (row.slot === id ? { ...row, slot: alias } : row))
    this.#held = { ...held, traffic }
  }

  #drop(id: number): void {
    const slot = this.#slots.get(id)
    if (slot === undefined) return
    this.#slots.delete(id)
    this.#pairs.release(slot.pair)
  }

  #trafficRow(now: TrafficTotals): TrafficRow | null {
    const slot = this.#slotOf(now)
    if (slot.tick === this.#seq) return null
    slot.tick = this.#seq
    const row = slot.total.advance(now)
    return row !== null && this.#hasRoom(weightOf(row)) ? row : null
  }

  #connectionRow(now: ConnectionTotals): ConnectionRow | null {
    const backend = this.#connectionOf(now)
    if (backend.tick === this.#seq) return null
    backend.tick = this.#seq
    const row = backend.total.advance(now)
    return row !== null && this.#hasRoom(connectionWeightOf(row)) ? row : null
  }

  #hasRoom(weight: number): boolean {
    if (weight > this.#room) return false
    this.#room -= weight
    return true
  }

  #slotOf(row: TrafficTotals): SlotState {
    let slot = this.#slots.get(row.slot)
    if (slot === undefined) {
      slot = { pair: pairOf(row), total: new Believed(() => new SlotTotal()), tick: -1 }
      this.#slots.set(row.slot, slot)
      this.#pairs.take(slot.pair, () => true)
    }
    return slot
  }

  #connectionOf({ backend: { id } }: ConnectionTotals): ConnectionState {
    let backend = this.#connections.get(id)
    if (backend === undefined) {
      backend = { total: new Believed(() => new ConnectionTotal()), tick: -1 }
      this.#connections.set(id, backend)
    }
    return backend
  }

  /** Slots of the same backend and route: the same text from different raw bytes, or a retired slot and its successor. */
  get #hasTwins(): boolean {
    return this.#pairs.size < this.#slots.size
  }
}

/** A row is sent again only when it changes: those that `now` does not name stand as they were. Its own samples are lost. */
function withHeld(now: Snapshot, held: Snapshot): Snapshot {
  const slots = new Set(now.traffic.map(({ slot }) => slot))
  const backends = new Set(now.connections.map(({ backend }) => backend.id))
  return {
    ...now,
    traffic: [...held.traffic.filter(({ slot }) => !slots.has(slot)), ...now.traffic],
    connections: [...held.connections.filter(({ backend }) => !backends.has(backend.id)), ...now.connections],
  }
}

const clocksOf = ({ wall, mono }: Snapshot): Pick<Snapshot, 'wall' | 'mono'> => ({ wall, mono })

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
