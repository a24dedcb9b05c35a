/** What a row of a snapshot may be. Columns that a newer helper adds at its end are left alone. */
import { BUCKETS } from '../frame/histogram.ts'
import type { ConnectionColumns, RequestColumns, TrafficColumns } from './wire.ts'
import { isCount, isDecimal, isWall } from './wire-values.ts'

export function isTraffic(row: unknown): row is TrafficColumns {
  if (!Array.isArray(row) || row.length < 18) return false
  const columns: readonly unknown[] = row
  for (let i = 0; i < 11; i++) if (!isCount(columns[i])) return false
  return (
    isDecimal(columns[11]) &&
    isCount(columns[12]) &&
    isDecimal(columns[13]) &&
    isCount(columns[14]) &&
    isCodes(columns[15]) &&
    isHistogram(columns[16]) &&
    isHistogram(columns[17])
  )
}

export function isConnection(row: unknown): row is ConnectionColumns {
  if (!Array.isArray(row) || row.length < 8) return false
  const columns: readonly unknown[] = row
  for (let i = 0; i < 6; i++) if (!isCount(columns[i])) return false
  return isDecimal(columns[6]) && isHistogram(columns[7])
}

/** A year, µs: nothing that a tick tells lasted longer. */
export const YEAR = 366 * 86_400_000_000

/** @param wall of the snapshot: a request began before it, whatever was done to the clock since */
export function isRequest(row: unknown, wall: number): row is RequestColumns {
  if (!Array.isArray(row) || row.length < 5) return false
  const [slot, at, outcome, header, total] = row as readonly unknown[]
  if (!isCount(slot) || !isWall(at) || Math.abs(at - wall) > YEAR) return false
  return isOutcome(outcome) && isSpan(header) && isSpan(total)
}

const isOutcome = (value: unknown): boolean =>
  (isCount(value) && value >= 100 && value <= 999) ||
  value === -1 ||
  value === -2 ||
  value === -3 ||
  value === -4

const isSpan = (value: unknown): boolean => value === -1 || (isCount(value) && value <= YEAR)

/** Three digits each, in any order. */
function isCodes(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > 2000 || value.length % 2 !== 0) return false
  const pairs: readonly unknown[] = value
  for (let i = 0; i < pairs.length; i += 2) {
    const code = pairs[i]
    if (!isCount(code) || code > 999 || !isCount(pairs[i + 1])) return false
  }
  return true
}

/** Buckets in their order, none of them empty. */
function isHistogram(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  const columns: readonly unknown[] = value
  const length = columns.length
  if (length === 0) return true
  if (length % 2 === 0 || length < 3 || length > 3 + 2 * BUCKETS) return false
  if (!isCount(columns[0]) || !isCount(columns[1]) || !isCount(columns[2])) return false
  let before = -1
  for (let i = 3; i < length; i += 2) {
    const bucket = columns[i]
    const count = columns[i + 1]
    if (!isCount(bucket) || bucket <= before || bucket >= BUCKETS || !isCount(count) || count === 0)
      return false
    before = bucket
  }
  return true
}
