/** Where a list of ticks has gaps: the only place that decides it, for the store, for live and for replay. */
import { MAX_COVERED } from '../model/aggregate.ts'
import type { Gap } from '../model/frame.ts'
import type { TickSummary } from '../model/recording.ts'
import { addMicros, wallMicros } from '../model/units.ts'

type Tick = Pick<TickSummary, 'seq' | 'start' | 'length' | 'gapBefore'>

/** In the order of the ticks. A late tick before a missing span has two gaps behind it. */
export function gapsOf(ticks: readonly Tick[]): Gap[] {
  const gaps: Gap[] = []
  let last: Tick | undefined
  for (const tick of ticks) {
    addGaps(gaps, last, tick)
    last = tick
  }
  return gaps
}

/** What `gapsOf` has more for one more tick. */
export function addGaps(gaps: Gap[], before: Tick | undefined, tick: Tick): void {
  const missing = missingBefore(before, tick)
  if (missing !== null) gaps.push(missing)
  const late = latePart(tick)
  if (late !== null) gaps.push(late)
}

/**
 * The span without ticks before this one. Sequences have no holes: where there is one, ticks could not be read. Nothing is known of what
 * was before the first tick. The span is empty where the clock was set back meanwhile: its length can't be told from the wall clock.
 */
export function missingBefore(before: Tick | undefined, tick: Tick): Gap | null {
  if (before === undefined) return null
  const reason = tick.seq !== before.seq + 1 ? 'damaged' : tick.gapBefore
  if (reason === null) return null
  const from = addMicros(before.start, before.length)
  return { from, to: wallMicros(Math.max(from, tick.start)), reason }
}

/** What a late tick has beyond MAX_COVERED. */
export function latePart({ start, length }: Tick): Gap | null {
  if (length <= MAX_COVERED) return null
  return { from: addMicros(start, MAX_COVERED), to: addMicros(start, length), reason: 'late' }
}
