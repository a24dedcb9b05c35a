/** Reads a range once, for the sum, the findings and the slowest requests. */
import type { Selection } from '../../frame/expression/selection.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { fleetOf } from '../../frame/sum/fleet.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { spansOf } from './source.ts'
import { SeriesBuilder, type HostSpans, type StepSeries } from './step-series.ts'
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
  const step = stepLength(range)
  const start = wallMicros(Math.floor(range.from / step) * step)
  // The last tick ends some µs after its second. That must not add a step.
  const count = Math.max(1, Math.ceil((range.to - start) / step - 1e-3))
  const builder = new SeriesBuilder(count, rows)
  const sums = new Map(recordings.map((recording) => [recording, new RunningSum()]))
  for (const { index, parts } of stepsWithin(recordings, range, step)) {
    const hosts = new Map<string, HostSpans>()
    for (const { recording, runs } of parts) {
      const spans = runs.flatMap((run) => spansOf(recording, run))
      for (const span of spans) sums.get(recording)!.add(span)
      if (spans.length === 0) continue
      const { host } = recording.info
      hosts.set(host, { host, spans: [...(hosts.get(host)?.spans ?? []), ...spans] })
    }
    builder.add(Math.min(index, count - 1), [...hosts.values()])
  }
  const wholes = [...sums].map(([{ info }, sum]) => ({ host: info.host, aggregate: sum.total }))
  return { whole: fleetOf(wholes), series: { range, step, start, ...builder.series } }
}
