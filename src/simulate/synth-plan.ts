/** Plans a synthetic recording: backends, routes, their times, and incidents. */
import type { Backend, Route } from '../frame/model/frame.ts'
import { addMicros, type WallMicros } from '../frame/model/units.ts'
import { Random } from './synth-random.ts'

export const INCIDENT_KINDS = ['5xx', 'slow', 'vanish', 'appear', 'refused', 'surge', 'stop', 'gap'] as const
export type IncidentKind = (typeof INCIDENT_KINDS)[number]

/** [from, to) in seconds from the start. */
export interface Incident {
  readonly kind: IncidentKind
  readonly from: number
  readonly to: number
  /** number of the backend, from 0; null: the program chooses one */
  readonly backend: number | null
}

export interface SynthOptions {
  readonly seed: number
  readonly secs: number
  readonly backends: number
  readonly routes: number
  /** requests per second, on average */
  readonly rps: number
  /** rows of the request ring kept per tick */
  readonly requests: number
  readonly start: WallMicros
  readonly incidents: readonly Incident[]
}

/** A (backend, route) with its share of the traffic. */
export interface Pair {
  readonly backend: Backend
  readonly route: Route
  readonly weight: number
  /** header time, µs */
  readonly median: number
  readonly sigma: number
  readonly fivexx: number
}

/** An incident with the backend that it affects. Tests compare findings with it. */
export interface PlannedIncident {
  readonly kind: IncidentKind
  readonly from: WallMicros
  readonly to: WallMicros
  /** null if it affects all backends */
  readonly backend: Backend | null
}

export interface SynthPlan extends SynthOptions {
  readonly pairs: readonly Pair[]
  readonly backendList: readonly Backend[]
  readonly planned: readonly PlannedIncident[]
}

interface RouteProfile {
  readonly method: string
  readonly path: string
  readonly weight: number
  readonly median: number
  readonly sigma: number
  readonly fivexx: number
}

const profile = (
  method: string,
  path: string,
  weight: number,
  median: number,
  sigma = 0.5,
  fivexx = 0.001,
): RouteProfile => ({ method, path, weight, median, sigma, fivexx })

const PROFILES: readonly RouteProfile[] = [
  profile('GET', '/api/orders', 8, 9_000),
  profile('GET', '/healthz', 10, 400, 0.3, 0),
  profile('POST', '/checkout', 3, 90_000, 0.35, 0.02),
  profile('GET', '/api/users/:id', 6, 6_000),
  profile('GET', '/static/app.js', 6, 700, 0.4, 0),
  profile('GET', '/', 4, 14_000),
  profile('GET', '/api/search', 3, 45_000, 0.7),
  profile('PUT', '/api/cart/:id', 3, 12_000),
]

const NOUNS = [
  'items',
  'prices',
  'stock',
  'reviews',
  'images',
  'addresses',
  'invoices',
  'sessions',
  'coupons',
]

export function planSynth(options: SynthOptions): SynthPlan {
  const extra = options.incidents.filter(({ kind }) => kind === 'appear').length
  const backendList = Array.from({ length: options.backends + extra }, (_, i) => backendAt(i))
  const random = new Random(options.seed ^ 0x5bd1e995)
  const profiles = Array.from({ length: options.routes }, (_, i) => PROFILES[i] ?? furtherProfile(i, random))
  const pairs = profiles.flatMap((of, id) => {
    const route = { id: id + 1, method: of.method, path: of.path }
    return backendList.map((backend, i) => pairOf(backend, route, of, share(i, of, options.backends)))
  })
  const planned = plannedOf(options, backendList)
  return { ...options, pairs: pairs.filter(({ weight }) => weight > 0), backendList, planned }
}

const backendAt = (i: number): Backend => ({
  id: i + 1,
  address: `10.0.${1 + Math.floor(i / 200)}.${10 + (i % 200)}:8080`,
  netns: 4026531840,
  names: null,
})

const furtherProfile = (i: number, random: Random): RouteProfile =>
  profile(
    i % 4 === 3 ? 'POST' : 'GET',
    `/api/v${1 + (i % 2)}/${NOUNS[i % NOUNS.length]!}${i >= PROFILES.length + NOUNS.length ? i : ''}/:id`,
    8 / (i + 1),
    Math.round(random.logNormal(8_000, 0.8)),
  )

const pairOf = (
  backend: Backend,
  route: Route,
  { median, sigma, fivexx }: RouteProfile,
  weight: number,
): Pair => ({
  backend,
  route,
  weight,
  median,
  sigma,
  fivexx,
})

/** As in a real pool: of three or more backends, only the last answers the slow routes; the others share the rest unevenly. */
function share(backend: number, { weight, median }: RouteProfile, backends: number): number {
  const isSlow = median >= 40_000
  if (backends >= 3 && (backend === backends - 1) !== (isSlow && backend < backends)) return 0
  return weight * (isSlow ? 1 : 1 / (1 + 0.25 * backend))
}

function plannedOf(options: SynthOptions, backends: readonly Backend[]): PlannedIncident[] {
  let appearing = options.backends
  return options.incidents.map(({ kind, from, to, backend }, i) => ({
    kind,
    from: addMicros(options.start, from * 1e6),
    to: addMicros(options.start, to * 1e6),
    backend: affectsOneBackend(kind)
      ? backends[kind === 'appear' ? appearing++ : (backend ?? i % options.backends)]!
      : null,
  }))
}

const affectsOneBackend = (kind: IncidentKind): boolean => !['surge', 'stop', 'gap'].includes(kind)
