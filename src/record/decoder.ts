/** Decodes lines of the wire to snapshots. wire-shape.ts checks the lines; the positions of counters in rows are generated. */
import { isDeepStrictEqual } from 'node:util'
import { systemError } from '../errors.ts'
import { addressKey, routeKey } from '../frame/model/aggregate.ts'
import type { Backend, FailureKind, Outcome, RequestEvent, Route, Wire } from '../frame/model/frame.ts'
import type { ConnectionTotals, Snapshot, TrafficTotals, WireTotals } from '../frame/model/snapshot.ts'
import { REUSED } from '../frame/model/namespace.ts'
import { micros, monotonicNanos, wallMicros, type Micros } from '../frame/model/units.ts'
import { RefCounted } from '../frame/sum/ref-counted.ts'
import { Namespaces } from './namespaces.ts'
import {
  CODES,
  GRPC,
  connectionOf,
  controlOf,
  excludedOf,
  isConnection,
  isTraffic,
  lossOf,
  trafficOf,
  type ConnectionColumns,
  type TrafficColumns,
} from './rows.generated.ts'
import { isCodes } from './wire-columns.ts'
import { isWireEntry, isRequest } from './wire-rows.ts'
import { lineOf, type LineShape, type SnapshotShape } from './wire-shape.ts'
import {
  WIRE_VERSION,
  type WireEntryColumns,
  type WireEntryLine,
  type BackendLine,
  type HelloLine,
  type NamespaceLine,
  type RequestColumns,
  type RouteLine,
} from './wire.ts'

export type Decoded =
  | { readonly kind: 'hello'; readonly hello: HelloLine }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'retired'; readonly slot: number }
  | { readonly kind: 'retired_backend'; readonly backend: number }
  | { readonly kind: 'retired_wire'; readonly id: number }
  | { readonly kind: 'remark'; readonly text: string }
  | { readonly kind: 'bye'; readonly reason: string }
  /** a backend, route or wire entry was added, a backend or a namespace was named, or the line was skipped and counted */
  | { readonly kind: 'nothing' }

interface KnownBackend {
  /** another one after its names have changed */
  backend: Backend
  /** route slots in use */
  slots: number
}

interface Slot {
  readonly of: KnownBackend
  readonly route: Route
}

/** The names of addresses (`--name`), in every network namespace and instead of those that the helper knows. */
export type Labels = ReadonlyMap<string, readonly string[]>

/**
 * Limits for slots, backends and wire entries in use, and for the characters of their names. A helper has at most 65,536 routes, 4,095
 * backends and 4,095 wire entries.
 */
const MAX_NAMES = 2 ** 17
const MAX_CHARACTERS = 2 ** 26

export class Decoder {
  /** lines that are no lines of the wire, or out of order: a killed helper leaves its last line incomplete */
  malformed = 0
  /** rows of valid snapshots that are invalid, or have an unknown slot or backend */
  badRows = 0
  #hasHello = false
  readonly #backends = new Map<number, KnownBackend>()
  readonly #slots = new Map<number, Slot>()
  /** one route may belong to several slots: of different backends, or after one was retired */
  readonly #routes = new RefCounted<Route>()
  readonly #namespaces = new Namespaces()
  #nextRoute = 1
  readonly #wires = new Map<number, { readonly of: KnownBackend; readonly wire: Wire }>()
  /** one address may belong to several entries */
  readonly #addresses = new RefCounted<Wire>()
  #nextAddress = 1
  /** characters of all names in use */
  #characters = 0

  constructor(readonly labels: Labels = new Map()) {}

  /** No line makes it throw, except a first hello with another version of the wire. @throws UserError (exit 4) */
  decode(line: string): Decoded {
    const message = lineOf(line)
    return (message === null ? null : this.#read(message)) ?? this.#skip()
  }

  #skip(): Decoded {
    this.malformed++
    return NOTHING
  }

