/** Reads the requests per backend and tick, in runs of ticks, for sparklines and for the search for backends that appear or vanish. */
import { backendKey } from '../../frame/model/aggregate.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import {
  requestsByBackend,
  type BackendRequests,
  type RequestsByBackend,
  type SecondActivity,
} from '../../frame/views/moment.ts'

const TICKS_KEPT = 512
const IDLE: RequestsByBackend = new Map()

export class ActivityReader {
  readonly #recording: Recording
  readonly #kept: number
  /** by sequence; null where the tick's rows can't be read */
  readonly #known = new Map<number, RequestsByBackend | null>()

  constructor(recording: Recording, kept = TICKS_KEPT) {
    this.#recording = recording
    this.#kept = kept
  }

  /** @param slots in order of time; null for a second without a tick */
  of(slots: readonly (TickSummary | null)[]): (SecondActivity | null)[] {
    this.#read(slots.filter((slot) => slot !== null).filter(({ seq }) => !this.#known.has(seq)))
    const seconds = slots.map((slot) => {
      const backends = slot && this.#known.get(slot.seq)
      return backends ? { seconds: slot.length / 1e6, backends } : null
    })
    this.#forget()
    return seconds
  }

  #read(ticks: readonly TickSummary[]): void {
    const [first, last] = [ticks[0], ticks.at(-1)]
    if (first === undefined || last === undefined) return
    const activity = this.#activity(first.seq, last.seq + 1)
    for (const tick of ticks) {
      const backends = activity?.get(tick.seq) ?? IDLE
      // The sum differs from the tick's: the rows are damaged. The frame has a checksum, so it is read instead.
      const isIntact = activity !== null && sumOf(backends) === tick.requests
      this.#known.set(tick.seq, isIntact ? backends : this.#ofFrame(tick.seq))
    }
  }

  #activity(from: number, to: number): ReadonlyMap<number, RequestsByBackend> | null {
    const rows = this.#recording.activity?.({ from, to })
    if (rows === undefined) return null
    const ticks = new Map<number, Map<string, BackendRequests>>()
    for (const { seq, backend, requests } of rows) {
      let backends = ticks.get(seq)
      if (backends === undefined) ticks.set(seq, (backends = new Map<string, BackendRequests>()))
      backends.set(backendKey(backend), { backend, requests })
    }
    return ticks
  }

  #ofFrame(seq: number): RequestsByBackend | null {
    const frame = this.#recording.frame(seq)
    return frame && requestsByBackend(frame)
  }

  #forget(): void {
    for (const seq of this.#known.keys()) {
      if (this.#known.size <= this.#kept) return
      this.#known.delete(seq)
    }
  }
}

const sumOf = (backends: RequestsByBackend): number => {
  let sum = 0
  for (const { requests } of backends.values()) sum += requests
  return sum
}
