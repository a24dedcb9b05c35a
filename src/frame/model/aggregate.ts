/**
 * The sum of any number of consecutive ticks: what a leaderboard window, a report, a rollup and a comparison are made of.
 */
import {
  NO_CONTROL,
  NO_EXCLUDED,
  NO_LOSS,
  type Control,
  type Excluded,
  type Loss,
} from './counters.generated.ts'
import type { Backend, ConnectionCounts, Counts, Route } from './frame.ts'
import { NO_CONNECTIONS, NO_COUNTS } from './nothing.ts'
import { micros, wallMicros, type Micros, type WallMicros } from './units.ts'

export interface RouteSum extends Counts {
  readonly route: Route
}

export interface BackendSum extends Counts {
  readonly backend: Backend
  readonly connection: ConnectionCounts
  /** in no particular order; ranking.ts orders them */
  readonly routes: readonly RouteSum[]
}

export interface Aggregate {
  /** start of the first tick and end of the last */
  readonly from: WallMicros
  readonly to: WallMicros
  /** sum of the real tick lengths: what rates divide by, so that a late tick's rate is right */
  readonly length: Micros
  /** sum of the tick lengths, of each at most 1.5 s: what coverage counts */
  readonly covered: Micros
  readonly ticks: number
  readonly totals: Counts & { readonly connection: ConnectionCounts }
  readonly backends: readonly BackendSum[]
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
}

/** A late tick's counts are kept and its rate divides by its real length, but only 1.5 s of it are covered. */
export const MAX_COVERED: Micros = micros(1_500_000)
export const coveredBy = (length: Micros): Micros => micros(Math.min(length, MAX_COVERED))

export const NOTHING: Aggregate = {
  from: wallMicros(0),
  to: wallMicros(0),
  length: micros(0),
  covered: micros(0),
  ticks: 0,
  totals: { ...NO_COUNTS, connection: NO_CONNECTIONS },
  backends: [],
  loss: NO_LOSS,
  excluded: NO_EXCLUDED,
  control: NO_CONTROL,
}

export const backendKey = (backend: Backend): string => `${backend.netns} ${backend.address}`
/** A method holds no space, so the first one separates. */
export const routeKey = (route: Pick<Route, 'method' | 'path'>): string => `${route.method} ${route.path}`
