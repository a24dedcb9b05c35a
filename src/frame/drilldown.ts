/** What the screen shows of one backend or one route at a moment: a pure function, as the leaderboard is. */
import { backendKey, routeKey, type BackendSum, type RouteSum } from './aggregate.ts'
import type { Codes, Distribution, RequestEvent, SecondFrame, TrafficRow } from './frame.ts'
import { boundsOf } from './histogram.ts'
import {
  figures,
  labelOf,
  newestFirst,
  routeLine,
  type Figures,
  type Moment,
  type RouteLine,
  type Series,
} from './leaderboard.ts'
import { classCount, ratio, statistic } from './measure.ts'
import { rankRoutes, type Sort } from './ranking.ts'
import { NO_CONNECTIONS, NO_COUNTS } from './aggregate.ts'
import { micros, type Micros } from './units.ts'

/** A backend by its key, or one route of it. */
export interface Subject {
  readonly backend: string
  /** null: the whole backend */
  readonly route: string | null
}

export interface Drilldown {
  readonly backendLabel: string
  readonly route: { readonly method: string; readonly path: string } | null
  readonly figures: Figures
  readonly share: number | null
  readonly codes: Codes
  readonly connection: {
    readonly connects: number
    readonly refused: number
    readonly connectTimeout: number
    readonly opaque: number
    readonly avg: number | null
    readonly p99: number | null
  } | null
  readonly rps: Series
  /** mean header time a second, µs */
  readonly header: Series
  /** 5xx and failures a second */
  readonly trouble: Series
  readonly routes: readonly RouteLine[]
  /** header times by octave: [from, beyond) in µs and how many */
  readonly latencies: readonly { readonly from: Micros; readonly beyond: Micros; readonly count: number }[]
  /** the sampled requests of the recent seconds, newest first */
  readonly requests: readonly RequestEvent[]
}

/** null when the backend was never seen in the moment's recent seconds. */
export function drilldown(moment: Moment, subject: Subject, sort: Sort): Drilldown | null {
  const sum =
    moment.window.backends.find(({ backend }) => backendKey(backend) === subject.backend) ??
    quiet(moment, subject)
  if (sum === null) return null
  const route =
    subject.route === null ? null : (sum.routes.find((of) => routeKey(of.route) === subject.route) ?? null)
  if (subject.route !== null && route === null) {
    const seen = rowsOf(moment.recent, subject)[0]
    return seen === undefined ? null : detail(moment, subject, sum, { ...NO_COUNTS, route: seen.route }, sort)
  }
  return detail(moment, subject, sum, route, sort)
}

function detail(
  moment: Moment,
  subject: Subject,
  sum: BackendSum,
  route: RouteSum | null,
  sort: Sort,
): Drilldown {
  const { window } = moment
  const counts = route ?? sum
  const series = (of: (rows: readonly TrafficRow[], frame: SecondFrame) => number | null): Series =>
    moment.recent.map((frame) => (frame === null ? null : of(subjectRows(frame, subject), frame)))
  const { connects, refused, connectTimeout, opaque, connect } = sum.connection
  return {
    backendLabel: labelOf(sum.backend, false),
    route: route?.route ?? null,
    figures: figures(counts, window.length),
    share: ratio(counts.requests, route === null ? window.totals.requests : sum.requests),
    codes: counts.codes,
    connection:
      route === null
        ? {
            connects,
            refused,
            connectTimeout,
            opaque,
            avg: statistic(connect, 'avg'),
            p99: statistic(connect, 'p99'),
          }
        : null,
    rps: series((rows, { length }) => (total(rows, (row) => row.requests) * 1e6) / length),
    header: series((rows) =>
      ratio(
        total(rows, (row) => row.header.sum),
        total(rows, (row) => row.header.count),
      ),
    ),
    trouble: series((rows) => total(rows, badOf)),
    routes: route === null ? rankRoutes(sum.routes, sort).map((of) => routeLine(of, sum, window.length)) : [],
    latencies: octaves(counts.header),
    requests: requestsOf(moment, subject),
  }
}

const badOf = (row: TrafficRow): number => {
  const { reset, closed, aborted, unanswered } = row.failures
  return classCount(row, 5) + reset + closed + aborted + unanswered
}

const total = (rows: readonly TrafficRow[], of: (row: TrafficRow) => number): number =>
  rows.reduce((sum, row) => sum + of(row), 0)

/** Silent in the window, busy a moment ago: it is shown with zeros and its past. */
function quiet({ recent }: Moment, { backend }: Subject): BackendSum | null {
  const row = rowsOf(recent, { backend, route: null })[0]
  return row === undefined
    ? null
    : { ...NO_COUNTS, backend: row.backend, connection: NO_CONNECTIONS, routes: [] }
}

const rowsOf = (recent: readonly (SecondFrame | null)[], subject: Subject): TrafficRow[] =>
  recent.flatMap((frame) => (frame === null ? [] : subjectRows(frame, subject)))

const subjectRows = (frame: SecondFrame, { backend, route }: Subject): TrafficRow[] =>
  frame.traffic.filter(
    (row) => backendKey(row.backend) === backend && (route === null || routeKey(row.route) === route),
  )

/** A quiet route has none in the moment itself: the seconds before it follow. */
function requestsOf({ recent }: Moment, { backend, route }: Subject): RequestEvent[] {
  return recent
    .flatMap((frame) => frame?.requests ?? [])
    .filter(
      (event) => backendKey(event.backend) === backend && (route === null || routeKey(event.route) === route),
    )
    .sort(newestFirst)
}

function octaves({ buckets }: Distribution): Drilldown['latencies'] {
  const counts = new Map<number, number>()
  for (let i = 0; i < buckets.length; i += 2) {
    const [low] = boundsOf(buckets[i]!)
    const octave = low < 1 ? 0 : 31 - Math.clz32(low)
    counts.set(octave, (counts.get(octave) ?? 0) + buckets[i + 1]!)
  }
  if (counts.size === 0) return []
  const [least, most] = [Math.min(...counts.keys()), Math.max(...counts.keys())]
  return Array.from({ length: most - least + 1 }, (_, i) => ({
    from: micros(2 ** (least + i)),
    beyond: micros(2 ** (least + i + 1)),
    count: counts.get(least + i) ?? 0,
  }))
}
