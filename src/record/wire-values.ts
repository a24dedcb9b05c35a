/** Checks the values of a parsed line. They must be fast: a snapshot has a hundred thousand values. */

/** A non-negative integer below 2^53: every id, total and time of the wire. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER && Math.floor(value) === value

const MAX_DIGITS = 19

/** A total that may exceed 2^53, as a decimal string. */
export function isDecimal(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_DIGITS) return false
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i)
    if (digit < 0x30 || digit > 0x39) return false
  }
  return true
}

/** Nanoseconds of a clock: SQLite's integers have 63 bits for them. */
export const isNanos = (value: unknown): value is string => isDecimal(value) && BigInt(value) < 2n ** 63n

/** 2200-01-01, µs */
const LATEST = 7_258_118_400_000_000
export const isWall = (value: unknown): value is number => isCount(value) && value < LATEST

/** Paths are cut to 128 bytes, other names are shorter, and an escaped byte has four characters. */
export const MAX_NAME = 4096

/** Replaces lone surrogates, which cannot be stored. Control characters are data. null: too long, or no string. */
export function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value.length <= MAX_NAME ? wellFormed(value) : null
}

const LONE_SURROGATE = /\p{Surrogate}/gu
const wellFormed = (text: string): string => text.replace(LONE_SURROGATE, '\ufffd')

/** For text that is only displayed: cut to `max` characters. null: no string. */
export function shortened(value: unknown, max: number): string | null {
  if (value === undefined) return ''
  if (typeof value !== 'string') return null
  return wellFormed(value.length > max ? `${value.slice(0, max - 1)}…` : value)
}

/** The first `max` items. null: no list, or an invalid item. */
export function listOf<T>(
  value: unknown,
  max: number,
  itemOf: (item: unknown) => T | null,
): readonly T[] | null {
  if (value === undefined) return []
  if (!Array.isArray(value)) return null
  const items = value.slice(0, max).map(itemOf)
  return items.every((item) => item !== null) ? items : null
}

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
