/** The slowest requests of a range. Exact for the request ring, without reading all of it. */
import { selects } from '../../frame/expression/selection.ts'
import type { RequestEvent } from '../../frame/model/frame.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { ticksWithin } from '../../frame/time/time.ts'
import { compareNames } from './order.ts'
import type { StepSeries } from './step-series.ts'
import type { Query } from './summary.ts'

/**
 * The slowest n requests lie in the n steps of single recordings with the greatest maxima. Only the rings of these are read.
 * The ring keeps the slowest request of every tick, so the result is right for all requests, not only for the sample.
 */
export function slowestRequests(
  recordings: readonly Recording[],
  series: StepSeries,
  { selection }: Query,
  n: number,
): RequestEvent[] {
  const worst = series.slowest
    .flatMap((times, of) => times.map((time, index) => ({ time, of, index })))
    .filter(({ time }) => time >= 0)
    .sort((a, b) => b.time - a.time || a.index - b.index)
    .slice(0, n)
  let slowest: RequestEvent[] = []
  for (const { time, of, index } of worst) {
    const last = slowest[n - 1]
    if (last !== undefined && durationOf(last) > time) break
    const step = { from: series.grid.timeOf(index), to: series.grid.timeOf(index + 1) }
    const recording = recordings[of]!
    const found = ticksWithin(recording.ticks, step)
      .map((run) => recording.requests(run))
      .flatMap((events) => [...events].filter((event) => durationOf(event) >= 0 && selects(selection, event)))
    slowest = [...slowest, ...found].sort(slowestFirst).slice(0, n)
  }
  return slowest
}

/** µs until the end of the answer, or until its head if the end was not seen; -1 without an answer. */
export const durationOf = ({ header, total }: RequestEvent): number => Math.max(total ?? -1, header ?? -1)

const slowestFirst = (a: RequestEvent, b: RequestEvent): number =>
  durationOf(b) - durationOf(a) ||
  a.at - b.at ||
  compareNames(
    [a.backend.address, a.route.method, a.route.path],
    [b.backend.address, b.route.method, b.route.path],
  )
