/** Makes a frame of two snapshots: totals are subtracted as 64-bit values, and the differences become numbers. */
import { backendKey, leastKnown, routeKey } from '../model/aggregate.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../model/counters.generated.ts'
import {
  MAX_COUNT,
  type Backend,
  type ConnectionRow,
  type SecondFrame,
  type TrafficRow,
  type WireRow,
} from '../model/frame.ts'
import type { ConnectionTotals, Snapshot, TrafficTotals, WireTotals } from '../model/snapshot.ts'
import { REUSED } from '../model/namespace.ts'
import { micros, type Micros } from '../model/units.ts'
import { RefCounted } from './ref-counted.ts'
import { MonotonicTotal, HostTotal, WireTotal, type HostTotals } from './running-totals.ts'
import {
  addConnections,
  connectionCountsIn,
  connectionWeightOf,
  countsIn,
  isActive,
  isConnectionActive,
  sumCounts,
  weightOf,
} from './sums.generated.ts'
import { ConnectionTotal, SlotTotal } from './totals.generated.ts'
import { isWireActive, sumWires, wireWeightOf } from './wire-sums.ts'

/** A year, µs: a longer tick means that a clock is wrong. */
const MAX_LENGTH = 366 * 86_400_000_000
/** 2200-01-01, µs: the last time that a recording can have */
const MAX_WALL = 7_258_118_400_000_000
/** The maximum for the sum of all values of a tick: every sum over its rows is exact, and a minute of ticks fits SQLite's integers. */
const MAX_SUM = Number.MAX_SAFE_INTEGER

interface SlotState {
  /** without names, which may change while the slot is in use */
  readonly pair: string
  readonly total: MonotonicTotal<TrafficTotals, TrafficRow>
  /** the last tick that had a row of it */
  tick: number
}

interface ConnectionState {
  readonly address: string
  readonly total: MonotonicTotal<ConnectionTotals, ConnectionRow>
  tick: number
}

interface WireState {
  readonly total: MonotonicTotal<WireTotals, WireRow>
  tick: number
}

/** Turns the snapshots of one run into frames. The first snapshot is the zero point; each further one ends a tick. */
export class Differ {
  /** rows that were rejected: a total decreased, a slot came twice, its counts exceeded MAX_COUNT, or the tick's sum MAX_SUM */
  badRows = 0
  #last: Pick<Snapshot, 'wall' | 'mono'>
  /** a snapshot with impossible clocks, whose totals are counted in the next tick */
  #pending: Snapshot | null = null
  /** retired slots with a row in `#pending` */
  #retired: number[] = []
  #seq = 0
  /** how much the sum of this tick may still grow */
  #room = MAX_SUM
  readonly #host = new MonotonicTotal<HostTotals, HostTotals>(() => new HostTotal())
  readonly #slots = new Map<number, SlotState>()
  readonly #connections = new Map<number, ConnectionState>()
  /** backends that were retired while `#pending` has a row of theirs */
  #retiredBackends: number[] = []
  readonly #wires = new Map<number, WireState>()
  /** wire entries that get no more rows after this tick */
  #retiredWires: number[] = []
  /** the last snapshot had totals of wires: only then a difference is that of one tick */
  #knewWires: boolean
  /** the (backend, route) pairs, counted by slots */
  readonly #pairs = new RefCounted<true>()
  /** the addresses, counted by backends: one that comes back has another id, perhaps before the old one is retired */
  readonly #addresses = new RefCounted<true>()

  constructor(first: Snapshot) {
    this.#last = clocksOf(first)
    this.#host.advance(first)
    for (const row of first.traffic) this.#slotOf(row).total.advance(row)
    for (const row of first.connections) this.#connectionOf(row).total.advance(row)
    for (const row of first.wires ?? []) this.#wireOf(row).total.advance(row)
    this.#knewWires = first.wires !== null
  }

  /**
   * The tick between the last snapshot and this one. null: their clocks are impossible. Then the next tick begins at this snapshot, and
   * includes its totals.
   */
  next(now: Snapshot): SecondFrame | null {
    const last = this.#last
    this.#last = clocksOf(now)
    const snapshot = this.#pending === null ? now : withPending(now, this.#pending)
    const length = micros(Number((now.mono - last.mono) / 1000n))
    const isPossible = length > 0 && length <= MAX_LENGTH && last.wall + length < MAX_WALL
    this.#pending = isPossible ? null : snapshot
    return isPossible ? this.#tick(snapshot, last, length) : null
  }

