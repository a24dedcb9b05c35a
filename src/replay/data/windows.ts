/** Sums over the last seconds. Consecutive pictures share nearly all ticks, so each tick is read once and kept while a window needs it. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { SecondFrame } from '../../frame/model/frame.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { spanOfFrame, type Span } from '../../frame/model/span.ts'
import { ofFrame } from '../../frame/sum/merge.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'

/** For longer windows the recording's own sums are cheaper than kept ticks. */
const MAX_KEPT = 120

export class Windows {
  readonly #recording: Recording
  /** ticks of the last window, by sequence number; null for a tick that cannot be read */
  #kept: ReadonlyMap<number, Span | null> = new Map()

  constructor(recording: Recording) {
    this.#recording = recording
  }

  /** @param frame the range's last tick, which the caller has read */
  sum({ from, to }: SeqRange, frame: SecondFrame): Aggregate {
    if (to - from === 1) return ofFrame(frame)
    if (to - from > MAX_KEPT) return this.#recording.aggregate({ from, to })
    const ticks = new Map<number, Span | null>()
    const sum = new RunningSum()
    for (let seq = from; seq < to; seq++) {
      const known = this.#kept.get(seq)
      const tick = known === undefined ? this.#read(seq, frame) : known
      ticks.set(seq, tick)
      if (tick !== null) sum.add(tick)
    }
    this.#kept = ticks
    return sum.total
  }

  #read(seq: number, last: SecondFrame): Span | null {
    const frame = seq === last.seq ? last : this.#recording.frame(seq)
    return frame && spanOfFrame(frame)
  }
}
