/** What is counted once per host: loss, what was left out, how much of the last minute was seen. */
import { EXCLUDED, LOSS, valuesOf } from '../frame/model/counters.ts'
import type { SecondFrame } from '../frame/model/frame.ts'
import { addMicros, MINUTE, micros, type Micros, type WallMicros } from '../frame/model/units.ts'
import { coveredBy } from '../frame/model/aggregate.ts'
import { missingBefore } from '../frame/time/gaps.ts'
import { coverageOf, type Seen } from '../frame/views/figures.ts'
import { addFields } from '../frame/sum/merge.ts'
import { NO_LOSS } from '../frame/model/counters.generated.ts'

export interface HostState {
  /** in the order of LOSS and EXCLUDED; NaN: unknown */
  readonly loss: ArrayLike<number>
  readonly excluded: ArrayLike<number>
  /** of the last 60 s, or since the first tick; null: no tick came yet */
  readonly coverage: number | null
  /** the end of the last tick; null: none came yet */
  readonly lastTick: WallMicros | null
}

export class HostCounters implements HostState {
  readonly loss = new Float64Array(LOSS.length)
  readonly excluded = new Float64Array(EXCLUDED.length)
  readonly #window = new CoverageWindow()
  lastTick: WallMicros | null = null

  add(frame: SecondFrame): void {
    addEach(this.loss, valuesOf(LOSS, frame.loss))
    addEach(this.excluded, valuesOf(EXCLUDED, frame.excluded))
    this.#window.add(frame)
    this.lastTick = addMicros(frame.start, frame.length)
  }

  get coverage(): number | null {
    return this.#window.coverage
  }
}

function addEach(sums: Float64Array, values: readonly (number | null)[]): void {
  values.forEach((value, i) => (sums[i] = sums[i]! + (value ?? NaN)))
}

/** A tick, and the time that passed since the one before. */
interface Seconds extends Seen {
  readonly passed: number
}

class CoverageWindow {
  #ticks: Seconds[] = []
  #passed = 0
  #last: Pick<SecondFrame, 'seq' | 'start' | 'length' | 'gapBefore'> | undefined

  add(frame: SecondFrame): void {
    const gap = missingBefore(this.#last, frame)
    const passed = frame.length + (gap === null ? 0 : gap.to - gap.from)
    const { seq, start, length, gapBefore } = frame
    this.#last = { seq, start, length, gapBefore }
    this.#passed += passed
    this.#ticks.push({ ...seenIn(frame), passed })
    while (this.#passed - this.#ticks[0]!.passed >= MINUTE) this.#passed -= this.#ticks.shift()!.passed
  }

  get coverage(): number | null {
    if (this.#ticks.length === 0) return null
    const time: Micros = micros(Math.min(this.#passed, MINUTE))
    const sum = this.#ticks.reduce<Seen>(addSeen, NOTHING_SEEN)
    return Math.min(1, coverageOf(sum, time))
  }
}

const NOTHING_SEEN: Seen = { covered: micros(0), totals: { requests: 0, unseen: 0 }, loss: NO_LOSS }

const seenIn = (frame: SecondFrame): Seen => ({
  covered: coveredBy(frame.length),
  totals: frame.traffic.reduce(
    (sum, { requests, unseen }) => ({
      requests: sum.requests + requests,
      unseen: sum.unseen + (unseen ?? 0),
    }),
    { requests: 0, unseen: 0 },
  ),
  loss: frame.loss,
})

const addSeen = (a: Seen, b: Seen): Seen => ({
  covered: micros(a.covered + b.covered),
  totals: {
    requests: a.totals.requests + b.totals.requests,
    unseen: (a.totals.unseen ?? 0) + (b.totals.unseen ?? 0),
  },
  loss: addFields(a.loss, b.loss),
})