  /** A snapshot with wrong clocks: its totals are counted in the tick that the next one ends. */
  withhold(snapshot: Snapshot): void {
    this.#pending = this.#pending === null ? snapshot : withPending(snapshot, this.#pending)
  }

  #tick(snapshot: Snapshot, last: Pick<Snapshot, 'wall' | 'mono'>, length: Micros): SecondFrame {
    this.#room = MAX_SUM
    const traffic = this.#rows(snapshot.traffic, (row) => this.#trafficRow(row)).filter(isActive)
    const connections = this.#rows(snapshot.connections, (row) => this.#connectionRow(row))
    const wires = this.#wireRows(snapshot.wires)
    const joined = this.#hasSharedPairs ? joinPairs(traffic) : traffic
    const joinedConnections =
      this.#addresses.size < this.#connections.size ? joinAddresses(connections) : connections
    for (const id of this.#retired) this.#drop(id)
    this.#retired = []
    for (const id of this.#retiredBackends) this.#dropBackend(id)
    this.#retiredBackends = []
    for (const id of this.#retiredWires) this.#wires.delete(id)
    this.#retiredWires = []
    const host = this.#host.advance(snapshot)
    if (host === null) this.badRows++
    return {
      seq: this.#seq++,
      start: last.wall,
      mono: last.mono,
      length,
      traffic: joined,
      connections: joinedConnections.filter(isConnectionActive),
      wires,
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

  /** Drops the state of a slot that gets no more rows: a recorder that runs for months sees millions of routes. */
  retire(id: number): void {
    if (this.#pending?.traffic.some(({ slot }) => slot === id) === true) this.#rename(this.#pending, id)
    else this.#drop(id)
  }

  /** The slot's last total is not counted yet: until then it has a negative number, which the wire never uses. */
  #rename(pending: Snapshot, id: number): void {
    const state = this.#slots.get(id)
    const alias = -1 - this.#retired.length
    this.#retired.push(alias)
    this.#slots.delete(id)
    if (state !== undefined) this.#slots.set(alias, state)
    const traffic = pending.traffic.map((row) => (row.slot === id ? { ...row, slot: alias } : row))
    this.#pending = { ...pending, traffic }
  }

  /** The same for a wire entry. Its number is never used again, so a pending row of it needs no other number. */
  retireWire(id: number): void {
    if (this.#pending?.wires?.some((row) => row.id === id) === true) this.#retiredWires.push(id)
    else this.#wires.delete(id)
  }

  #drop(id: number): void {
    const slot = this.#slots.get(id)
    if (slot === undefined) return
    this.#slots.delete(id)
    this.#pairs.release(slot.pair)
  }

  /** Drops the state of a backend that gets no more rows. */
  retireBackend(id: number): void {
    if (this.#pending?.connections.some(({ backend }) => backend.id === id) === true)
      this.#retiredBackends.push(id)
    else this.#dropBackend(id)
  }

  #dropBackend(id: number): void {
    const backend = this.#connections.get(id)
    if (backend === undefined) return
    this.#connections.delete(id)
    this.#addresses.release(backend.address)
  }

  #trafficRow(now: TrafficTotals): TrafficRow | null {
    const slot = this.#slotOf(now)
    if (slot.tick === this.#seq) return null
    slot.tick = this.#seq
    const row = slot.total.advance(now)
    return row !== null && countsIn(row) <= MAX_COUNT && this.#hasRoom(weightOf(row)) ? row : null
  }

  #connectionRow(now: ConnectionTotals): ConnectionRow | null {
    const backend = this.#connectionOf(now)
    if (backend.tick === this.#seq) return null
    backend.tick = this.#seq
    const row = backend.total.advance(now)
    return row !== null && connectionCountsIn(row) <= MAX_COUNT && this.#hasRoom(connectionWeightOf(row))
      ? row
      : null
  }

  #wireRows(totals: Snapshot['wires']): SecondFrame['wires'] {
    const isKnown = totals !== null && this.#knewWires
    this.#knewWires = totals !== null
    if (totals === null) return null
    if (totals.length === 0) return isKnown ? totals : null
    const rows = this.#rows(totals, (row) => this.#wireRow(row)).filter(isWireActive)
    return isKnown ? sumWires([rows]) : null
  }

  #wireRow(now: WireTotals): WireRow | null {
    const wire = this.#wireOf(now)
    if (wire.tick === this.#seq) return null
    wire.tick = this.#seq
    const row = wire.total.advance(now)
    if (row === null) return null
    const counts = wireWeightOf(row)
    return counts <= MAX_COUNT && this.#hasRoom(counts) ? row : null
  }

  #hasRoom(weight: number): boolean {
    if (weight > this.#room) return false
    this.#room -= weight
    return true
  }

  #slotOf(row: TrafficTotals): SlotState {
    let slot = this.#slots.get(row.slot)
    if (slot === undefined) {
      slot = {
        pair: `${lastingKey(row.backend)} ${routeKey(row.route)}`,
        total: new MonotonicTotal(() => new SlotTotal()),
        tick: -1,
      }
      this.#slots.set(row.slot, slot)
      this.#pairs.acquire(slot.pair, () => true)
    }
    return slot
  }

  #connectionOf({ backend }: ConnectionTotals): ConnectionState {
    let state = this.#connections.get(backend.id)
    if (state === undefined) {
      const total = new MonotonicTotal(() => new ConnectionTotal())
      state = { address: lastingKey(backend), total, tick: -1 }
      this.#connections.set(backend.id, state)
      this.#addresses.acquire(state.address, () => true)
    }
    return state
  }

  #wireOf({ id }: WireTotals): WireState {
    let wire = this.#wires.get(id)
    if (wire === undefined) {
      wire = { total: new MonotonicTotal(() => new WireTotal()), tick: -1 }
      this.#wires.set(id, wire)
    }
    return wire
  }

