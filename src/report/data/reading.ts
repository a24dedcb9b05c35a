/** Reads a range once, for the sum, the findings and the slowest requests. */
import type { Selection } from '../../frame/expression/selection.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { fleetOf } from '../../frame/sum/fleet.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { spansOf } from './source.ts'
import { SeriesBuilder, type HostSpans, type StepSeries } from './step-series.ts'
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
  { rows }: Selection,
): RangeReading {
  const stretches = stretchesOf(recordings, range)
  const step = stepLength(lengthOf(stretches))
  const grid = new StepGrid(stretches, step, stepsOfHole(stretches.length))
  const builder = new SeriesBuilder(grid.count, rows)
  const sums = new Map(recordings.map((recording) => [recording, new RunningSum()]))
  for (const { start, parts } of stepsWithin(recordings, range, step)) {
    const hosts = new Map<string, HostSpans>()
    for (const { recording, runs } of parts) {
      const spans = runs.flatMap((run) => spansOf(recording, run))
      for (const span of spans) sums.get(recording)!.add(span)
      if (spans.length === 0) continue
      const { host } = recording.info
      hosts.set(host, { host, spans: [...(hosts.get(host)?.spans ?? []), ...spans] })
    }
    builder.add(grid.indexOf(start), [...hosts.values()])
  }
  const wholes = [...sums].map(([{ info }, sum]) => ({ host: info.host, aggregate: sum.total }))
  return { whole: fleetOf(wholes), series: { grid, ...builder.series } }
}
