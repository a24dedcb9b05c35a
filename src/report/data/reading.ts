/** Reads a range once, for the sum, the findings and the slowest requests. */
import type { Selection } from '../../frame/expression/selection.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { fleetOf } from '../../frame/sum/fleet.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { homesOf } from './home.ts'
import { spansOf, ticksIn } from './source.ts'
import { SeriesBuilder, type StepSeries } from './step-series.ts'
import { stepLength, stepsWithin } from './steps.ts'

export interface RangeReading {
  /** all rows of the range */
  readonly whole: Aggregate
  /** of the selected rows */
  readonly series: StepSeries
}

export function readRange(
  recordings: readonly Recording[],
  range: TimeSpan,
  { rows }: Selection,
): RangeReading {
  const step = stepLength(range, ticksIn(recordings, range))
  const start = wallMicros(Math.floor(range.from / step) * step)
  // The last tick ends some µs after its second. That must not add a step.
  const count = Math.max(1, Math.ceil((range.to - start) / step - 1e-3))
  const builder = new SeriesBuilder(recordings, count, rows)
  const sums = recordings.map(() => new RunningSum())
  const homes = homesOf(recordings)
  for (const { index, parts } of stepsWithin(recordings, range, step)) {
    const read = parts.map(({ recording, runs }) => ({
      index: recordings.indexOf(recording),
      spans: runs.flatMap((run) => spansOf(recording, run)),
    }))
    for (const part of read) for (const span of part.spans) sums[part.index]!.add(span)
    builder.add(Math.min(index, count - 1), read)
  }
  const wholes = recordings.map((recording, i) => ({
    host: recording.info.host,
    home: homes(recording),
    aggregate: sums[i]!.total,
  }))
  return { whole: fleetOf(wholes), series: { range, step, start, ...builder.series } }
}
