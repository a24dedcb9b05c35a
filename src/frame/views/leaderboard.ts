/**
 * The data of the leaderboard at a moment: a pure function of the window's sum, the recent frames and the view's options.
 * Rows are ranked and cut here; render formats the cells.
 */
import { openOf, ratio, totalsLine } from '../expression/measure.ts'
import { backendKey, nameOf, type BackendSum, type RouteSum } from '../model/aggregate.ts'
import type { Loss } from '../model/counters.generated.ts'
import type { Backend, Counts, RequestEvent, Route } from '../model/frame.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../model/nothing.ts'
import type { Micros, WallMicros } from '../model/units.ts'
import { isTls, isUnread, protocolOf, type Protocol } from '../model/protocol.ts'
import { coverageOf, figures, type Figures } from './figures.ts'
import { labelsOf, type Label } from './labels.ts'
import type { Moment, Series } from './moment.ts'
import { rankBackends, rankRoutes, type Sort } from './ranking.ts'
import { wiresByBackend, type WireShare } from './wires.ts'

export interface BoardOptions {
  /** rows at most */
  readonly backends: number
  /** rows per backend at most */
  readonly routes: number
  readonly sort: Sort
  /** backends and routes whose name contains it are shown; '' shows all */
  readonly filter: string
}

export const BOARD_DEFAULTS: BoardOptions = { backends: 8, routes: 4, sort: 'rps', filter: '' }

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
  /** number of backends beyond the limit */
  readonly hiddenBackends: number
  /** the request ring, newest first */
  readonly requests: readonly RequestEvent[]
  /** what their backends are called */
  readonly label: (backend: Backend) => Label
}

export interface BackendLine extends Figures {
  readonly backend: Backend
  readonly key: string
  readonly label: Label
  readonly share: number | null
  readonly series: Series
  /** connections that cannot be read (TLS, h2), if there is nothing else: the rate is unknown */
  readonly opaque: number
  /** null: not known */
  readonly protocol: Protocol | null
  /** requests were read within TLS; null: not known */
  readonly tls: boolean | null
  /** its requests cannot be read: their rate is unknown, and not 0 */
  readonly unread: boolean
  readonly connects: number
  /** open at the end of the moment, of those that cannot be read; null: requests are read, or it is not known */
  readonly openConnections: number | null
  /** what its packets carry; null: unknown */
  readonly wires: readonly WireShare[] | null
  readonly routes: readonly RouteLine[]
  readonly hiddenRoutes: number
}

export interface RouteLine extends Figures {
  readonly route: Route
  /** share of its backend's requests */
  readonly share: number | null
}

export function leaderboard(moment: Moment, options: BoardOptions): Leaderboard {
  const { frame, window } = moment
  const known = withIdleBackends(window.backends, moment.activity)
  const matching = known.map((sum) => matchingPart(sum, options.filter)).filter((sum) => sum !== null)
  const ranked = rankBackends(matching, options.sort)
  const wiresOf = wiresByBackend(window)
  const severalNamespaces = new Set(known.map((sum) => sum.backend.netns)).size > 1
  const label = labelsOf(
    known.map(({ backend }) => backend),
    severalNamespaces,
  )
  return {
    at: frame.start,
    windowSeconds: moment.windowSeconds,
    totals: figures(totalsLine(window), window.length),
    coverage: coverageOf(window, moment.elapsed),
    loss: window.loss,
    gap: moment.gap,
    backends: ranked.slice(0, options.backends).map((sum) => ({
      ...figures(sum, window.length),
      backend: sum.backend,
      key: backendKey(sum.backend),
      label: label(sum.backend),
      share: ratio(sum.requests, window.totals.requests),
      series: seriesOf(moment.activity, backendKey(sum.backend)),
      opaque: sum.requests === 0 && sum.inFlight === 0 ? sum.connection.opaque : 0,
      protocol: protocolOf(sum),
      tls: isTls(sum),
      unread: isUnread(sum),
      connects: sum.connection.connects,
      openConnections: openOf(sum),
      wires: wiresOf(sum),
      ...routesOf(sum, window.length, options),
    })),
    hiddenBackends: Math.max(0, ranked.length - options.backends),
    requests:
      options.filter === ''
        ? moment.requests
        : moment.requests.filter((event) => requestMatches(event, options.filter)),
    label,
  }
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

/** A backend that became idle stays on the screen with 0: users look for exactly this change. */
function withIdleBackends(
  backends: readonly BackendSum[],
  activity: Moment['activity'],
): readonly BackendSum[] {
  const known = new Map(backends.map((sum) => [backendKey(sum.backend), sum]))
  for (const second of activity) {
    if (second === null) continue
    for (const [key, { backend, requests }] of second.backends) {
      if (requests === 0 || known.has(key)) continue
      known.set(key, { ...NO_COUNTS, backend, connection: NO_CONNECTIONS, routes: [] })
    }
  }
  return [...known.values()]
}

/** The whole backend if its address, name or namespace matches, else its matching routes; null if there are none. */
function matchingPart(sum: BackendSum, filter: string): BackendSum | null {
  if (filter === '' || backendMatches(sum.backend, filter)) return sum
  const routes = sum.routes.filter(({ route }) => routeMatches(route, filter))
  return routes.length === 0 ? null : { ...sum, routes }
}

const backendMatches = (backend: Backend, filter: string): boolean =>
  backend.address.includes(filter) ||
  nameOf(backend)?.includes(filter) === true ||
  backend.namespace?.includes(filter) === true

const routeMatches = ({ method, path }: Route, filter: string): boolean =>
  `${method} ${path}`.includes(filter)

const requestMatches = ({ backend, route }: RequestEvent, filter: string): boolean =>
  backendMatches(backend, filter) || routeMatches(route, filter)

/** A backend's requests per second. */
const seriesOf = (activity: Moment['activity'], key: string): Series =>
  activity.map((second) => second && (second.backends.get(key)?.requests ?? 0) / second.seconds)
