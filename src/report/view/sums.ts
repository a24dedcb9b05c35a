/** Exact sums of ranges, as the report has them, read in slices; the last few are kept. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import { MINUTE } from '../../frame/model/units.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { spansOf } from '../data/source.ts'
import { rangeOf } from './cells/chunks.ts'
import type { CellStore } from './cells/cell-store.ts'
import { partsOf } from './cells/reading-plan.ts'
import type { Slices } from './cells/slices.ts'

const KEPT = 3

export class Sums {
  readonly #kept: { readonly range: TimeSpan; readonly ticks: number; readonly sum: Aggregate }[] = []

  constructor(readonly store: CellStore) {}

  async of(range: TimeSpan, slices: Slices): Promise<Aggregate> {
    const ticks = this.store.recording.info.ticks
    const known = this.#kept.find(
      (kept) => kept.ticks === ticks && kept.range.from === range.from && kept.range.to === range.to,
    )
    if (known !== undefined) return known.sum
    const sum = await this.#read(range, slices)
    this.#kept.unshift({ range, ticks, sum })
    this.#kept.length = Math.min(KEPT, this.#kept.length)
    return sum
  }

  async #read(range: TimeSpan, slices: Slices): Promise<Aggregate> {
    const sum = new RunningSum()
    const { recording, chunks } = this.store
    const parts = partsOf(chunks, range, MINUTE)
      .flatMap((part) => part.chunks)
      .sort((a, b) => a.chunk.ticks[0]!.seq - b.chunk.ticks[0]!.seq)
    for (const { chunk, only } of parts) {
      const ticks = only === null ? [] : chunk.ticks.filter(only)
      const ranges = only === null ? [rangeOf(chunk)] : ticks.map(({ seq }) => ({ from: seq, to: seq + 1 }))
      for (const seqs of ranges) {
        for (const span of spansOf(recording, seqs)) sum.add(span)
        await slices.rest()
      }
    }
    return sum.total
  }
}
