/** The data of the screen for one backend or one route at a moment. A pure function, like the leaderboard. */
import { classCount, openOf, quietGrpcErrors, ratio, statistic } from '../expression/measure.ts'
import { addressKey, routeKey, type Aggregate, type BackendSum, type RouteSum } from '../model/aggregate.ts'
import type { Backend, Codes, Distribution, RequestEvent, SecondFrame, TrafficRow } from '../model/frame.ts'
import { boundsOf } from '../model/histogram.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../model/nothing.ts'
import { micros, type Micros } from '../model/units.ts'
import { isTls, protocolOf, type Protocol } from '../model/protocol.ts'
import { joinBackends } from '../sum/fleet.ts'
import { failedRequests } from '../sum/sums.generated.ts'
import { sumWires } from '../sum/wire-sums.ts'
import { figures, type Figures } from './figures.ts'
import { labelAlone, type Label } from './labels.ts'
import { routeLine, type RouteLine } from './leaderboard.ts'
import { newestFirst, type Moment, type Series } from './moment.ts'
import { rankRoutes, type Sort } from './ranking.ts'
import { wiresByBackend, type WireShare } from './wires.ts'

/** A backend or one route of it. Its page stays through a change of its names. */
export interface Subject {
  /** its addressKey */
  readonly backend: string
  /** null: the whole backend */
  readonly route: string | null
}

export interface Drilldown {
  readonly backend: Label
  readonly route: { readonly method: string; readonly path: string } | null
  readonly figures: Figures
  readonly share: number | null
  readonly codes: Codes
  readonly connection: {
    readonly connects: number
    readonly refused: number
    readonly connectTimeout: number
    readonly opaque: number
    readonly unreachable: number
    readonly earlyClose: number
    readonly protocol: Protocol | null
    readonly tls: boolean | null
    readonly openConnections: number | null
    readonly avg: number | null
    readonly p99: number | null
  } | null
  /** what its packets carry; empty for a route, and where nothing is translated or that is unknown */
  readonly wires: readonly WireShare[]
  readonly rps: Series
  /** mean header time per second, µs */
  readonly header: Series
  /** 5xx, failures and gRPC errors that neither tells, per second */
  readonly trouble: Series
  readonly routes: readonly RouteLine[]
  /** header times by octave: [from, beyond) in µs, and their count */
  readonly latencies: readonly { readonly from: Micros; readonly beyond: Micros; readonly count: number }[]
  /** the sampled requests of the recent seconds, newest first */
  readonly requests: readonly RequestEvent[]
}

/** One second of a subject: the values of its charts, and its sampled requests. */
export interface SubjectSecond {
  /** any of its rows, for the names; null when it was idle */
  readonly row: TrafficRow | null
  readonly rps: number
  readonly headerSum: number
  readonly headerCount: number
  readonly trouble: number
  readonly requests: readonly RequestEvent[]
}

export function subjectSecond(frame: SecondFrame, subject: Subject): SubjectSecond {
  const rows = frame.traffic.filter((row) => isOf(subject, row))
  return {
    row: rows[0] ?? null,
    rps: (total(rows, (row) => row.requests) * 1e6) / frame.length,
    headerSum: total(rows, (row) => row.header.sum),
    headerCount: total(rows, (row) => row.header.count),
    trouble: total(rows, badOf),
    requests: frame.requests.filter((event) => isOf(subject, event)),
  }
}

/** Seconds in order, up to and including the moment's; null for a second without a tick. */
export type History = readonly (SubjectSecond | null)[]

/** null when the backend was idle in the window and in its history. */
export function drilldown(moment: Moment, history: History, subject: Subject, sort: Sort): Drilldown | null {
  const window = underOneName(moment.window, subject)
  const seen = history.find((second) => second?.row)?.row ?? null
  const sum = window.backends.find(({ backend }) => isAt(subject, backend)) ?? idleBackend(seen)
  if (sum === null) return null
  if (subject.route === null) return detail(window, history, sum, null, sort)
  const route = sum.routes.find((of) => routeKey(of.route) === subject.route)
  if (route !== undefined) return detail(window, history, sum, route, sort)
  return seen === null ? null : detail(window, history, sum, { ...NO_COUNTS, route: seen.route }, sort)
}

const isAt = (subject: Subject, backend: Backend): boolean => addressKey(backend) === subject.backend

/** If the subject was renamed within the window: as one backend, called as it was last. */
function underOneName(window: Aggregate, subject: Subject): Aggregate {
  const sums = window.backends.filter(({ backend }) => isAt(subject, backend))
  if (sums.length < 2) return window
  const one = joinBackends(sums)
  return {
    ...window,
    backends: [...window.backends.filter(({ backend }) => !isAt(subject, backend)), one],
    wires:
      window.wires &&
      sumWires([
        window.wires.map((row) => (isAt(subject, row.backend) ? { ...row, backend: one.backend } : row)),
      ]),
  }
}

/** A backend that is idle in the window but not in the history is shown with zeros and its history. */
const idleBackend = (seen: TrafficRow | null): BackendSum | null =>
  seen && { ...NO_COUNTS, backend: seen.backend, connection: NO_CONNECTIONS, routes: [] }

function detail(
  window: Aggregate,
  history: History,
  sum: BackendSum,
  route: RouteSum | null,
  sort: Sort,
): Drilldown {
  const counts = route ?? sum
  const { connects, refused, connectTimeout, opaque, unreachable, earlyClose, connect } = sum.connection
  return {
    backend: labelAlone(sum.backend, new Set(window.backends.map(({ backend }) => backend.netns)).size > 1),
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
            unreachable: unreachable ?? 0,
            earlyClose: earlyClose ?? 0,
            protocol: protocolOf(sum),
            tls: isTls(sum),
            openConnections: openOf(sum),
            avg: statistic(connect, 'avg'),
            p99: statistic(connect, 'p99'),
          }
        : null,
    wires: route === null ? (wiresByBackend(window)(sum) ?? []) : [],
    rps: history.map((second) => second?.rps ?? null),
    header: history.map((second) => second && ratio(second.headerSum, second.headerCount)),
    trouble: history.map((second) => second?.trouble ?? null),
    routes: route === null ? rankRoutes(sum.routes, sort).map((of) => routeLine(of, sum, window.length)) : [],
    latencies: octaves(counts.header),
    // The last second alone may have none for a route with few requests.
    requests: history.flatMap((second) => second?.requests ?? []).sort(newestFirst),
  }
}

const isOf = (
  subject: Subject,
  of: { readonly backend: TrafficRow['backend']; readonly route: TrafficRow['route'] },
): boolean => isAt(subject, of.backend) && (subject.route === null || routeKey(of.route) === subject.route)

const badOf = (row: TrafficRow): number =>
  classCount(row, 5) + failedRequests(row.failures) + quietGrpcErrors(row)

const total = (rows: readonly TrafficRow[], of: (row: TrafficRow) => number): number =>
  rows.reduce((sum, row) => sum + of(row), 0)

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
