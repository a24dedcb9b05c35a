/**
 * The request ring of one tick as a BLOB, six to eight bytes per request: one byte for the layout (3), then columns of bits.ts:
 *
 *   the number of requests, a column of one value
 *   the (backend, route) pair: 0 for a pair that is new in this chunk, else 1 + its distance from the newest pair
 *   the backend ids of the new pairs, then their route ids, each as the difference from the one before
 *   the outcome by its number in this chunk (a new one: the next number); then the new outcomes: see chunk-columns.ts
 *   the start in µs since the request before; for the first, since the tick's start
 *   header time in µs + 1; 0: none
 *   total time − header time in µs, + 1 where that is not negative; 0: none
 */
import {
  FAILURE_KINDS,
  type Backend,
  type FailureKind,
  type Outcome,
  type RequestEvent,
  type Route,
} from '../../frame/model/frame.ts'
import { addMicros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { BitReader, BitWriter } from './bits.ts'
import type { ChunkColumns } from './chunk-columns.ts'
import { inflated, varintColumns } from './chunk-varint.ts'
import { checkCode, checkSpan, checkTime, MAX_LISTED } from './limits.ts'
import { PairNumbers } from './pair-numbers.ts'

const PLAIN = 1
const DEFLATED = 2
const BITS = 3
const FIRST_CODE = 96
const THREE_DIGITS = 100
/** A code below 100 has its place behind 999: a column holds no negative number, and 96–99 would be failures. */
const LOW_CODES = 1000
/** Requests per byte of a chunk at most: a request has five numbers of at least one bit, and deflate shrinks repeated numbers further. */
const MOST_PER_BYTE = 8

const bits = new BitWriter()
const pairNumbers = new PairNumbers()

export interface Ids {
  readonly backend: (backend: Backend) => number
  readonly route: (route: Route) => number
}

/** Each has one value per request. Reused for every chunk. */
let columns = columnsFor(1024)

export function packRequests(events: readonly RequestEvent[], start: WallMicros, ids: Ids): Buffer {
  const n = events.length
  if (columns.pair.length < n) columns = columnsFor(2 * n)
  const { pair, outcome, at, header, total } = columns
  const outcomes: number[] = []
  pairNumbers.begin(n)
  let before: number = start
  for (let i = 0; i < n; i++) {
    const event = events[i]!
    pair[i] = pairNumbers.distance(ids.backend(event.backend), ids.route(event.route))
    outcome[i] = numberOf(event.outcome, outcomes)
    at[i] = event.at - before
    before = event.at
    header[i] = event.header === null ? 0 : event.header + 1
    total[i] = event.total === null ? 0 : nonZero(event.total - (event.header ?? 0))
  }
  bits.column([n])
  bits.column(pair, n)
  bits.signed(differences(pairNumbers.backends))
  bits.signed(differences(pairNumbers.routes))
  bits.column(outcome, n)
  bits.column(outcomes)
  bits.signed(at, n)
  bits.column(header, n)
  bits.signed(total, n)
  return bits.take(BITS)
}

function columnsFor(n: number): Record<'pair' | 'outcome' | 'at' | 'header' | 'total', Float64Array> {
  const column = (): Float64Array => new Float64Array(n)
  return { pair: column(), outcome: column(), at: column(), header: column(), total: column() }
}

/** The index of the outcome in `known`; a new outcome is appended. */
function numberOf(outcome: Outcome, known: number[]): number {
  const value = typeof outcome === 'number' ? valueOfCode(outcome) : FAILURE_KINDS.indexOf(outcome)
  for (let i = 0; i < known.length; i++) if (known[i] === value) return i
  return known.push(value) - 1
}

const valueOfCode = (code: number): number => (code < THREE_DIGITS ? code + LOW_CODES : code) - FIRST_CODE

/** 0 means "none". */
const nonZero = (distance: number): number => (distance < 0 ? distance : distance + 1)

function differences(values: readonly number[]): number[] {
  let before = 0
  return values.map((value) => {
    const distance = value - before
    before = value
    return distance
  })
}

export interface Names {
  readonly backend: (id: number) => Backend
  readonly route: (id: number) => Route
}

/** @param n the number of requests */
export function unpackRequests(packed: Buffer, n: number, start: WallMicros, names: Names): RequestEvent[] {
  const columns = columnsOf(packed, n)
  const pairs = columns.pairs.map(([backend, route]) => ({
    backend: names.backend(backend),
    route: names.route(route),
  }))
  let at = start
  return columns.pair.map((index, i) => {
    const pair = pairs[index]
    if (pair === undefined) return noSuchNumber(index)
    at = addMicros(at, columns.at[i]!)
    checkTime(at, 0)
    const header = optional(columns.header[i]!)
    const distance = columns.total[i]!
    const total = distance === 0 ? null : checkSpan((header ?? 0) + (distance < 0 ? distance : distance - 1))
    return { ...pair, at, outcome: outcomeOf(columns.outcome[i]!), header, total }
  })
}

function columnsOf(packed: Buffer, n: number): ChunkColumns {
  if (n < 0 || n > MAX_LISTED) throw new CorruptRow(`a tick cannot list ${n} requests`)
  const content = packed.subarray(1)
  if (n > MOST_PER_BYTE * content.length)
    throw new CorruptRow(`${content.length} bytes cannot list ${n} requests`)
  switch (packed[0]) {
    case PLAIN:
      return varintColumns(content, n)
    case DEFLATED:
      return varintColumns(inflated(content), n)
    case BITS:
      return bitColumns(new BitReader(content), n)
    default:
      throw new CorruptRow(`unknown layout ${packed[0]} of a request chunk`)
  }
}

function bitColumns(reader: BitReader, n: number): ChunkColumns {
  if (reader.column(1)[0] !== n) throw new CorruptRow('a request chunk has a wrong number of requests')
  const pair = numbered(reader.column(n))
  const backends = runningSums(reader.signed(pair.newPairs))
  const routes = runningSums(reader.signed(pair.newPairs))
  const outcome = reader.column(n)
  const outcomes = reader.column(outcome.reduce((known, number) => (number === known ? known + 1 : known), 0))
  return {
    pairs: backends.map((backend, i) => [backend, routes[i]!]),
    pair: pair.numbers,
    outcome: outcome.map((number) => outcomes[number] ?? noSuchNumber(number)),
    at: reader.signed(n),
    header: reader.column(n),
    total: reader.signed(n),
  }
}

/** From distances behind the newest pair to indexes of pairs. */
function numbered(distances: readonly number[]): { readonly numbers: number[]; readonly newPairs: number } {
  let newPairs = 0
  const numbers = distances.map((distance) => {
    if (distance > newPairs) return noSuchNumber(distance)
    return distance === 0 ? newPairs++ : newPairs - distance
  })
  return { numbers, newPairs }
}

function noSuchNumber(number: number): never {
  throw new CorruptRow(`no number ${number} in a request chunk`)
}

function runningSums(differences: readonly number[]): number[] {
  let value = 0
  return differences.map((distance) => (value += distance))
}

const outcomeOf = (value: number): Outcome => failureOf(value) ?? codeOf(value + FIRST_CODE)
const codeOf = (value: number): number =>
  checkCode(value >= LOW_CODES && value < LOW_CODES + THREE_DIGITS ? value - LOW_CODES : value)
const failureOf = (value: number): FailureKind | undefined => FAILURE_KINDS[value]
const optional = (value: number): Micros | null => (value === 0 ? null : checkSpan(value - 1))
