/** Lines of the wire become snapshots. Knows the columns' positions; nothing above this file does. */
import { routeKey } from '../frame/aggregate.ts'
import type { Backend, Control, Excluded, FailureKind, Loss, Outcome, Route } from '../frame/frame.ts'
import type {
  ConnectionTotals,
  DistributionTotals,
  RequestSample,
  Snapshot,
  TrafficTotals,
} from '../frame/snapshot.ts'
import { micros, monotonicNanos, wallMicros, type Micros } from '../frame/units.ts'
import { systemError } from '../errors.ts'
import {
  WIRE_VERSION,
  type ConnectionColumns,
  type HelloLine,
  type HistogramColumn,
  type RequestColumns,
  type SnapshotLine,
  type TrafficColumns,
  type WireLine,
} from './wire.ts'

export type Decoded =
  | { readonly kind: 'hello'; readonly hello: HelloLine }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'retired'; readonly slot: number }
  | { readonly kind: 'bye'; readonly reason: string }
  /** a dimension was learned, or the line was torn */
  | { readonly kind: 'nothing' }

interface Slot {
  readonly backend: Backend
  readonly route: Route
}

/** A route and how many slots stand for it: with the last of them it is forgotten. */
interface SharedRoute {
  readonly route: Route
  slots: number
}

export class Decoder {
  /** lines that were not of the wire: a killed helper tears its last one */
  malformed = 0
  readonly #backends = new Map<number, Backend>()
  readonly #slots = new Map<number, Slot>()
  readonly #routes = new Map<string, SharedRoute>()
  #nextRoute = 1

  decode(line: string): Decoded {
    const message = parse(line)
    if (message === null) {
      this.malformed++
      return { kind: 'nothing' }
    }
    switch (message.type) {
      case 'hello':
        return { kind: 'hello', hello: checkVersion(message) }
      case 'backend':
        this.#backends.set(message.id, {
          id: message.id,
          address: message.address,
          netns: message.netns,
          name: null,
        })
        return { kind: 'nothing' }
      case 'route':
        this.#learnSlot(message.id, message.backend, message.method, message.path)
        return { kind: 'nothing' }
      case 'snapshot':
        return { kind: 'snapshot', snapshot: this.#snapshot(message) }
      case 'retired':
        this.#forgetSlot(message.id)
        return { kind: 'retired', slot: message.id }
      case 'bye':
        return { kind: 'bye', reason: message.reason }
    }
  }

  #learnSlot(id: number, backendId: number, method: string, path: string): void {
    const key = routeKey({ method, path })
    let shared = this.#routes.get(key)
    if (shared === undefined)
      this.#routes.set(key, (shared = { route: { id: this.#nextRoute++, method, path }, slots: 0 }))
    shared.slots++
    this.#slots.set(id, { backend: this.#backend(backendId), route: shared.route })
  }

  #forgetSlot(id: number): void {
    const { route } = this.#slot(id)
    this.#slots.delete(id)
    const key = routeKey(route)
    const shared = this.#routes.get(key)
    if (shared !== undefined && --shared.slots === 0) this.#routes.delete(key)
  }

  #snapshot(line: SnapshotLine): Snapshot {
    return {
      wall: wallMicros(line.wall_us),
      mono: monotonicNanos(BigInt(line.mono_ns)),
      boot: BigInt(line.boot_ns),
      traffic: line.traffic.map((columns) => this.#traffic(columns)),
      connections: line.connections.map((columns) => this.#connection(columns)),
      requests: line.requests.map((columns) => this.#request(columns)),
      loss: lossOf(line.loss),
      excluded: excludedOf(line.excluded),
      control: controlOf(line.control),
      cost: { cpu: micros(line.cpu_us), rssBytes: line.rss_bytes },
      final: line.final ?? false,
    }
  }

  #traffic(columns: TrafficColumns): TrafficTotals {
    const [slot, requests, answered, reset, closed, aborted, unanswered, interim, retransmits, ...more] =
      columns
    const [retries, bodyReset, headerSum, totalCount, totalSum, oldest, codes, header, total] = more
    const { backend, route } = this.#slot(slot)
    return {
      slot,
      backend,
      route,
      requests,
      answered,
      codes: sortPairs(codes),
      failures: { reset, closed, aborted, unanswered },
      interim,
      retransmits,
      retries,
      bodyReset,
      oldest: micros(oldest),
      header: distributionTotals(answered, headerSum, header),
      total: distributionTotals(totalCount, totalSum, total),
    }
  }

  #connection(columns: ConnectionColumns): ConnectionTotals {
    const [backend, connects, refused, connectTimeout, retransmits, opaque, connectSum, connect] = columns
    return {
      backend: this.#backend(backend),
      connects,
      refused,
      connectTimeout,
      retransmits,
      opaque,
      connect: distributionTotals(connects, connectSum, connect),
    }
  }

  #request([slot, at, outcome, header, total]: RequestColumns): RequestSample {
    const { backend, route } = this.#slot(slot)
    return {
      backend,
      route,
      at: wallMicros(at),
      outcome: outcomeOf(outcome),
      header: knownMicros(header),
      total: knownMicros(total),
    }
  }

  #slot(id: number): Slot {
    const slot = this.#slots.get(id)
    if (slot === undefined) throw new Error(`the wire names route slot ${id} before it introduces it`)
    return slot
  }

  #backend(id: number): Backend {
    const backend = this.#backends.get(id)
    if (backend === undefined) throw new Error(`the wire names backend ${id} before it introduces it`)
    return backend
  }
}

