/** Checks a snapshot's rows of finished requests, and of wire entries. Columns that a newer helper adds at the end are ignored. */
import { isCount, isWall } from './wire-values.ts'
import type { WireEntryColumns, RequestColumns } from './wire.ts'

/** A year, µs: the limit for every duration. */
export const YEAR = 366 * 86_400_000_000

/** @param wall the snapshot's time; a request is at most a year away from it, even if the clock was set meanwhile */
export function isRequest(row: unknown, wall: number): row is RequestColumns {
  if (!Array.isArray(row) || row.length < 5) return false
  const [slot, at, outcome, header, total] = row as readonly unknown[]
  if (!isCount(slot) || !isWall(at) || Math.abs(at - wall) > YEAR) return false
  return isOutcome(outcome) && isSpan(header) && isSpan(total)
}

export const isWireEntry = (row: unknown): row is WireEntryColumns =>
  Array.isArray(row) && row.length >= 4 && row.slice(0, 4).every(isCount)

const isOutcome = (value: unknown): boolean =>
  (isCount(value) && value <= 999) || value === -1 || value === -2 || value === -3 || value === -4

const isSpan = (value: unknown): boolean => value === -1 || (isCount(value) && value <= YEAR)
