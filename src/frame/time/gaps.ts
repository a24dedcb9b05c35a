/** Finds the gaps between ticks. The store, live and replay all use this file. */
import { MAX_COVERED } from '../model/aggregate.ts'
import type { Gap } from '../model/frame.ts'
import type { TickSummary } from '../model/recording.ts'
import { addMicros, wallMicros } from '../model/units.ts'

type Tick = Pick<TickSummary, 'seq' | 'start' | 'length' | 'gapBefore'>

/** In the order of the ticks. After a late tick that precedes a missing span there are two gaps. */
export function gapsOf(ticks: readonly Tick[]): Gap[] {
  const gaps: Gap[] = []
  let last: Tick | undefined
  for (const tick of ticks) {
    addGaps(gaps, last, tick)
    last = tick
  }
  return gaps
}

/** Appends the gaps that one more tick adds. @param before the tick before it */
export function addGaps(gaps: Gap[], before: Tick | undefined, tick: Tick): void {
  const missing = missingBefore(before, tick)
  if (missing !== null) gaps.push(missing)
  const late = latePart(tick)
  if (late !== null) gaps.push(late)
}

/**
 * The span without ticks before this one; null before the first tick. Sequence numbers are consecutive: if one is missing, its tick could
 * not be read. The span is empty if the clock was set back in it, because the wall clock then does not give its length.
 */
export function missingBefore(before: Tick | undefined, tick: Tick): Gap | null {
  if (before === undefined) return null
  const reason = tick.seq !== before.seq + 1 ? 'damaged' : tick.gapBefore
  if (reason === null) return null
  const from = addMicros(before.start, before.length)
  return { from, to: wallMicros(Math.max(from, tick.start)), reason }
}

/** The part of a late tick beyond MAX_COVERED. */
export function latePart({ start, length }: Tick): Gap | null {
  if (length <= MAX_COVERED) return null
  return { from: addMicros(start, MAX_COVERED), to: addMicros(start, length), reason: 'late' }
}
