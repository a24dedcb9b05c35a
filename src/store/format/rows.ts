/** Counts written as cells and read back, in the order of COUNT_COLUMNS and CONNECTION_COLUMNS. */
import type { Control, Excluded, Loss } from '../../frame/model/counters.generated.ts'
import { NO_DISTRIBUTION } from '../../frame/model/distribution.ts'
import type { Codes, Distribution } from '../../frame/model/frame.ts'
import { grpcStatusOf, grpcWord } from '../../frame/model/grpc.ts'
import type { Micros } from '../../frame/model/units.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { integer, type SqlRow, type SqlValue } from '../sqlite/database.ts'
import { packBuckets, unpackBuckets } from './buckets.ts'
import { checkCount, checkSpan, checkSum } from './limits.ts'

/** Adds the codes to the five cells of their classes, which follow the cell `before`. */
export function writeClasses(cells: SqlValue[], before: number, codes: Codes): void {
  if (codes.length === 2 && codes[0] === 200) {
    cells[before + 2] = codes[1]!
    return
  }
  for (let i = 0; i < codes.length; i += 2) {
    const group = Math.floor(codes[i]! / 100)
    if (group >= 1 && group <= 5) cells[before + group] = integer(cells[before + group]) + codes[i + 1]!
  }
}

/** The answers with code 200 are the 2xx answers minus the other 2xx codes, so the most common code needs no row. */
export function withCode200(others: Codes, twoxx: number): Codes {
  if (others.length === 0) return twoxx === 0 ? [] : [200, twoxx]
  let ok = twoxx
  let at = 0
  for (let i = 0; i < others.length; i += 2) {
    if (others[i]! < 200) at = i + 2
    else if (others[i]! < 300) ok -= others[i + 1]!
  }
  checkCount(ok)
  return ok === 0 ? others : [...others.slice(0, at), 200, ok, ...others.slice(at)]
}

/** As an object of JSON, `{"0":12,"none":1}`; empty where there was no gRPC, which is most rows. */
export function writeGrpc(grpc: Codes | null): string | null {
  if (grpc === null || grpc.length === 0) return grpc && ''
  let pairs = ''
  for (let i = 0; i < grpc.length; i += 2)
    pairs += `${i === 0 ? '' : ','}"${grpcWord(grpc[i]!)}":${grpc[i + 1]!}`
  return `{${pairs}}`
}

/** null: unknown, because the recording lacks the column, or its helper did not tell */
export function readGrpc(cell: Cell): Codes | null {
  if (cell === null) return null
  if (cell === '') return NO_GRPC
  const pairs = Object.entries(objectOf(cell)).map(([word, value]): [number, number] => {
    const status = grpcStatusOf(word)
    if (status === null || typeof value !== 'number' || !Number.isInteger(value) || value === 0)
      throw new CorruptRow(`"${word}" is no count of a grpc-status`)
    return [status, checkCount(value)]
  })
  return pairs.sort(([a], [b]) => a - b).flat()
}

const NO_GRPC: Codes = []

function objectOf(cell: Cell): object {
  try {
    const value: unknown = typeof cell === 'string' ? JSON.parse(cell) : null
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // not JSON
  }
  throw new CorruptRow('counts of grpc-statuses are no object of JSON')
}

export function writeDistribution(cells: SqlValue[], at: number, distribution: Distribution): void {
  cells[at] = distribution.count
  cells[at + 1] = distribution.sum
  cells[at + 2] = distribution.sampled
  cells[at + 3] = distribution.min
  cells[at + 4] = distribution.max
  cells[at + 5] = packBuckets(distribution.buckets)
}

export function readDistribution(row: SqlRow, at: number): Distribution {
  if (row[at] === 0 && row[at + 2] === 0 && row[at + 1] === 0) return NO_DISTRIBUTION
  return {
    count: count(row[at]),
    sum: checkSpan(integer(row[at + 1])),
    sampled: count(row[at + 2]),
    min: bound(row[at + 3]),
    max: bound(row[at + 4]),
    buckets: unpackBuckets(packed(row[at + 5])),
  }
}

type Cell = SqlValue | undefined
export const count = (cell: Cell): number => checkCount(integer(cell))
export const sum = (cell: Cell): number => checkSum(integer(cell))
export const span = (cell: Cell): Micros => checkSpan(integer(cell))
/** null: unknown, because the recording lacks the column */
export const known = (cell: Cell): number | null => (cell === null ? null : count(cell))
export const knownSum = (cell: Cell): number | null => (cell === null ? null : sum(cell))
const bound = (cell: Cell): Micros | null => (cell === null ? null : span(cell))

function packed(cell: SqlValue | undefined): Uint8Array | null {
  if (cell === null || Buffer.isBuffer(cell)) return cell
  throw new CorruptRow(`expected bytes, found ${typeof cell}`)
}

export interface HostCounts {
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
}