  /** Several slots may have the same (backend, route): different bytes with the same text, or a retired slot and its successor. */
  get #hasSharedPairs(): boolean {
    return this.#pairs.size < this.#slots.size
  }
}

/** Adds the pending rows that `now` does not have: a row is sent only when it changes. Its requests, and the samples of replaced rows, are lost. */
function withPending(now: Snapshot, pending: Snapshot): Snapshot {
  const slots = new Set(now.traffic.map(({ slot }) => slot))
  const backends = new Set(now.connections.map(({ backend }) => backend.id))
  const wires = new Set(now.wires?.map(({ id }) => id))
  return {
    ...now,
    traffic: [...pending.traffic.filter(({ slot }) => !slots.has(slot)), ...now.traffic],
    connections: [
      ...pending.connections.filter(({ backend }) => !backends.has(backend.id)),
      ...now.connections,
    ],
    wires:
      now.wires === null || pending.wires === null
        ? null
        : [...pending.wires.filter(({ id }) => !wires.has(id)), ...now.wires],
  }
}

const clocksOf = ({ wall, mono }: Snapshot): Pick<Snapshot, 'wall' | 'mono'> => ({ wall, mono })

/** The same while an id is in use, whatever its namespace is called. */
const lastingKey = ({ address, netns }: Backend): string => `${netns % REUSED} ${address}`

const pairOf = ({ backend, route }: Pick<TrafficRow, 'backend' | 'route'>): string =>
  `${backendKey(backend)} ${routeKey(route)}`

/** Makes one row of the rows with the same (backend, route). */
function joinPairs(rows: readonly TrafficRow[]): TrafficRow[] {
  const joined = new Map<string, TrafficRow>()
  for (const row of rows) {
    const key = pairOf(row)
    const other = joined.get(key)
    joined.set(
      key,
      other === undefined
        ? row
        : { ...sumCounts([other, row]), backend: leastKnown(other.backend, row.backend), route: row.route },
    )
  }
  return [...joined.values()]
}

/** The same for the connections of one address. */
function joinAddresses(rows: readonly ConnectionRow[]): ConnectionRow[] {
  const joined = new Map<string, ConnectionRow>()
  for (const row of rows) {
    const key = backendKey(row.backend)
    const other = joined.get(key)
    joined.set(
      key,
      other === undefined
        ? row
        : { ...addConnections(other, row), backend: leastKnown(other.backend, row.backend) },
    )
  }
  return [...joined.values()]
}
