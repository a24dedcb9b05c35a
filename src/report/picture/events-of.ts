/** Where replay's keys would jump to, from every tick: a picture's steps may be too long to show it. */
import { burstStarts, slowdownStarts } from '../../frame/time/jumps.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import type { PageEvents } from './facts.ts'

/** Of all rows of the range. More than so many are no places to jump to. */
const MOST = 5000

export function eventsOf(recordings: readonly Recording[], range: TimeSpan): PageEvents {
  const ticks = recordings.map((recording) =>
    recording.ticks.filter(({ start }) => start >= range.from && start < range.to),
  )
  const starts = (of: (ticks: readonly TickSummary[]) => readonly number[]): number[] =>
    [...new Set(ticks.flatMap((own) => of(own).map((i) => own[i]!.start / 1e6)))]
      .sort((a, b) => a - b)
      .slice(0, MOST)
  return { trouble: starts(burstStarts), slow: starts(slowdownStarts) }
}
