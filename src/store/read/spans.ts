/** A range of ticks as few spans: whole minutes from their rollups, the ends tick by tick. */
import type { SeqRange } from '../../frame/model/recording.ts'
import { spanOfFrame, type Span } from '../../frame/model/span.ts'
import type { Access } from './connection.ts'
import type { Minute } from './ticks.ts'

/** The rollups and ticks that a recording has. */
export interface TickIndex {
  /** all rollups, in order */
  readonly minutes: readonly Minute[]
  /** the tick numbers in [from, to), in order */
  readonly seqs: (from: number, to: number) => Iterable<number>
}

/** In order. Ticks that cannot be read are skipped. */
export function* spansIn(
  access: Access,
  { minutes, seqs }: TickIndex,
  { from, to }: SeqRange,
): Iterable<Span> {
  let next = from
  for (let i = firstFrom(minutes, ({ first }) => first, from); i < minutes.length; i++) {
    const { first, ticks } = minutes[i]!
    if (first + ticks > to) break
    const rollup = rollupOf(access, first)
    if (rollup === null) continue
    yield* ticksOf(access, seqs(next, first))
    yield rollup
    next = first + ticks
  }
  yield* ticksOf(access, seqs(next, to))
}

/** Index of the first item whose number is `seq` or greater. @param list sorted by number */
export function firstFrom<T>(list: readonly T[], numberOf: (item: T) => number, seq: number): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (numberOf(list[middle]!) < seq) low = middle + 1
    else high = middle
  }
  return low
}

function* ticksOf({ frames }: Access, seqs: Iterable<number>): Iterable<Span> {
  for (const seq of seqs) {
    const frame = frames.read(seq)
    if (frame !== null) yield spanOfFrame(frame)
  }
}

/** null if it cannot be read or does not match its checksum; its ticks may still be readable. */
function rollupOf({ minutes }: Access, first: number): Span | null {
  const rollup = minutes.read(first)
  return rollup === null ? null : { ...rollup.span, ...rollup.rows }
}
