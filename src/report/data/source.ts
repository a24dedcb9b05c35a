/** Recordings as a report reads them: several at once, each with its clock corrected. */
import type { Recording, SeqRange, TickSummary } from '../../frame/model/recording.ts'
import { spanOfFrame, type Span } from '../../frame/model/span.ts'
import { addMicros, type WallMicros } from '../../frame/model/units.ts'
import { ticksWithin, type TimeSpan } from '../../frame/time/time.ts'

/** The recording with all times shifted: `offset` (µs) is added to the host's clock. */
export function shifted(recording: Recording, offset: number): Recording {
  if (offset === 0) return recording
  const move = (at: WallMicros): WallMicros => addMicros(at, offset)
  const ticks = keepLast((argument: readonly TickSummary[]) =>
    argument.map((tick) => ({ ...tick, start: move(tick.start) })),
  )
  return {
    get info() {
      const { info } = recording
      const began = info.began === undefined ? {} : { began: move(info.began) }
      return { ...info, ...began, start: move(info.start), end: move(info.end) }
    },
    get ticks() {
      return ticks(recording.ticks)
    },
    get gaps() {
      return recording.gaps.map((gap) => ({ ...gap, from: move(gap.from), to: move(gap.to) }))
    },
    get markers() {
      return recording.markers.map((marker) => ({ ...marker, at: move(marker.at) }))
    },
    get damage() {
      return recording.damage
    },
    get place() {
      return recording.place == null ? null : { ...recording.place, offset: recording.place.offset + offset }
    },
    frame: (seq) => {
      const frame = recording.frame(seq)
      return frame === null ? null : { ...frame, start: move(frame.start) }
    },
    columns: (range) => {
      const columns = recording.columns?.(range) ?? null
      if (columns === null) return null
      return {
        ...columns,
        heads: columns.heads.map((head) => ({ ...head, start: move(head.start) })),
        requests: columns.requests.map((events) => events.map((event) => ({ ...event, at: move(event.at) }))),
      }
    },
    aggregate: (range) => {
      const sum = recording.aggregate(range)
      return { ...sum, from: move(sum.from), to: move(sum.to) }
    },
    spans: (range) =>
      spansOf(recording, range).map((span) => ({ ...span, from: move(span.from), to: move(span.to) })),
    *requests(range) {
      for (const event of recording.requests(range)) yield { ...event, at: move(event.at) }
    },
    refresh: () => recording.refresh(),
    close: () => recording.close(),
  }
}

/** Keeps the result for the last argument. The ticks are a new array after damage was found while reading. */
function keepLast<T extends object, U>(compute: (argument: T) => U): (argument: T) => U {
  let last: { readonly argument: T; readonly result: U } | null = null
  return (argument) =>
    (last?.argument === argument ? last : (last = { argument, result: compute(argument) })).result
}

/** The rows of a few ticks or of whole minutes. */
export function spansOf(recording: Recording, range: SeqRange): readonly Span[] {
  if (recording.spans !== undefined) return recording.spans(range)
  return Array.from({ length: range.to - range.from }, (_, i) => recording.frame(range.from + i))
    .filter((frame) => frame !== null)
    .map(spanOfFrame)
}

export const ticksIn = (recordings: readonly Recording[], range: TimeSpan): number =>
  recordings
    .flatMap((recording) => ticksWithin(recording.ticks, range))
    .reduce((sum, { from, to }) => sum + to - from, 0)
