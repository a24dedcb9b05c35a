/** Reads the requests per backend and tick, in runs of ticks, for sparklines and for the search for backends that appear or vanish. */
import { backendKey } from '../../frame/model/aggregate.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { loadOf, type BackendLoad, type Load, type SecondLoad } from '../../frame/views/moment.ts'

const TICKS_KEPT = 512
const IDLE: Load = new Map()

export class ActivityReader {
  readonly #recording: Recording
  readonly #kept: number
  /** by sequence; null where the tick's rows can't be read */
  readonly #known = new Map<number, Load | null>()

  constructor(recording: Recording, kept = TICKS_KEPT) {
    this.#recording = recording
    this.#kept = kept
  }

  /** @param slots in order of time; null for a second without a tick */
  of(slots: readonly (TickSummary | null)[]): (SecondLoad | null)[] {
    this.#read(slots.filter((slot) => slot !== null).filter(({ seq }) => !this.#known.has(seq)))
    const loads = slots.map((slot) => {
      const load = slot && this.#known.get(slot.seq)
      return load ? { seconds: slot.length / 1e6, load } : null
    })
    this.#forget()
    return loads
  }

  #read(ticks: readonly TickSummary[]): void {
    const [first, last] = [ticks[0], ticks.at(-1)]
    if (first === undefined || last === undefined) return
    const activity = this.#activity(first.seq, last.seq + 1)
    for (const tick of ticks) {
      const load = activity?.get(tick.seq) ?? IDLE
      // The sum differs from the tick's: the rows are damaged. The frame has a checksum, so it is read instead.
      const isTrue = activity !== null && sumOf(load) === tick.requests
      this.#known.set(tick.seq, isTrue ? load : this.#loadOfFrame(tick.seq))
    }
  }

  #activity(from: number, to: number): ReadonlyMap<number, Load> | null {
    const rows = this.#recording.activity?.({ from, to })
    if (rows === undefined) return null
    const loads = new Map<number, Map<string, BackendLoad>>()
    for (const { seq, backend, requests } of rows) {
      let load = loads.get(seq)
      if (load === undefined) loads.set(seq, (load = new Map<string, BackendLoad>()))
      load.set(backendKey(backend), { backend, requests })
    }
    return loads
  }

  #loadOfFrame(seq: number): Load | null {
    const frame = this.#recording.frame(seq)
    return frame && loadOf(frame)
  }

  #forget(): void {
    for (const seq of this.#known.keys()) {
      if (this.#known.size <= this.#kept) return
      this.#known.delete(seq)
    }
  }
}

const sumOf = (load: Load): number => {
  let sum = 0
  for (const { requests } of load.values()) sum += requests
  return sum
}
