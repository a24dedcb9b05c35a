/** The slowest requests of a range, exact over the request ring, without reading all of it. */
import type { RequestEvent } from '../frame/frame.ts'
import type { Recording } from '../frame/recording.ts'
import { matches, selectRows } from '../frame/selection.ts'
import { ticksWithin } from '../frame/time.ts'
import { addMicros, MINUTE, wallMicros } from '../frame/units.ts'
import { compareNames } from './order.ts'
import type { MinuteSum } from './source.ts'
import type { Query } from './summary.ts'

/**
 * The slowest n lie in the n minutes with the greatest maxima: the rings of those are read.
 * The ring keeps every tick's slowest, so that the result is true of all requests, not only of the sample.
 */
export function slowestRequests(
  recordings: readonly Recording[],
  minutes: readonly MinuteSum[],
  query: Query,
  n: number,
): RequestEvent[] {
  const { rows } = query.selection
  const worst = minutes
    .map(({ start, aggregate }) => {
      const { header, total } = selectRows(aggregate, rows).totals
      return { start, max: Math.max(header.max ?? -1, total.max ?? -1) }
    })
    .filter(({ max }) => max >= 0)
    .sort((a, b) => b.max - a.max || a.start - b.start)
    .slice(0, n)
  let slowest: RequestEvent[] = []
  for (const { start } of worst) {
    const range = {
      from: wallMicros(Math.max(start, query.range.from)),
      to: wallMicros(Math.min(addMicros(start, MINUTE), query.range.to)),
    }
    const found = recordings
      .flatMap((recording) => ticksWithin(recording.ticks, range).map((run) => recording.requests(run)))
      .flatMap((events) =>
        [...events].filter((event) => durationOf(event) >= 0 && (rows === null || matches(rows, event))),
      )
    slowest = [...slowest, ...found].sort(slowestFirst).slice(0, n)
  }
  return slowest
}

/** µs until the end of the answer; where that wasn't seen, until its head; -1 where there was no answer. */
export const durationOf = ({ header, total }: RequestEvent): number => Math.max(total ?? -1, header ?? -1)

const slowestFirst = (a: RequestEvent, b: RequestEvent): number =>
  durationOf(b) - durationOf(a) ||
  a.at - b.at ||
  compareNames(
    [a.backend.address, a.route.method, a.route.path],
    [b.backend.address, b.route.method, b.route.path],
  )
