/** The sum of a recording from its start, to which new ticks are added as they come. Its minutes are packed on the way. */
import { NOTHING, type Aggregate } from '../../frame/model/aggregate.ts'
import type { SeqRange } from '../../frame/model/recording.ts'
import type { Span } from '../../frame/model/span.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { spansOf } from '../data/source.ts'
import type { CellStore } from './cells/cell-store.ts'
import { isIn, rangeOf } from './cells/chunks.ts'
import type { Slices } from './cells/slices.ts'

export class WholeSum {
  #sum = new RunningSum()
  #first = -1
  #next = 0
  #from = 0
  /** one reading after the other */
  #last: Promise<unknown> = Promise.resolve()

  constructor(readonly store: CellStore) {}

  /** Valid until the next one is asked for. @param span of the recording; only its end may change */
  of(span: TimeSpan, slices: Slices): Promise<Aggregate> {
    const read = this.#last.then(() => this.#read(span, slices))
    this.#last = read.catch(() => undefined)
    return read
  }

  async #read(span: TimeSpan, slices: Slices): Promise<Aggregate> {
    const { recording, chunks } = this.store
    const isWanted = isIn(span)
    const first = recording.ticks.find(isWanted)?.seq
    if (first === undefined) return NOTHING
    if (first !== this.#first || span.from !== this.#from) this.#restart(first, span.from)
    for (const chunk of chunks) {
      const ticks = chunk.ticks.filter((tick) => tick.seq >= this.#next && isWanted(tick))
      if (ticks.length === 0) continue
      if (ticks.length === chunk.ticks.length) this.store.minute(chunk, this.#add(rangeOf(chunk)))
      else for (const { seq } of ticks) this.#add({ from: seq, to: seq + 1 })
      await slices.rest()
    }
    return this.#sum.total
  }

  #restart(first: number, from: number): void {
    this.#sum = new RunningSum()
    this.#first = first
    this.#next = 0
    this.#from = from
  }

  #add(seqs: SeqRange): readonly Span[] {
    const spans = spansOf(this.store.recording, seqs)
    for (const span of spans) this.#sum.add(span)
    this.#next = seqs.to
    return spans
  }
}
