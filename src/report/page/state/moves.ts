/** Zooming and moving a range within all that there is. Pure; seconds since 1970. */
import type { Range } from './address.ts'

/** A range stays at least so long: a shorter one is a single tick. */
export const LEAST_SECONDS = 5

/** @param wanted null: all */
export function rangeWithin(wanted: Range | null, all: Range): Range {
  if (wanted === null) return all
  const length = Math.min(all.to - all.from, Math.max(LEAST_SECONDS, wanted.to - wanted.from))
  // A range that is too short grows on both sides.
  const middle = (wanted.from + wanted.to) / 2
  const from = length > wanted.to - wanted.from ? middle - length / 2 : wanted.from
  const start = Math.max(all.from, Math.min(all.to - length, from))
  return { from: start, to: start + length }
}

/** null where the result is all of it. @param factor below 1 shows less */
export function zoomed(range: Range, factor: number, around: number, all: Range): Range | null {
  const length = (range.to - range.from) * factor
  if (length >= all.to - all.from) return null
  const centre = Math.max(range.from, Math.min(range.to, around))
  const before = (centre - range.from) / (range.to - range.from)
  const least = Math.max(LEAST_SECONDS, length)
  return rangeWithin({ from: centre - before * least, to: centre + (1 - before) * least }, all)
}

/** Moved so that the moment lies in it; the same range if it does already. */
export function rangeWith(range: Range, at: number, all: Range): Range {
  if (at >= range.from && at < range.to) return range
  const length = range.to - range.from
  return rangeWithin({ from: at - length / 2, to: at + length / 2 }, all)
}

/** So that the span is about a third of what is shown, and seen to begin and to end. */
export function rangeAround(span: Range, all: Range): Range | null {
  const length = Math.max(LEAST_SECONDS, span.to - span.from)
  const around = { from: span.from - Math.max(20, length), to: span.to + Math.max(20, length) }
  return around.to - around.from >= all.to - all.from ? null : rangeWithin(around, all)
}

export const momentWithin = (at: number, { from, to }: Range): number =>
  Math.max(from, Math.min(Math.max(from, to - 1e-3), at))
