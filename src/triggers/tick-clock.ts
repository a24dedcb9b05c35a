/**
 * The time that passed by the ticks, µs since the first: no clock of this process, so that ticks which come faster, later, or after a
 * suspend mean the same. And where in wall clock time the last minutes lie, also where the clock was set meanwhile.
 */
import type { SecondFrame } from '../frame/model/frame.ts'
import { addMicros, wallMicros, type Micros, type WallMicros } from '../frame/model/units.ts'
import { stepOf } from '../frame/time/elapsed.ts'
import type { TimeSpan } from '../frame/time/time.ts'

/** A moment between two ticks. */
export interface Moment {
  /** µs since the first tick */
  readonly elapsed: number
  readonly wall: WallMicros
}

/** Steps that are remembered: nobody sets a clock more often within a dump. */
const MOST_STEPS = 100

export class TickClock {
  #now: Moment | null = null
  /** the moments before which the clock was another one, and that clock's time */
  #steps: Moment[] = []

  /** The end of the last tick; null before the first. */
  get now(): Moment | null {
    return this.#now
  }

  /** @returns when the tick began */
  tick({ start, length, gapBefore }: Pick<SecondFrame, 'start' | 'length' | 'gapBefore'>): Moment {
    const before = this.#now ?? { elapsed: 0, wall: start }
    const jump = start - before.wall
    const step = stepOf(jump, gapBefore)
    const begin = { elapsed: before.elapsed + jump - step, wall: start }
    if (step !== 0) this.#steps = [...this.#steps, before].slice(-MOST_STEPS)
    this.#now = { elapsed: begin.elapsed + length, wall: addMicros(start, length) }
    return begin
  }

  /** The wall clock times of the span before a moment. Where the clock was set back within it, more lies between them than the span. */
  spanBefore({ elapsed, wall }: Moment, span: Micros): TimeSpan {
    let [from, to] = [wall - span, wall as number]
    for (const step of this.#steps) {
      const left = span - (elapsed - step.elapsed)
      if (left <= 0 || step.elapsed > elapsed) continue
      from = Math.min(from, step.wall - left)
      to = Math.max(to, step.wall)
    }
    return { from: wallMicros(from), to: wallMicros(to) }
  }
}
