/**
 * The time that passed, where the clock was set meanwhile. Between two steps of the clock the wall clock tells the time; the step itself
 * takes none. Ticks follow one another by their numbers.
 */
import type { GapReason } from '../model/frame.ts'
import type { TickSummary } from '../model/recording.ts'
import { micros, type Micros } from '../model/units.ts'
import { spanOf } from './time.ts'

/** NTP slews by 500 ppm at most: a larger difference from one tick to the next is a step of the clock, µs. */
export const STEP_TOLERANCE = 200_000

/**
 * By how much the clock was set between two consecutive ticks, µs; 0: it was not. Over a gap there is no other clock: a jump forward is
 * time that passed, one back is none. @param jump from the end of one tick to the start of the next
 */
export function stepOf(jump: number, gapBefore: GapReason | null): number {
  const isStep = gapBefore === null ? Math.abs(jump) > STEP_TOLERANCE : jump < 0
  return isStep ? jump : 0
}

/** From the first tick to the last, with gaps. */
export function elapsedOf(ticks: readonly TickSummary[]): Micros {
  let elapsed = 0
  let before: TickSummary | undefined
  for (const tick of ticks) {
    if (before !== undefined) {
      const jump = tick.start - before.start - before.length
      // The tick between them cannot be read, or is not of the range.
      const gap = tick.seq === before.seq + 1 ? tick.gapBefore : 'damaged'
      elapsed += jump - stepOf(jump, gap)
    }
    elapsed += tick.length
    before = tick
  }
  return micros(elapsed)
}

/** What the ticks took beyond what their wall clock says: less than 0 where it was set forward, more where it was set back. */
export function clockError(ticks: readonly TickSummary[]): Micros {
  const span = spanOf(ticks)
  return micros(span === null ? 0 : elapsedOf(ticks) - (span.to - span.from))
}
