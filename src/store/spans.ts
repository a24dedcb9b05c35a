/** A range of ticks as the fewest rows that make it up: whole minutes from their rollups, the ends tick by tick. */
import type { SeqRange } from '../frame/recording.ts'
import { spanOfFrame, type Span } from '../frame/span.ts'
import type { Access } from './connection.ts'
import type { Minute } from './ticks.ts'

/** In order. What cannot be read is left out. @param minutes all rollups, in order */
export function* spansIn(access: Access, minutes: readonly Minute[], { from, to }: SeqRange): Iterable<Span> {
  let next = from
  for (let i = firstFrom(minutes, from); i < minutes.length; i++) {
    const { first, ticks } = minutes[i]!
    if (first + ticks > to) break
    const rollup = rollupOf(access, first)
    if (rollup === null) continue
    yield* ticksIn(access, next, first)
    yield rollup
    next = first + ticks
  }
  yield* ticksIn(access, next, to)
}

/** Index of the first rollup that begins at `seq` or later. */
function firstFrom(minutes: readonly Minute[], seq: number): number {
  let [low, high] = [0, minutes.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (minutes[middle]!.first < seq) low = middle + 1
    else high = middle
  }
  return low
}

function* ticksIn({ frames }: Access, from: number, to: number): Iterable<Span> {
  for (let seq = from; seq < to; seq++) {
    const frame = frames.read(seq)
    if (frame !== null) yield spanOfFrame(frame)
  }
}

/** null where it cannot be read or does not match its checksum: its ticks may be whole. */
function rollupOf({ minutes }: Access, first: number): Span | null {
  const rollup = minutes.read(first)
  return rollup === null ? null : { ...rollup.span, ...rollup.rows }
}
