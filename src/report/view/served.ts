/** One of the recordings that are looked at. */
import type { Recording } from '../../frame/model/recording.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { spanOf, type TimeSpan } from '../../frame/time/time.ts'
import { readsTicks } from '../data/reading.ts'
import { CellStore } from './cells/cell-store.ts'
import { chunksWithin, rangeOf, type Chunk } from './cells/chunks.ts'
import type { Slices } from './cells/slices.ts'
import type { PageEvents, PageFinding } from '../picture/facts.ts'
import { KeptFound } from './kept-found.ts'
import { Pictures } from './pictures.ts'
import { Sums } from './sums.ts'
import { WholeSum } from './whole-sum.ts'

/** What is looked at of a recording. */
export interface Source {
  readonly recording: Recording
  /** null: from its start, to its end, which may move on */
  readonly from: TimeSpan['from'] | null
  readonly to: TimeSpan['to'] | null
  /** somebody records into it now */
  readonly isGrowing: () => boolean
  /** IANA name */
  readonly timeZone: string
}

export class Served {
  readonly store: CellStore
  readonly sums: Sums
  readonly whole: WholeSum
  readonly pictures: Pictures
  readonly events = new KeptFound<PageEvents>()
  readonly findings = new KeptFound<readonly PageFinding[]>()
  #ticks: Recording['ticks']
  #count: number
  #wasGrowing = false
  readonly #checked = new WeakSet<Chunk>()

  constructor(readonly source: Source) {
    this.store = new CellStore(source.recording)
    this.sums = new Sums(this.store)
    this.whole = new WholeSum(this.store)
    this.pictures = new Pictures(this.store, this.sums)
    this.#ticks = source.recording.ticks
    this.#count = this.#ticks.length
  }

  get recording(): Recording {
    return this.source.recording
  }

  get span(): TimeSpan {
    const { recording, from, to } = this.source
    const all = spanOf(recording.ticks) ?? { from: recording.info.start, to: recording.info.end }
    return { from: wallMicros(from ?? all.from), to: wallMicros(to ?? all.to) }
  }

  /** Looks for new ticks. Damage that was found while reading gives other ticks, too. */
  refresh(): void {
    const isGrowing = this.source.isGrowing()
    // Once more after its end. A file that never grew stays as it was opened: of a torn one a refresh finds ticks that were not checked.
    if (isGrowing || this.#wasGrowing) this.recording.refresh()
    this.#wasGrowing = isGrowing
    this.#takeTicks()
  }

  /**
   * Checks what `report` reads tick by tick of a range: the sum of a minute does not show that one of its ticks is damaged, and numbers
   * would fall without a word when it is read.
   */
  async check(range: TimeSpan, slices: Slices): Promise<void> {
    const { recording, store } = this
    if (!readsTicks([recording], range)) return
    for (const chunk of chunksWithin(store.chunks, range)) {
      if (this.#checked.has(chunk)) continue
      const check = recording.checkTicks?.(rangeOf(chunk))
      while (check?.next().done === false) await slices.rest()
      this.#checked.add(chunk)
    }
    this.#takeTicks()
  }

  #takeTicks(): void {
    const { ticks } = this.recording
    if (ticks === this.#ticks && ticks.length === this.#count) return
    this.#ticks = ticks
    this.#count = ticks.length
    this.store.refresh()
  }

  close(): void {
    this.pictures.close()
  }
}
