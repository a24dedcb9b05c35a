/**
 * Limits that no recording of ours exceeds. A file may be hostile: a number beyond a limit is damage, so a loop, list or allocation
 * never has the size that a file merely claims.
 */
import { MAX_COUNT } from '../../frame/model/frame.ts'
import { micros, type Micros } from '../../frame/model/units.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'

/** One tick per second for 68 years; row ids, `seq · 2^20 + n`, stay below 2^53. */
export const MAX_SEQ = 2 ** 31
/** For sums over a host and for µs: thirteen thousand requests that took a day each. The sum of eight such values is exact. */
const MAX_SUM = 2 ** 50
/** 2200-01-01, µs since 1970 */
const LATEST = 7_258_118_400e6
/** The largest value of `--requests`. */
export const MAX_LISTED = 100_000
/** Ticks per rollup. A rollup sums the ticks of one minute; a clock that is set back can make them more than 60. */
export const MAX_MINUTE_TICKS = 3600
/** @param start µs since 1970; @param length µs. @throws CorruptRow outside 1970–2200 */
export function checkTime(start: number, length: number): void {
  if (start >= 0 && length >= 0 && start + length <= LATEST) return
  throw new CorruptRow('a tick is outside 1970–2200')
}

/** Rates divide by the length of a tick, so it is not 0. @param start µs since 1970; @param length µs. @throws CorruptRow */
export function checkTick(start: number, length: number): void {
  checkTime(start, length)
  if (length === 0) throw new CorruptRow('a tick has the length 0')
}

export function checkSeq(seq: number): number {
  if (seq >= 0 && seq < MAX_SEQ) return seq
  throw new CorruptRow(`a tick cannot have the number ${seq}`)
}

/** @throws CorruptRow */
export function checkCount(count: number): number {
  if (count >= 0 && count <= MAX_COUNT) return count
  throw new CorruptRow(`a counter of a minute cannot be ${count}`)
}

/** @throws CorruptRow */
export function checkSum(sum: number): number {
  if (sum >= 0 && sum <= MAX_SUM) return sum
  throw new CorruptRow(`a sum of a minute cannot be ${sum}`)
}

/** @throws CorruptRow */
export const checkSpan = (span: number): Micros => micros(checkSum(span))

/** A code has three digits. @throws CorruptRow */
export function checkCode(code: number): number {
  if (code >= 0 && code <= 999) return code
  throw new CorruptRow(`a status code cannot be ${code}`)
}
