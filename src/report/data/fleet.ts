/** Sums over several recordings. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { fleetOf } from '../../frame/sum/fleet.ts'
import { sumOf } from '../../frame/sum/merge.ts'
import { ticksWithin, type TimeSpan } from '../../frame/time/time.ts'
import { homesOf } from './home.ts'

/** What is summed of each recording. */
export interface Part {
  readonly recording: Recording
  /** sequence numbers */
  readonly runs: readonly SeqRange[]
}

/** The exact sum of parts. @param recordings all of the report, also those without a part */
export function fleetSum(recordings: readonly Recording[]): (parts: readonly Part[]) => Aggregate {
  const homes = homesOf(recordings)
  return (parts) =>
    fleetOf(
      parts.map(({ recording, runs }) => ({
        host: recording.info.host,
        home: homes(recording),
        aggregate: sumOf(runs.map((run) => recording.aggregate(run))),
      })),
    )
}

/** The exact sum of a time range over all recordings, or over some of them. */
export const aggregateWithin = (
  recordings: readonly Recording[],
  range: TimeSpan,
  some: readonly Recording[] = recordings,
): Aggregate =>
  fleetSum(recordings)(some.map((recording) => ({ recording, runs: ticksWithin(recording.ticks, range) })))