function parse(line: string): WireLine | null {
  try {
    const value: unknown = JSON.parse(line)
    return isWireLine(value) ? value : null
  } catch {
    return null
  }
}

const TYPES: ReadonlySet<unknown> = new Set<WireLine['type']>([
  'hello',
  'backend',
  'route',
  'snapshot',
  'retired',
  'bye',
])

const isWireLine = (value: unknown): value is WireLine =>
  typeof value === 'object' && value !== null && 'type' in value && TYPES.has(value.type)

function checkVersion(hello: HelloLine): HelloLine {
  if (hello.wire === WIRE_VERSION) return hello
  throw systemError(
    `the helper speaks wire version "${hello.wire}", this program reads ${WIRE_VERSION}`,
    "rebuild both: 'make build'",
  )
}

const distributionTotals = (count: number, sum: string, samples: HistogramColumn): DistributionTotals => {
  const [sampled, min, max] = samples
  return {
    count,
    sum: BigInt(sum),
    sampled: sampled ?? 0,
    min: min === undefined ? null : micros(min),
    max: max === undefined ? null : micros(max),
    buckets: samples.slice(3),
  }
}

const knownMicros = (value: number): Micros | null => (value < 0 ? null : micros(value))

const FAILURE_OF = new Map<number, FailureKind>([
  [-1, 'reset'],
  [-2, 'closed'],
  [-3, 'aborted'],
  [-4, 'unanswered'],
])

const outcomeOf = (outcome: number): Outcome => FAILURE_OF.get(outcome) ?? outcome

/** Codes arrive in the order in which the kernel first saw them. */
function sortPairs(pairs: readonly number[]): readonly number[] {
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

const lossOf = (loss: SnapshotLine['loss']): Loss => ({
  ringDropped: loss.ring_dropped,
  mapRefused: loss.map_refused,
  unmatchedResponses: loss.unmatched_responses,
  ambiguous: loss.ambiguous,
  evicted: loss.evicted,
  fragments: loss.fragments,
  halfSeen: loss.half_seen,
  pathFolded: loss.path_folded,
  pipelineOverflow: loss.pipeline_overflow,
})

const excludedOf = (excluded: SnapshotLine['excluded']): Excluded => ({
  frontDoor: excluded.front_door,
  ignored: excluded.ignored,
  notSelected: excluded.not_selected,
  routed: excluded.routed,
  tls: excluded.tls,
  h2: excluded.h2,
})

const controlOf = (control: SnapshotLine['control']): Control => ({
  segments: control.segments,
  starts: control.starts,
  continuations: control.continuations,
  retransmits: control.retransmits,
  secondSightings: control.second_sightings,
  notHttp: control.not_http,
  partial: control.partial,
  ambiguous: control.ambiguous,
  fragments: control.fragments,
  opaque: control.opaque,
  excluded: control.excluded,
  requests: control.requests,
  answered: control.answered,
  failed: control.failed,
})
