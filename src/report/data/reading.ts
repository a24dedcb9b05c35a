/** Reads a range once, for the sum, the findings and the slowest requests. */
import type { Selection } from '../../frame/expression/selection.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { MINUTE, type Micros } from '../../frame/model/units.ts'
import { fleetOf } from '../../frame/sum/fleet.ts'
import { sumOf } from '../../frame/sum/merge.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import { ticksWithin, type TimeSpan } from '../../frame/time/time.ts'
import { homesOf } from './home.ts'
import { spansOf, ticksIn } from './source.ts'
import { SeriesBuilder, type StepSeries } from './step-series.ts'
import { stepLength, stepsWithin } from './steps.ts'
import { StepGrid, lengthOf, stretchesOf } from './stretches.ts'

export interface RangeReading {
  /** all rows of the range */
  readonly whole: Aggregate
  /** of the selected rows */
  readonly series: StepSeries
}

/** Steps of a hole: the usual rate on one side does not follow that on the other, and with many holes a change ends at each of them. */
const stepsOfHole = (holes: number): number => Math.max(3, Math.min(90, Math.floor(9000 / holes)))

export function readRange(
  recordings: readonly Recording[],
  range: TimeSpan,
  selection: Selection,
): RangeReading {
  const reading = readInSteps(recordings, range, selection)
  for (;;) {
    const { done, value } = reading.next()
    if (done === true) return value
  }
}

/** Whether a range is read tick by tick, which finds the damage in it, and not by sums of minutes. */
export const readsTicks = (recordings: readonly Recording[], range: TimeSpan): boolean =>
  stepOf(stretchesOf(recordings, range), recordings, range) < MINUTE

const stepOf = (stretches: readonly TimeSpan[], recordings: readonly Recording[], range: TimeSpan): Micros =>
  stepLength(lengthOf(stretches), ticksIn(recordings, range))

/** Yields after each step, so that a server can do something else in between. */
export function* readInSteps(
  recordings: readonly Recording[],
  range: TimeSpan,
  { rows }: Selection,
): Generator<undefined, RangeReading> {
  const stretches = stretchesOf(recordings, range)
  const step = stepOf(stretches, recordings, range)
  const grid = new StepGrid(stretches, step, stepsOfHole(stretches.length))
  const builder = new SeriesBuilder(recordings, grid.count, rows)
  const sums = recordings.map(() => new SumInOrder())
  const homes = homesOf(recordings)
  for (const { start, parts } of stepsWithin(recordings, range, step)) {
    const read = parts.map(({ recording, runs }) => ({
      index: recordings.indexOf(recording),
      spans: runs.flatMap((run) => spansOf(recording, run)),
    }))
    for (const { recording, runs } of parts) sums[recordings.indexOf(recording)]!.follow(runs)
    for (const part of read) for (const span of part.spans) sums[part.index]!.add(span)
    builder.add(grid.indexOf(start), read)
    yield
  }
  const wholes = recordings.map((recording, i) => ({
    host: recording.info.host,
    home: homes(recording),
    aggregate: sums[i]!.isInOrder
      ? sums[i]!.total
      : sumOf(ticksWithin(recording.ticks, range).map((run) => recording.aggregate(run))),
  }))
  return { whole: fleetOf(wholes), series: { grid, ...builder.series } }
}

/**
 * Steps are in the order of the wall clock, and what is open at the end is that of the last tick by its number: where the clock was set back
 * the sum has to be read again.
 */
class SumInOrder extends RunningSum {
  #next = 0
  isInOrder = true

  follow(runs: readonly SeqRange[]): void {
    for (const { from, to } of runs) {
      this.isInOrder &&= from >= this.#next
      this.#next = to
    }
  }
}
