/**
 * What the leaderboard shows of a moment: a pure function of the window's sum, the recent frames and the view's options.
 * Rows are ranked and cut here; how a cell looks is render's business.
 */
import {
  backendKey,
  NO_CONNECTIONS,
  NO_COUNTS,
  type Aggregate,
  type BackendSum,
  type ConnectionCounts,
  type RouteSum,
} from './aggregate.ts'
import type { Backend, Counts, GapReason, Loss, RequestEvent, Route, SecondFrame } from './frame.ts'
import {
  attempts,
  classCount,
  failureCount,
  perSecond,
  ratio,
  statistic,
  type Measurable,
} from './measure.ts'
import { compareBytes, rankBackends, rankRoutes, type Sort } from './ranking.ts'
import { micros, type Micros, type WallMicros } from './units.ts'

export interface BoardOptions {
  /** rows at most */
  readonly backends: number
  /** rows a backend at most */
  readonly routes: number
  readonly sort: Sort
  /** shows backends and routes that contain it; '' is all */
  readonly filter: string
}

export const BOARD_DEFAULTS: BoardOptions = { backends: 8, routes: 4, sort: 'rps', filter: '' }

/** One second of a backend's series, requests a second; null where nothing was recorded. */
export type Series = readonly (number | null)[]

/** What happened at a moment, before anybody says how much of it is to be seen. */
export interface Moment {
  /** the tick on which the window ends */
  readonly frame: SecondFrame
  /** the sum of the window's ticks */
  readonly window: Aggregate
  /** the window's length as asked for, s */
  readonly windowSeconds: number
  /** who was busy in each of the last SERIES_SECONDS, in order, the moment's own last; null for a second without a tick */
  readonly activity: readonly (SecondLoad | null)[]
  /** the request ring of these seconds, newest first, as far back as a screen may show */
  readonly requests: readonly RequestEvent[]
  /** set while the moment lies in the gap that directly follows the frame */
  readonly gap: { readonly from: WallMicros; readonly to: WallMicros; readonly reason: GapReason } | null
}

export interface BackendLoad {
  readonly backend: Backend
  readonly requests: number
}
/** By backendKey. */
export type Load = ReadonlyMap<string, BackendLoad>
export interface SecondLoad {
  /** the tick's real length */
  readonly seconds: number
  readonly load: Load
}

export interface Leaderboard {
  /** wall clock at the start of the moment's tick */
  readonly at: WallMicros
  readonly windowSeconds: number
  readonly totals: Figures
  /** 0–1 */
  readonly coverage: number
  readonly loss: Loss
  readonly gap: Moment['gap']
  readonly backends: readonly BackendLine[]
  /** those that the limit leaves out */
  readonly hiddenBackends: number
  /** the request ring, newest first */
  readonly requests: readonly RequestEvent[]
}

export interface Figures {
  readonly requests: number
  readonly rps: number
  readonly answered: number
  readonly inFlight: number
  readonly oldest: Micros
  /** 0–1 of answered */
  readonly classes: readonly { readonly name: string; readonly count: number; readonly ratio: number }[]
  readonly failures: number
  /** failures by kind, those that happened */
  readonly failureKinds: readonly { readonly kind: string; readonly count: number }[]
  /** failures and 5xx over attempts: what makes a row red */
  readonly trouble: number
  readonly avg: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
  readonly max: number | null
  readonly totalP99: number | null
  /** the ring lost events: percentiles rest on fewer requests than were counted */
  readonly thinned: boolean
  readonly retransmits: number
  readonly retries: number
}

export interface BackendLine extends Figures {
  readonly backend: Backend
  readonly key: string
  readonly label: string
  readonly share: number | null
  readonly series: Series
  /** flows that can't be read (TLS, h2) and nothing else: no rate can be known */
  readonly opaque: number
  readonly connects: number
  readonly routes: readonly RouteLine[]
  readonly hiddenRoutes: number
}

export interface RouteLine extends Figures {
  readonly route: Route
  /** of its backend */
  readonly share: number | null
}

/** Ticks begin on whole seconds, give or take what a timer is late. */
export const TICK_SLACK: Micros = micros(50_000)
/** Seconds that the sparklines look back. */
export const SERIES_SECONDS = 40

export function leaderboard(moment: Moment, options: BoardOptions): Leaderboard {
  const { frame, window } = moment
  const known = withQuietBackends(window.backends, moment.activity)
  const matching = known.map((sum) => matchingPart(sum, options.filter)).filter((sum) => sum !== null)
  const ranked = rankBackends(matching, options.sort)
  const severalNamespaces = new Set(known.map((sum) => sum.backend.netns)).size > 1
  return {
    at: frame.start,
    windowSeconds: moment.windowSeconds,
    totals: figures({ ...window.totals }, window.length),
    coverage: coverageOf(window),
    loss: window.loss,
    gap: moment.gap,
    backends: ranked.slice(0, options.backends).map((sum) => ({
      ...figures(sum, window.length),
      backend: sum.backend,
      key: backendKey(sum.backend),
      label: labelOf(sum.backend, severalNamespaces),
      share: ratio(sum.requests, window.totals.requests),
      series: seriesOf(moment.activity, backendKey(sum.backend)),
      opaque: sum.requests === 0 && sum.inFlight === 0 ? sum.connection.opaque : 0,
      connects: sum.connection.connects,
      ...routesOf(sum, window.length, options),
    })),
    hiddenBackends: Math.max(0, ranked.length - options.backends),
    requests: moment.requests.filter((event) => requestMatches(event, options.filter)),
  }
}

