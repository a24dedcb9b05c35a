/** The ticks of a recording by wall minutes: the unit that is read, packed and forgotten. */
import type { SeqRange, TickSummary } from '../../../frame/model/recording.ts'
import { MINUTE } from '../../../frame/model/units.ts'
import type { TimeSpan } from '../../../frame/time/time.ts'

/** Consecutive ticks of a wall minute. Where the clock was set back a minute has several. */
export interface Chunk {
  /** number of the minute since 1970 */
  readonly minute: number
  /** in order, at least one */
  readonly ticks: readonly TickSummary[]
}

export function chunksOf(ticks: readonly TickSummary[]): Chunk[] {
  const chunks: { minute: number; ticks: TickSummary[] }[] = []
  for (const tick of ticks) {
    const minute = Math.floor(tick.start / MINUTE)
    const last = chunks.at(-1)
    if (last?.minute === minute && last.ticks.at(-1)!.seq + 1 === tick.seq) last.ticks.push(tick)
    else chunks.push({ minute, ticks: [tick] })
  }
  return chunks
}

/** The same ticks: what was packed of one is right for the other. */
export const isSameChunk = (a: Chunk, b: Chunk): boolean =>
  a.minute === b.minute && a.ticks.length === b.ticks.length && a.ticks[0]!.seq === b.ticks[0]!.seq

export const rangeOf = ({ ticks }: Chunk): SeqRange => ({
  from: ticks[0]!.seq,
  to: ticks.at(-1)!.seq + 1,
})

/** Those with ticks in the range, in the order of their minutes; those of the same minute in the order of their ticks. */
export function chunksWithin(chunks: readonly Chunk[], { from, to }: TimeSpan): Chunk[] {
  const [first, beyond] = [Math.floor(from / MINUTE), Math.ceil(to / MINUTE)]
  return chunks
    .filter((chunk) => chunk.minute >= first && chunk.minute < beyond)
    .filter((chunk) => isWithin(chunk, { from, to }) || chunk.ticks.some(isIn({ from, to })))
    .sort((a, b) => a.minute - b.minute || a.ticks[0]!.seq - b.ticks[0]!.seq)
}

/** All of its minute, and so every tick of it. */
export const isWithin = ({ minute }: Chunk, { from, to }: TimeSpan): boolean =>
  from <= minute * MINUTE && (minute + 1) * MINUTE <= to

export const isIn =
  ({ from, to }: TimeSpan) =>
  ({ start }: Pick<TickSummary, 'start'>): boolean =>
    start >= from && start < to