  /** null: out of order */
  #read(message: LineShape): Decoded | null {
    // hello comes first and once: without it the version is unknown.
    if ((message.type === 'hello') === this.#hasHello) return null
    switch (message.type) {
      case 'hello':
        checkVersion(message)
        this.#hasHello = true
        return { kind: 'hello', hello: message }
      case 'backend':
        return this.#addBackend(message) ? NOTHING : null
      case 'namespace':
        this.#renameNamespace(message)
        return NOTHING
      case 'route':
        return this.#addSlot(message) ? NOTHING : null
      case 'wire':
        return this.#addWire(message) ? NOTHING : null
      case 'snapshot':
        return { kind: 'snapshot', snapshot: this.#snapshot(message) }
      case 'retired':
        return this.#removeSlot(message.id) ? { kind: 'retired', slot: message.id } : null
      case 'retired_backend':
        return this.#removeBackend(message.id) ? { kind: 'retired_backend', backend: message.id } : null
      case 'retired_wire':
        return this.#removeWire(message.id) ? { kind: 'retired_wire', id: message.id } : null
      case 'remark':
        return { kind: 'remark', text: message.text }
      case 'bye':
        return { kind: 'bye', reason: message.reason }
    }
  }

  #addBackend({ id, address, netns, names }: BackendLine): boolean {
    const backend: Backend = {
      id,
      address,
      ...this.#namespaces.of(netns),
      names: this.labels.get(address) ?? names ?? null,
    }
    const known = this.#backends.get(id)
    if (known !== undefined) return this.#rename(known, backend)
    if (this.#backends.size >= MAX_NAMES || !this.#hasRoom(charactersOf(backend))) return false
    this.#backends.set(id, { backend, slots: 0 })
    return true
  }

  /** Only its names may change, and only in rows to come: a later line must not rename requests that were counted. */
  #rename(known: KnownBackend, now: Backend): boolean {
    const before = known.backend
    if (addressKey(now) !== addressKey(before)) return false
    if (isDeepStrictEqual(now.names, before.names)) return now.names !== null
    if (!this.#hasRoom(charactersOf(now) - charactersOf(before))) return false
    known.backend = now
    return true
  }

  /** Rows to come of its backends are those of another namespace. */
  #renameNamespace(line: NamespaceLine): void {
    if (!this.#namespaces.rename(line.id, line)) return
    for (const known of this.#backends.values())
      if (known.backend.netns % REUSED === line.id)
        known.backend = { ...known.backend, ...this.#namespaces.of(line.id) }
  }

  #addSlot({ id, backend: backendId, method, path }: RouteLine): boolean {
    const of = this.#backends.get(backendId)
    if (of === undefined || this.#slots.has(id) || this.#slots.size >= MAX_NAMES) return false
    const key = routeKey({ method, path })
    if (!this.#routes.has(key) && !this.#hasRoom(key.length)) return false
    const route = this.#routes.acquire(key, () => ({ id: this.#nextRoute++, method, path }))
    of.slots++
    this.#slots.set(id, { of, route })
    return true
  }

  #addWire({ id, backend: backendId, address }: WireEntryLine): boolean {
    const of = this.#backends.get(backendId)
    if (of === undefined || this.#wires.has(id) || this.#wires.size >= MAX_NAMES) return false
    if (!this.#addresses.has(address) && !this.#hasRoom(address.length)) return false
    const wire = this.#addresses.acquire(address, () => ({ id: this.#nextAddress++, address }))
    this.#wires.set(id, { of, wire })
    return true
  }

  #removeWire(id: number): boolean {
    const entry = this.#wires.get(id)
    if (entry === undefined) return false
    this.#wires.delete(id)
    const { address } = entry.wire
    if (this.#addresses.release(address)) this.#characters -= address.length
    return true
  }

  #hasRoom(length: number): boolean {
    if (this.#characters + length > MAX_CHARACTERS) return false
    this.#characters += length
    return true
  }

  #removeSlot(id: number): boolean {
    const slot = this.#slots.get(id)
    if (slot === undefined) return false
    this.#slots.delete(id)
    slot.of.slots--
    const key = routeKey(slot.route)
    if (this.#routes.release(key)) this.#characters -= key.length
    return true
  }

  /** Its slots are retired before it. */
  #removeBackend(id: number): boolean {
    const known = this.#backends.get(id)
    if (known === undefined || known.slots > 0) return false
    this.#characters -= charactersOf(known.backend)
    return this.#backends.delete(id)
  }

  #snapshot(line: SnapshotShape): Snapshot {
    const wall = wallMicros(line.wall_us)
    return {
      wall,
      mono: monotonicNanos(BigInt(line.mono_ns)),
      boot: BigInt(line.boot_ns),
      traffic: this.#validRows(line.traffic, (row) => (isTraffic(row) ? this.#traffic(row) : null)),
      connections: this.#validRows(line.connections, (row) =>
        isConnection(row) ? this.#connection(row) : null,
      ),
      requests: this.#validRows(line.requests, (row) => (isRequest(row, wall) ? this.#request(row) : null)),
      wires:
        line.wires && this.#validRows(line.wires, (row) => (isWireEntry(row) ? this.#wireTotals(row) : null)),
      loss: lossOf(line.loss),
      excluded: excludedOf(line.excluded),
      control: controlOf(line.control),
      cost: { cpu: micros(line.cpu_us), rssBytes: line.rss_bytes },
      final: line.final ?? false,
    }
  }

  /** Only the bad row is dropped. Totals are cumulative, so the next row of the same slot contains its counts. */
  #validRows<T>(rows: readonly unknown[], read: (row: unknown) => T | null): readonly T[] {
    const valid: T[] = []
    for (const row of rows) {
      const one = read(row)
      if (one === null) this.badRows++
      else valid.push(one)
    }
    return valid
  }

  #traffic(columns: TrafficColumns): TrafficTotals | null {
    const known = this.#slots.get(columns[0])
    const codes = sortPairs(columns[CODES])
    return known === undefined || codes === null
      ? null
      : trafficOf(columns, known.of.backend, known.route, codes, knownPairs(columns[GRPC]))
  }

