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
import type { Micros, WallMicros } from './units.ts'

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
  /** the frames of the last seconds, in order, the moment's own last; null stands for a second without a tick */
  readonly recent: readonly (SecondFrame | null)[]
  /** set while the moment lies in the gap that directly follows the frame */
  readonly gap: { readonly from: WallMicros; readonly to: WallMicros; readonly reason: GapReason } | null
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

/** Seconds that the sparklines look back. */
export const SERIES_SECONDS = 40

export function leaderboard(moment: Moment, options: BoardOptions): Leaderboard {
  const { frame, window } = moment
  // A page with a chart looks further back; the leaderboard is the same whatever the page.
  const recent = moment.recent.slice(-SERIES_SECONDS)
  const known = withQuietBackends(window.backends, recent)
  const matching = known.map((sum) => matchingPart(sum, options.filter)).filter((sum) => sum !== null)
  const ranked = rankBackends(matching, options.sort)
  const severalNamespaces = new Set(known.map((sum) => sum.backend.netns)).size > 1
  const series = seriesOf(recent)
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
      series: series(backendKey(sum.backend)),
      opaque: sum.requests === 0 && sum.inFlight === 0 ? sum.connection.opaque : 0,
      connects: sum.connection.connects,
      ...routesOf(sum, window.length, options),
    })),
    hiddenBackends: Math.max(0, ranked.length - options.backends),
    requests: requestsOf(recent, options.filter),
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
  recent: readonly (SecondFrame | null)[],
): readonly BackendSum[] {
  const known = new Map(backends.map((sum) => [backendKey(sum.backend), sum]))
  for (const frame of recent) {
    if (frame === null) continue
    for (const [key, { backend, requests }] of loadOf(frame)) {
      if (requests === 0 || known.has(key)) continue
      known.set(key, { ...NO_COUNTS, backend, connection: NO_CONNECTIONS, routes: [] })
    }
  }
  return [...known.values()]
}

type Load = ReadonlyMap<string, { readonly backend: Backend; readonly requests: number }>
/** Forty frames are looked at for every redraw, and thirty-nine of them were there the last time. */
const loads = new WeakMap<SecondFrame, Load>()

function loadOf(frame: SecondFrame): Load {
  const known = loads.get(frame)
  if (known !== undefined) return known
  const load = new Map<string, { backend: Backend; requests: number }>()
  for (const { backend, requests } of frame.traffic) {
    const key = backendKey(backend)
    load.set(key, { backend, requests: requests + (load.get(key)?.requests ?? 0) })
  }
  loads.set(frame, load)
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

/** A backend's requests a second over the recent frames. */
const seriesOf =
  (recent: readonly (SecondFrame | null)[]) =>
  (key: string): Series =>
    recent.map((frame) => frame && (loadOf(frame).get(key)?.requests ?? 0) / (frame.length / 1e6))

const RECENT_REQUESTS = 200

function requestsOf(recent: readonly (SecondFrame | null)[], filter: string): RequestEvent[] {
  const found: RequestEvent[] = []
  for (let i = recent.length - 1; i >= 0 && found.length < RECENT_REQUESTS; i--) {
    const events = (recent[i]?.requests ?? []).filter((event) => requestMatches(event, filter))
    found.push(...[...events].sort(newestFirst))
  }
  return found.slice(0, RECENT_REQUESTS)
}

export const newestFirst = (a: RequestEvent, b: RequestEvent): number =>
  b.at - a.at ||
  compareBytes(a.backend.address, b.backend.address) ||
  compareBytes(a.route.method, b.route.method) ||
  compareBytes(a.route.path, b.route.path)
