/** What the clocks say between two ticks: the wall clock was set, or the machine slept. Both become markers; order is by sequence. */
import type { GapReason, Marker, SecondFrame } from '../frame/frame.ts'
import { micros, toSeconds, type Micros } from '../frame/units.ts'

/** ntpd slews below 128 ms and steps above; two reads of the clocks are never this far apart. */
const STEP: Micros = micros(100_000)

export interface Timing {
  readonly gapBefore: GapReason | null
  readonly markers: readonly Marker[]
}

export class Timekeeper {
  #last: SecondFrame | null = null
  #slept: Micros

  /** @param sleptSoFar how long the machine has been suspended since it started (boot time less monotonic time) */
  constructor(readonly sleptSoFar: () => Micros) {
    this.#slept = sleptSoFar()
  }

  next(frame: SecondFrame): Timing {
    const last = this.#last
    this.#last = frame
    const slept = this.#sleepSinceLast()
    if (last === null || frame.gapBefore !== null) return { gapBefore: frame.gapBefore, markers: [] }
    const step = micros(frame.start - (last.start + last.length))
    if (Math.abs(step) < STEP) return { gapBefore: null, markers: [] }
    if (slept >= STEP && step > 0) {
      const text = `asleep for ${toSeconds(step).toFixed(1)} s`
      return { gapBefore: 'suspend', markers: [{ at: frame.start, kind: 'suspend', text }] }
    }
    const way = step > 0 ? 'forward' : 'back'
    const text = `clock set ${way} by ${toSeconds(micros(Math.abs(step))).toFixed(1)} s`
    return { gapBefore: null, markers: [{ at: frame.start, kind: 'clock_step', text }] }
  }

  #sleepSinceLast(): Micros {
    const slept = this.sleptSoFar()
    const since = micros(slept - this.#slept)
    this.#slept = slept
    return since
  }
}