  #connection(columns: ConnectionColumns): ConnectionTotals | null {
    const known = this.#backends.get(columns[0])
    return known === undefined ? null : connectionOf(columns, known.backend)
  }

  #wireTotals([id, connects, requests, failures]: WireEntryColumns): WireTotals | null {
    const known = this.#wires.get(id)
    if (known === undefined) return null
    return { id, backend: known.of.backend, wire: known.wire, connects, requests, failures }
  }

  #request([slot, at, outcome, header, total]: RequestColumns): RequestEvent | null {
    const known = this.#slots.get(slot)
    if (known === undefined) return null
    return {
      backend: known.of.backend,
      route: known.route,
      at: wallMicros(at),
      outcome: outcomeOf(outcome),
      header: knownMicros(header),
      total: knownMicros(total),
    }
  }
}

const NOTHING: Decoded = { kind: 'nothing' }

const charactersOf = ({ address, names }: Backend): number =>
  (names ?? []).reduce((sum, name) => sum + name.length, address.length)

function checkVersion(hello: HelloLine): void {
  if (hello.wire === WIRE_VERSION) return
  throw systemError(
    `the helper speaks wire version "${hello.wire}", this program reads ${WIRE_VERSION}`,
    "rebuild both: 'make build'",
  )
}

const knownMicros = (value: number): Micros | null => (value < 0 ? null : micros(value))

const FAILURE_OF = new Map<number, FailureKind>([
  [-1, 'reset'],
  [-2, 'closed'],
  [-3, 'aborted'],
  [-4, 'unanswered'],
])

const outcomeOf = (outcome: number): Outcome => FAILURE_OF.get(outcome) ?? outcome

/** Insertion sort is used up to this number of codes. A backend that makes up codes may have hundreds. */
const FEW = 16

/** Codes arrive in the order in which the kernel first saw them. null: a code comes twice */
function sortPairs(pairs: readonly number[]): readonly number[] | null {
  const sorted = pairs.length > 2 * FEW ? sortMany(pairs) : sortFew(pairs)
  for (let i = 2; i < sorted.length; i += 2) if (sorted[i] === sorted[i - 2]) return null
  return sorted
}

/** null: an older helper does not have the column, or it has another meaning. The row is valid all the same. */
const knownPairs = (column: unknown): readonly number[] | null => (isCodes(column) ? sortPairs(column) : null)

function sortFew(pairs: readonly number[]): readonly number[] {
  const sorted = [...pairs]
  for (let end = 2; end < sorted.length; end += 2) {
    for (let i = end; i > 0 && sorted[i]! < sorted[i - 2]!; i -= 2) {
      const [code, total] = [sorted[i]!, sorted[i + 1]!]
      sorted[i] = sorted[i - 2]!
      sorted[i + 1] = sorted[i - 1]!
      sorted[i - 2] = code
      sorted[i - 1] = total
    }
  }
  return sorted
}

const sortMany = (pairs: readonly number[]): readonly number[] =>
  Array.from({ length: pairs.length / 2 }, (_, i): [number, number] => [pairs[2 * i]!, pairs[2 * i + 1]!])
    .sort(([a], [b]) => a - b)
    .flat()
