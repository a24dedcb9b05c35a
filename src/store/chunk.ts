/**
 * The request ring of one tick as a BLOB, about eight bytes a request: first byte the layout (1), then per request
 * the number of its (backend, route) pair in this chunk (a new number is followed by both ids), the outcome (0–3 a failure,
 * else code − 96), the start as distance to the request before it (the first: to the tick's start), header time + 1 (0: none)
 * and total time as distance to the header time, shifted by one (0: none).
 */
import {
  FAILURE_KINDS,
  type Backend,
  type FailureKind,
  type Outcome,
  type RequestEvent,
  type Route,
} from '../frame/frame.ts'
import { addMicros, micros, type Micros, type WallMicros } from '../frame/units.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { CorruptRow } from './corrupt-row.ts'

const LAYOUT = 1
const FIRST_CODE = 96

const bytes = new ByteWriter()

export interface Ids {
  readonly backend: (backend: Backend) => number
  readonly route: (route: Route) => number
}

export function packRequests(events: readonly RequestEvent[], start: WallMicros, ids: Ids): Buffer {
  const pairs = new Map<number, number>()
  let before: number = start
  bytes.unsigned(LAYOUT)
  for (const { backend, route, at, outcome, header, total } of events) {
    putPair(pairs, ids.backend(backend), ids.route(route))
    bytes.unsigned(typeof outcome === 'number' ? outcome - FIRST_CODE : FAILURE_KINDS.indexOf(outcome))
    bytes.signed(at - before)
    bytes.unsigned(header === null ? 0 : header + 1)
    bytes.unsigned(total === null ? 0 : zigzag(total - (header ?? 0)) + 1)
    before = at
  }
  return bytes.take()
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)
const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)

/** Ids stay far below 2^21 (65,536 routes): both fit a safe integer. */
function putPair(pairs: Map<number, number>, backend: number, route: number): void {
  const key = backend * 2 ** 26 + route
  const known = pairs.get(key)
  bytes.unsigned(known ?? pairs.size)
  if (known !== undefined) return
  pairs.set(key, pairs.size)
  bytes.unsigned(backend)
  bytes.unsigned(route)
}

export interface Names {
  readonly backend: (id: number) => Backend
  readonly route: (id: number) => Route
}

export function unpackRequests(packed: Uint8Array, start: WallMicros, names: Names): RequestEvent[] {
  const reader = new ByteReader(packed)
  const layout = reader.unsigned()
  if (layout !== LAYOUT) throw new CorruptRow(`unknown layout ${layout} of a request chunk`)
  const pairs: { readonly backend: Backend; readonly route: Route }[] = []
  const events: RequestEvent[] = []
  let at = start
  while (!reader.done) {
    const index = reader.unsigned()
    if (index === pairs.length) {
      pairs.push({ backend: names.backend(reader.unsigned()), route: names.route(reader.unsigned()) })
    }
    const pair = pairs[index]
    if (pair === undefined) throw new CorruptRow(`no pair ${index} in a request chunk`)
    const outcome = outcomeOf(reader.unsigned())
    at = addMicros(at, reader.signed())
    const header = optional(reader.unsigned())
    const distance = reader.unsigned()
    const total = distance === 0 ? null : micros((header ?? 0) + unzigzag(distance - 1))
    events.push({ ...pair, at, outcome, header, total })
  }
  return events
}

const outcomeOf = (value: number): Outcome => failureOf(value) ?? value + FIRST_CODE
const failureOf = (value: number): FailureKind | undefined => FAILURE_KINDS[value]
const optional = (value: number): Micros | null => (value === 0 ? null : micros(value - 1))
