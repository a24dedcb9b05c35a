/**
 * What no recording of ours exceeds. A file is passed around: beyond these a number is damage, so that no loop, no list and no memory
 * follows what a file merely claims.
 */
import { micros, type Micros } from '../../frame/model/units.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'

/** A tick a second for 68 years; a row's id, `seq · 2^20 + n`, stays exact. */
export const MAX_SEQ = 2 ** 31
/** Of a backend and a route, in a tick or a minute: half a million a second for an hour. */
const MAX_COUNT = 2 ** 31 - 1
/** Of a whole host, and of µs: thirteen thousand requests that took a day each. Eight of them are still added up exactly. */
const MAX_SUM = 2 ** 50
/** 2200-01-01, µs since 1970 */
const LATEST = 7_258_118_400e6
/** The most that `--requests` takes. */
export const MAX_LISTED = 100_000
/** A rollup sums the ticks of a minute; a clock that is set back may bring it some more. */
export const MAX_MINUTE_TICKS = 3600
/** @param start µs since 1970; @param length µs. @throws CorruptRow for what lies outside 1970–2200 */
export function checkTime(start: number, length: number): void {
  if (start >= 0 && length >= 0 && start + length <= LATEST) return
  throw new CorruptRow('a tick lies outside 1970–2200')
}

export function checkSeq(seq: number): number {
  if (seq >= 0 && seq < MAX_SEQ) return seq
  throw new CorruptRow(`no tick has the number ${seq}`)
}

/** @throws CorruptRow */
export function checkCount(count: number): number {
  if (count >= 0 && count <= MAX_COUNT) return count
  throw new CorruptRow(`nothing is counted ${count} times in a minute`)
}

/** @throws CorruptRow */
export function checkSum(sum: number): number {
  if (sum >= 0 && sum <= MAX_SUM) return sum
  throw new CorruptRow(`no sum of a minute is ${sum}`)
}

/** @throws CorruptRow */
export const checkSpan = (span: number): Micros => micros(checkSum(span))

/** Three digits. @throws CorruptRow */
export function checkCode(code: number): number {
  if (code >= 0 && code <= 999) return code
  throw new CorruptRow(`no status is ${code}`)
}
