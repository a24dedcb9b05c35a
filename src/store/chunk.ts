/**
 * The request ring of one tick as a BLOB, six to nine bytes a request: the layout (1 plain, 2 deflated), then column after column: per
 * request the number of its (backend, route) pair in this chunk, where a new number is followed by both ids; the outcome (0–3 a
 * failure, else code − 96); the start as distance to the request before it (the first: to the tick's start); header time + 1 (0: none);
 * and total time as distance to the header time, shifted by one (0: none).
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
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

const PLAIN = 1
const DEFLATED = 2
const FIRST_CODE = 96
/** Shorter ones gain nothing. */
const WORTH_DEFLATING = 100

const bytes = new ByteWriter()

export interface Ids {
  readonly backend: (backend: Backend) => number
  readonly route: (route: Route) => number
}

export function packRequests(events: readonly RequestEvent[], start: WallMicros, ids: Ids): Buffer {
  const pairs = new Map<number, number>()
  for (const { backend, route } of events) putPair(pairs, ids.backend(backend), ids.route(route))
  for (const { outcome } of events) {
    bytes.unsigned(typeof outcome === 'number' ? outcome - FIRST_CODE : FAILURE_KINDS.indexOf(outcome))
  }
  let before: number = start
  for (const { at } of events) {
    bytes.signed(at - before)
    before = at
  }
  for (const { header } of events) bytes.unsigned(header === null ? 0 : header + 1)
  for (const { header, total } of events)
    bytes.unsigned(total === null ? 0 : zigzag(total - (header ?? 0)) + 1)
  const columns = bytes.take()
  return columns.length < WORTH_DEFLATING
    ? Buffer.concat([Buffer.of(PLAIN), columns])
    : Buffer.concat([Buffer.of(DEFLATED), deflateRawSync(columns, { level: 1 })])
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

/** @param n how many they are */
export function unpackRequests(packed: Buffer, n: number, start: WallMicros, names: Names): RequestEvent[] {
  const reader = new ByteReader(columnsOf(packed))
  const pairs: Pair[] = []
  const rows = times(n, () => takePair(reader, pairs, names))
  const outcomes = times(n, () => outcomeOf(reader.unsigned()))
  let at = start
  const starts = times(n, () => (at = addMicros(at, reader.signed())))
  const headers = times(n, () => optional(reader.unsigned()))
  return rows.map((pair, i) => {
    const header = headers[i] ?? null
    const distance = reader.unsigned()
    const total = distance === 0 ? null : micros((header ?? 0) + unzigzag(distance - 1))
    return { ...pair, at: starts[i]!, outcome: outcomes[i]!, header, total }
  })
}

function columnsOf(packed: Buffer): Uint8Array {
  const columns = packed.subarray(1)
  if (packed[0] === PLAIN) return columns
  if (packed[0] !== DEFLATED) throw new CorruptRow(`unknown layout ${packed[0]} of a request chunk`)
  try {
    return inflateRawSync(columns)
  } catch (error) {
    throw new CorruptRow(`a request chunk cannot be inflated: ${String(error)}`)
  }
}

interface Pair {
  readonly backend: Backend
  readonly route: Route
}

function takePair(reader: ByteReader, pairs: Pair[], names: Names): Pair {
  const index = reader.unsigned()
  if (index === pairs.length) {
    pairs.push({ backend: names.backend(reader.unsigned()), route: names.route(reader.unsigned()) })
  }
  const pair = pairs[index]
  if (pair === undefined) throw new CorruptRow(`no pair ${index} in a request chunk`)
  return pair
}

const times = <T>(n: number, take: () => T): T[] => Array.from({ length: n }, take)

const outcomeOf = (value: number): Outcome => failureOf(value) ?? value + FIRST_CODE
const failureOf = (value: number): FailureKind | undefined => FAILURE_KINDS[value]
const optional = (value: number): Micros | null => (value === 0 ? null : micros(value - 1))
