/** Columns of rows made from their cells, each column in one loop: what rows.ts and cells.generated.ts make of one row. */
import { CONNECTION, ROUTE, type Counter } from '../../frame/model/counters.ts'
import type { PairColumn } from '../../frame/model/tick-columns.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { integer, type SqlRow } from '../sqlite/database.ts'
import { appendBuckets } from './buckets.ts'
import { checkCode, checkCount } from './limits.ts'
import { count, known, knownSum, readGrpc, sum, withCode200 } from './rows.ts'

type Cell = SqlRow[number] | undefined
type ReadCell = (cell: Cell) => number | null
type Numbers = Readonly<Record<string, readonly (number | null)[]>>

/** The rows of ticks, and where those of each tick end. */
export interface ByTick {
  readonly rows: readonly SqlRow[]
  readonly ends: readonly number[]
}

/** @param columns of the table @param at the first of their cells in a row */
export function numbersOf(rows: readonly SqlRow[], columns: readonly string[], at: number): Numbers {
  const numbers: Record<string, readonly (number | null)[]> = {}
  columns.forEach((column, i) => {
    const read = readerOf(column)
    if (read !== null) numbers[column] = rows.map((row) => read(row[at + i]))
  })
  return numbers
}

const BYTES = new Set(
  [...ROUTE, ...CONNECTION].filter(({ kind }: Counter) => kind === 'bytes').map(({ word }) => word as string),
)
const LATER = new Set(
  [...ROUTE, ...CONNECTION]
    .filter(({ since }: Counter) => since === 'later')
    .map(({ word }) => word as string),
)

/** null: no column of numbers */
function readerOf(column: string): ReadCell | null {
  if (column === 'grpc' || column.endsWith('_buckets')) return null
  if (column.endsWith('_min') || column.endsWith('_max') || BYTES.has(column)) return knownSum
  if (column.endsWith('_sum') || column === 'oldest') return sum
  return LATER.has(column) ? known : count
}

/** A mutable PairColumn. */
interface Pairs {
  readonly lengths: number[]
  readonly keys: number[]
  readonly counts: number[]
}
const noPairs = (): Pairs => ({ lengths: [], keys: [], counts: [] })

function appendPairs({ lengths, keys, counts }: Pairs, flat: readonly number[]): void {
  for (let i = 0; i < flat.length; i += 2) {
    keys.push(flat[i]!)
    counts.push(flat[i + 1]!)
  }
  lengths.push(flat.length / 2)
}

/** @param at the cell of the histogram, as `bytesOfHex` leaves it */
export function bucketsOf(rows: readonly SqlRow[], at: number): PairColumn {
  const pairs = noPairs()
  for (const row of rows) {
    const bytes = row[at] as ArrayLike<number> | null
    pairs.lengths.push(appendBuckets(bytes, pairs.keys, pairs.counts))
  }
  return pairs
}

/**
 * The bytes of a BLOB that SQLite gave as text: a list of numbers takes a third of the time of a Buffer, of which millions are work for the
 * garbage collector. null for an empty one, because hex(NULL) is empty; no histogram is an empty BLOB.
 */
export function bytesOfHex(cell: Cell): readonly number[] | null {
  if (typeof cell !== 'string') throw new CorruptRow(`expected bytes, found ${typeof cell}`)
  if (cell === '') return null
  const bytes: number[] = []
  for (let i = 0; i < cell.length; i += 2)
    bytes.push(digit(cell.charCodeAt(i)) * 16 + digit(cell.charCodeAt(i + 1)))
  return bytes
}

/** Of 0–9 and A–F. */
const digit = (code: number): number => (code < 58 ? code - 48 : code - 55)

export function grpcOf(rows: readonly SqlRow[], at: number): PairColumn {
  const pairs = noPairs()
  for (const row of rows) {
    const codes = readGrpc(row[at] ?? null)
    if (codes === null) pairs.lengths.push(-1)
    else appendPairs(pairs, codes)
  }
  return pairs
}

/**
 * The rows of other codes than 200 have the order of the traffic rows, so the next ones are those of the traffic row.
 * @param traffic id, backend, route, counts @param status id, backend, route, code, answers @param twoxx the 2xx answers of each row
 */
export function codesOf(traffic: ByTick, status: ByTick, twoxx: readonly (number | null)[]): PairColumn {
  const pairs = noPairs()
  let row = 0
  let next = 0
  traffic.ends.forEach((end, tick) => {
    const last = status.ends[tick]!
    for (; row < end; row++) {
      const keys = traffic.rows[row]!
      const first = next
      while (next < last && isOf(status.rows[next]!, keys)) next++
      if (first < next) appendPairs(pairs, withCode200(others(status.rows, first, next), twoxx[row]!))
      else appendOnly200(pairs, twoxx[row]!)
    }
    next = last
  })
  return pairs
}

const isOf = (status: SqlRow, traffic: SqlRow): boolean =>
  status[1] === traffic[1] && status[2] === traffic[2]

/** Most rows have no other code. */
function appendOnly200({ lengths, keys, counts }: Pairs, answers: number): void {
  lengths.push(answers === 0 ? 0 : 1)
  if (answers === 0) return
  keys.push(200)
  counts.push(answers)
}

function others(rows: readonly SqlRow[], from: number, to: number): number[] {
  const codes: number[] = []
  for (let i = from; i < to; i++) {
    const code = checkCode(integer(rows[i]![3]))
    if (code <= (codes.at(-2) ?? 0)) throw new CorruptRow('status codes are out of order')
    codes.push(code, checkCount(integer(rows[i]![4])))
  }
  return codes
}

/** The answers by class, from their codes: a file may say something else in its columns of classes. */
export function classesOf({ lengths, keys, counts }: PairColumn): Numbers {
  const classes: Record<string, number[]> = {}
  for (let digit = 1; digit <= 5; digit++) {
    classes[`status_${digit}xx`] = new Array<number>(lengths.length).fill(0)
  }
  let at = 0
  lengths.forEach((length, row) => {
    for (const end = at + length; at < end; at++) {
      const answers = classes[`status_${Math.floor(keys[at]! / 100)}xx`]
      if (answers !== undefined) answers[row]! += counts[at]!
    }
  })
  return classes
}