export function labelOf(backend: Backend, severalNamespaces: boolean): string {
  const name = backend.name ?? backend.address
  return severalNamespaces ? `${name}%${backend.netns}` : name
}

/** Covered over elapsed time, times what was counted over what was there (CONTRACT, coverage). */
export function coverageOf({ from, to, covered, totals, loss }: Aggregate): number {
  const missed = loss.mapRefused + loss.ambiguous + loss.unmatchedResponses
  const seen = totals.requests + missed === 0 ? 1 : totals.requests / (totals.requests + missed)
  // A clock that was set back makes the span shorter than the ticks in it.
  const elapsed = Math.max(to - from, covered)
  return elapsed === 0 ? seen : (covered / elapsed) * seen
}

export function figures(
  sum: Counts & { readonly connection?: ConnectionCounts | null },
  length: Micros,
): Figures {
  const line: Measurable = { ...sum, connection: sum.connection ?? null }
  const failures = failureCount(line)
  return {
    requests: sum.requests,
    rps: perSecond(sum.requests, length) ?? 0,
    answered: sum.answered,
    inFlight: sum.inFlight,
    oldest: sum.oldest,
    classes: classesOf(sum),
    failures,
    failureKinds: failureKindsOf(line),
    trouble: ratio(failures + classCount(sum, 5), Math.max(attempts(line), failures + sum.answered)) ?? 0,
    avg: statistic(sum.header, 'avg'),
    p50: statistic(sum.header, 'p50'),
    p90: statistic(sum.header, 'p90'),
    p99: statistic(sum.header, 'p99'),
    max: statistic(sum.header, 'max'),
    totalP99: statistic(sum.total, 'p99'),
    thinned: sum.header.sampled < sum.header.count,
    retransmits: sum.retransmits + (line.connection?.retransmits ?? 0),
    retries: sum.retries,
  }
}

function classesOf(sum: Counts): Figures['classes'] {
  return [1, 2, 3, 4, 5]
    .map((digit) => ({ name: `${digit}xx`, count: classCount(sum, digit) }))
    .filter(({ count }) => count > 0)
    .map((status) => ({ ...status, ratio: status.count / sum.answered }))
}

function failureKindsOf({ failures, connection }: Measurable): Figures['failureKinds'] {
  const all = {
    ...failures,
    refused: connection?.refused ?? 0,
    'connect timeout': connection?.connectTimeout ?? 0,
  }
  return Object.entries(all)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => ({ kind, count }))
}

function routesOf(
  sum: BackendSum,
  length: Micros,
  options: BoardOptions,
): Pick<BackendLine, 'routes' | 'hiddenRoutes'> {
  const shown = rankRoutes(sum.routes, options.sort).slice(0, options.routes)
  return {
    routes: shown.map((route) => routeLine(route, sum, length)),
    hiddenRoutes: sum.routes.length - shown.length,
  }
}

export const routeLine = (sum: RouteSum, backend: Counts, length: Micros): RouteLine => ({
  ...figures(sum, length),
  route: sum.route,
  share: ratio(sum.requests, backend.requests),
})

/** A backend that was busy a moment ago stays on the screen with a true 0: that it fell silent is what one looks for. */
function withQuietBackends(
  backends: readonly BackendSum[],
  activity: Moment['activity'],
): readonly BackendSum[] {
  const known = new Map(backends.map((sum) => [backendKey(sum.backend), sum]))
  for (const second of activity) {
    if (second === null) continue
    for (const [key, { backend, requests }] of second.load) {
      if (requests === 0 || known.has(key)) continue
      known.set(key, { ...NO_COUNTS, backend, connection: NO_CONNECTIONS, routes: [] })
    }
  }
  return [...known.values()]
}

export function loadOf(frame: SecondFrame): Load {
  const load = new Map<string, BackendLoad>()
  for (const { backend, requests } of frame.traffic) {
    const key = backendKey(backend)
    load.set(key, { backend, requests: requests + (load.get(key)?.requests ?? 0) })
  }
  return load
}

/** The whole backend if its address or name matches, else its matching routes; null if nothing does. */
function matchingPart(sum: BackendSum, filter: string): BackendSum | null {
  if (filter === '' || sum.backend.address.includes(filter) || sum.backend.name?.includes(filter) === true)
    return sum
  const routes = sum.routes.filter(({ route }) => routeMatches(route, filter))
  return routes.length === 0 ? null : { ...sum, routes }
}

const routeMatches = ({ method, path }: Route, filter: string): boolean =>
  `${method} ${path}`.includes(filter)

export const requestMatches = ({ backend, route }: RequestEvent, filter: string): boolean =>
  filter === '' ||
  backend.address.includes(filter) ||
  backend.name?.includes(filter) === true ||
  routeMatches(route, filter)

/** A backend's requests a second. */
const seriesOf = (activity: Moment['activity'], key: string): Series =>
  activity.map((second) => second && (second.load.get(key)?.requests ?? 0) / second.seconds)

export const newestFirst = (a: RequestEvent, b: RequestEvent): number =>
  b.at - a.at ||
  compareBytes(a.backend.address, b.backend.address) ||
  compareBytes(a.route.method, b.route.method) ||
  compareBytes(a.route.path, b.route.path)
