/** Which cells make the steps of a range: whole minutes where a step has room for them, ticks at the ends and for finer steps. */
import type { TickSummary } from '../../../frame/model/recording.ts'
import { MINUTE, type Micros } from '../../../frame/model/units.ts'
import type { TimeSpan } from '../../../frame/time/time.ts'
import { chunksWithin, isIn, isWithin, type Chunk } from './chunks.ts'

/** Chunks of the same minute, so that its ticks come in the order of their steps also where the clock was set back. */
export interface MinutePart {
  readonly minute: number
  /** of each the ticks that are wanted; null: all, in one cell */
  readonly chunks: readonly {
    readonly chunk: Chunk
    readonly only: ((tick: TickSummary) => boolean) | null
  }[]
}

export function partsOf(chunks: readonly Chunk[], range: TimeSpan, step: Micros): MinutePart[] {
  const isWanted = isIn(range)
  const parts: { minute: number; chunks: MinutePart['chunks'][number][] }[] = []
  for (const chunk of chunksWithin(chunks, range)) {
    const isWhole = step >= MINUTE && (isWithin(chunk, range) || chunk.ticks.every(isWanted))
    const part = { chunk, only: isWhole ? null : isWanted }
    const last = parts.at(-1)
    if (last?.minute === chunk.minute) last.chunks.push(part)
    else parts.push({ minute: chunk.minute, chunks: [part] })
  }
  return parts
}

/** Ticks that would have to be read one by one. */
export const ticksMissing = (parts: readonly MinutePart[], hasTicks: (chunk: Chunk) => boolean): number =>
  chunksByTick(parts)
    .filter((chunk) => !hasTicks(chunk))
    .reduce((sum, { ticks }) => sum + ticks.length, 0)

export const chunksByTick = (parts: readonly MinutePart[]): Chunk[] =>
  parts.flatMap(({ chunks }) => chunks.filter(({ only }) => only !== null).map(({ chunk }) => chunk))
