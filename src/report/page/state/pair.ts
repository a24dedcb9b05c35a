/** Two pictures in step: what is a second for the one is, some seconds later, one for the other. Pure. */
import type { Pair, PageState, Range } from './address.ts'

/** Seconds to add to a moment of the first, for that of the second. Files that meet in time are shown at the same time, others from their starts on. */
export function offsetOf(pair: Pair, first: Range, second: Range): number {
  if (pair.kind === 'later') return pair.by
  return second.from < first.to && first.from < second.to ? 0 : second.from - first.from
}

/** What the second picture shows while the first one shows this. */
export const shifted = (state: PageState, seconds: number): PageState => ({
  ...state,
  range: state.range && { from: state.range.from + seconds, to: state.range.to + seconds },
  at: state.at === null ? null : state.at + seconds,
})
