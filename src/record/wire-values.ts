/** What the values of a line may be: JSON.parse gives anything. Pure, and fast: a snapshot has a hundred thousand of them. */

/** A whole number below 2^53, not negative: every id, total and time of the wire. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER && Math.floor(value) === value

const MOST_DIGITS = 19

/** A total that may pass 2^53. */
export function isDecimal(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MOST_DIGITS) return false
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i)
    if (digit < 0x30 || digit > 0x39) return false
  }
  return true
}

/** Nanoseconds of a clock: SQLite has 63 bits for them. */
export const isNanos = (value: unknown): value is string => isDecimal(value) && BigInt(value) < 2n ** 63n

/** 2200-01-01, µs */
export const LATEST = 7_258_118_400_000_000
export const isWall = (value: unknown): value is number => isCount(value) && value < LATEST

/** A path is cut to 128 bytes and the rest of the names are shorter; escapes make four characters of a byte. */
export const LONGEST_NAME = 4096

/** Without lone surrogates: they could be stored nowhere. null: too long, or no text. Control characters are data. */
export function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value.length <= LONGEST_NAME ? wellFormed(value) : null
}

const LONE_SURROGATE = /\p{Surrogate}/gu
const wellFormed = (text: string): string => text.replace(LONE_SURROGATE, '\ufffd')

/** For words that are only shown. null: no text. */
export function shortened(value: unknown, longest: number): string | null {
  if (value === undefined) return ''
  if (typeof value !== 'string') return null
  return wellFormed(value.length > longest ? `${value.slice(0, longest - 1)}…` : value)
}

/** At most so many. null: no list, or one with something else in it. */
export function listOf<T>(
  value: unknown,
  most: number,
  itemOf: (item: unknown) => T | null,
): readonly T[] | null {
  if (value === undefined) return []
  if (!Array.isArray(value)) return null
  const items = value.slice(0, most).map(itemOf)
  return items.every((item) => item !== null) ? items : null
}

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
