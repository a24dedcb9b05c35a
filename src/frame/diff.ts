/** Two snapshots make a frame: totals are subtracted while they are 64 bit, and only then become numbers. */
import { backendKey, routeKey, sumCounts } from './aggregate.ts'
import type { Codes, ConnectionRow, Counts, Distribution, SecondFrame, TrafficRow } from './frame.ts'
import type { ConnectionTotals, DistributionTotals, Snapshot, TrafficTotals } from './snapshot.ts'
import { micros, type Micros } from './units.ts'

/** A late tick's remainder beyond this is a gap. */
export const LATE: Micros = micros(1_500_000)

/** Turns the snapshots of one run into frames. The first snapshot is the zero point; each further one ends a tick. */
export class Differ {
  #last: Snapshot
  #seq = 0
  readonly #traffic = new Map<number, TrafficTotals>()
  readonly #connections = new Map<number, ConnectionTotals>()

  constructor(first: Snapshot) {
    this.#last = withoutRows(first)
    for (const row of first.traffic) this.#traffic.set(row.slot, row)
    for (const row of first.connections) this.#connections.set(row.backend.id, row)
  }

  /** The tick between the snapshot before and this one. */
  next(snapshot: Snapshot): SecondFrame {
    const last = this.#last
    this.#last = withoutRows(snapshot)
    const length = micros(Number((snapshot.mono - last.mono) / 1000n))
    return {
      seq: this.#seq++,
      start: last.wall,
      mono: last.mono,
      length,
      traffic: joinSlots(snapshot.traffic.map((row) => this.#trafficRow(row)).filter(isActive)),
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

  #trafficRow(now: TrafficTotals): TrafficRow {
    const before = this.#traffic.get(now.slot)
    const codes = mergeCodeTotals(before?.codes ?? [], now.codes)
    this.#traffic.set(now.slot, {
      ...now,
      codes,
      header: withoutSamples(now.header),
      total: withoutSamples(now.total),
    })
    const { requests, answered, failures } = now
    return {
      backend: now.backend,
      route: now.route,
      requests: requests - (before?.requests ?? 0),
      answered: answered - (before?.answered ?? 0),
      codes: subtractCodes(codes, before?.codes ?? []),
      failures: before === undefined ? failures : subtractFields(failures, before.failures),
      interim: now.interim - (before?.interim ?? 0),
      retransmits: now.retransmits - (before?.retransmits ?? 0),
      retries: now.retries - (before?.retries ?? 0),
      bodyReset: now.bodyReset - (before?.bodyReset ?? 0),
      inFlight:
        requests - answered - failures.reset - failures.closed - failures.aborted - failures.unanswered,
      oldest: now.oldest,
      header: distribution(now.header, before?.header),
      total: distribution(now.total, before?.total),
    }
  }

  #connectionRow(now: ConnectionTotals): ConnectionRow {
    const before = this.#connections.get(now.backend.id)
    this.#connections.set(now.backend.id, { ...now, connect: withoutSamples(now.connect) })
    return {
      backend: now.backend,
      connects: now.connects - (before?.connects ?? 0),
      refused: now.refused - (before?.refused ?? 0),
      connectTimeout: now.connectTimeout - (before?.connectTimeout ?? 0),
      retransmits: now.retransmits - (before?.retransmits ?? 0),
      opaque: now.opaque - (before?.opaque ?? 0),
      connect: distribution(now.connect, before?.connect),
    }
  }
}

const distribution = (now: DistributionTotals, before: DistributionTotals | undefined): Distribution => ({
  count: now.count - (before?.count ?? 0),
  sum: micros(Number(now.sum - (before?.sum ?? 0n))),
  sampled: now.sampled,
  min: now.min,
  max: now.max,
  buckets: now.buckets,
})

/** The rows of a tick are garbage with it, not a second later. */
const withoutRows = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  traffic: [],
  connections: [],
  requests: [],
})

/** Samples are of one tick: what is remembered must not hold on to them. */
const withoutSamples = ({ count, sum }: DistributionTotals): DistributionTotals => ({
  count,
  sum,
  sampled: 0,
  min: null,
  max: null,
  buckets: [],
})

/** The wire names only the codes whose total changed. */
function mergeCodeTotals(before: Codes, changed: Codes): Codes {
  if (changed.length === 0) return before
  const totals = new Map<number, number>()
  for (let i = 0; i < before.length; i += 2) totals.set(before[i]!, before[i + 1]!)
  for (let i = 0; i < changed.length; i += 2) totals.set(changed[i]!, changed[i + 1]!)
  return [...totals].sort(([a], [b]) => a - b).flat()
}

/** Both sorted; `before` names a subset of the codes of `now`. */
function subtractCodes(now: Codes, before: Codes): Codes {
  const difference: number[] = []
  let j = 0
  for (let i = 0; i < now.length; i += 2) {
    const known = now[i] === before[j]
    const count = now[i + 1]! - (known ? before[j + 1]! : 0)
    if (known) j += 2
    if (count !== 0) difference.push(now[i]!, count)
  }
  return difference
}

function subtractFields<T extends Readonly<Record<keyof T, number>>>(a: T, b: T): T {
  const difference = { ...a } as Record<keyof T, number>
  for (const field of Object.keys(a) as (keyof T)[]) difference[field] = a[field] - b[field]
  return difference as T
}

/** Slots of the same backend and route (the same text from different raw bytes, or a retired slot and its successor) are one row. */
function joinSlots(rows: readonly TrafficRow[]): TrafficRow[] {
  const joined = new Map<string, TrafficRow>()
  for (const row of rows) {
    const key = `${backendKey(row.backend)} ${routeKey(row.route)}`
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
