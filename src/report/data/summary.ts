/** The model behind every format: the sum of the selected rows of a range, and the coverage. */
import type { MeasureTest } from '../../frame/expression/expression.ts'
import { holds, measure, totalsLine, type Measurable } from '../../frame/expression/measure.ts'
import { selectRows, type Selection } from '../../frame/expression/selection.ts'
import { narrowTo } from '../../frame/expression/target.ts'
import type { Aggregate, BackendSum, RouteSum } from '../../frame/model/aggregate.ts'
import type { Gap, Marker } from '../../frame/model/frame.ts'
import type { Recording, RecordingInfo } from '../../frame/model/recording.ts'
import { micros, wallMicros, type Micros } from '../../frame/model/units.ts'
import { clockError } from '../../frame/time/elapsed.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { coverageOf } from '../../frame/views/figures.ts'
import { ordered, type Order } from './order.ts'
import { aggregateWithin } from './fleet.ts'
import { ticksIn } from './source.ts'

export interface Query {
  readonly range: TimeSpan
  readonly selection: Selection
  readonly order: Order
  /** most lines of a list; null: all */
  readonly top: number | null
}

export interface HostGap extends Gap {
  readonly host: string
}

export interface Summary {
  readonly recordings: readonly RecordingInfo[]
  readonly query: Query
  /** all rows of the range; coverage, loss and excluded come from it */
  readonly whole: Aggregate
  /** only the selected rows */
  readonly selected: Aggregate
  /** time that passed in the range: less than its length where the clock was set forward, more where it was set back */
  readonly elapsed: Micros
  /** 0–1; null for a range without length */
  readonly coverage: number | null
  /** clipped to the range, in order */
  readonly gaps: readonly HostGap[]
  readonly markers: readonly Marker[]
  /** what was repaired in memory to read the files, in words */
  readonly damage: readonly string[]
  /** hosts without a tick in the range: nothing is known of them, and no sum or mean has them */
  readonly absent: readonly string[]
}

export const summarise = (recordings: readonly Recording[], query: Query): Summary =>
  summaryOf(recordings, query, aggregateWithin(recordings, query.range))

/** @param whole the sum of the range */
export function summaryOf(recordings: readonly Recording[], query: Query, whole: Aggregate): Summary {
  const elapsed = elapsedWithin(recordings, query.range)
  return {
    recordings: recordings.map((recording) => recording.info),
    query,
    elapsed,
    whole,
    selected: selectRows(whole, query.selection.rows),
    coverage: query.range.to <= query.range.from ? null : coverageOf(whole, elapsed),
    gaps: recordings
      .flatMap(({ info: { host }, gaps }) => gapsWithin(gaps, query.range).map((gap) => ({ ...gap, host })))
      .sort((a, b) => a.from - b.from),
    markers: recordings
      .flatMap(({ markers }) => markers.filter(({ at }) => at >= query.range.from && at < query.range.to))
      .sort((a, b) => a.at - b.at),
    damage: damageOf(recordings, query.range, whole.ticks),
    absent: absentWithin(recordings, query.range),
  }
}

function absentWithin(recordings: readonly Recording[], { from, to }: TimeSpan): string[] {
  const present = new Set(
    recordings
      .filter(({ ticks }) => ticks.some(({ start }) => start >= from && start < to))
      .map(({ info }) => info.host),
  )
  return [...new Set(recordings.map(({ info }) => info.host))].filter((host) => !present.has(host))
}

/** Hosts run in parallel: with several it is their mean. */
function elapsedWithin(recordings: readonly Recording[], { from, to }: TimeSpan): Micros {
  const errors = new Map<string, number>()
  for (const { info, ticks } of recordings) {
    const own = ticks.filter(({ start }) => start >= from && start < to)
    if (own.length > 0) errors.set(info.host, (errors.get(info.host) ?? 0) + clockError(own))
  }
  const sum = [...errors.values()].reduce((total, error) => total + error, 0)
  return micros(to - from + Math.round(sum / Math.max(1, errors.size)))
}

/** In words; also of ticks that could not be read: without this a sum would be too small silently. @param ticks that were read */
export function damageOf(recordings: readonly Recording[], range: TimeSpan, ticks: number): string[] {
  const existing = ticksIn(recordings, range)
  return [
    ...recordings.flatMap(({ info, damage }) => damage.map((what) => `${info.file}: ${what}`)),
    ...(existing <= ticks ? [] : [`${existing - ticks} of ${existing} ticks in the range could not be read`]),
  ]
}

export const gapsWithin = (gaps: readonly Gap[], { from, to }: TimeSpan): Gap[] =>
  gaps
    .filter((gap) => gap.from < to && gap.to > from)
    .map((gap) => ({
      ...gap,
      from: wallMicros(Math.max(gap.from, from)),
      to: wallMicros(Math.min(gap.to, to)),
    }))

/** Backends that satisfy the measures of --where or have such a route, with only these routes; sorted, at most `top`. */
export function backendsOf(summary: Summary): readonly BackendSum[] {
  const { order, top, selection } = summary.query
  const wanted = lineFilter(summary)
  const kept = summary.selected.backends
    .map((sum) => ({ ...sum, routes: sum.routes.filter((route) => wanted(route)) }))
    .filter((sum) => selection.lines === null || sum.routes.length > 0 || wanted(sum))
  return ordered(kept, order, backendName)
    .slice(0, top ?? undefined)
    .map((sum) => ({ ...sum, routes: orderedRoutes(sum.routes, order).slice(0, top ?? undefined) }))
}

export const orderedRoutes = (routes: readonly RouteSum[], order: Order): RouteSum[] =>
  ordered(routes, order, ({ route }) => [route.method, route.path])

export const backendName = ({ backend }: BackendSum): string[] => [
  backend.address,
  String(backend.netns).padStart(12, '0'),
  ...(backend.names ?? []),
]

/** Tests whether a line satisfies the measures of --where. */
export function lineFilter(summary: Summary): (line: Measurable) => boolean {
  const { lines } = summary.query.selection
  return lines === null
    ? () => true
    : (line) => holds(lines, (test) => measured(test, line, summary)) === true
}

/** The measure of `line`. If the test has a target: of the target within the whole selection. */
function measured(test: MeasureTest, line: Measurable, summary: Summary): number | null {
  const target = test.target === null ? line : totalsLine(narrowTo(summary.selected, test.target))
  const span = { length: summary.selected.length, coverage: summary.coverage }
  return measure(test.measure, test.quantity.unit, target, span)
}
