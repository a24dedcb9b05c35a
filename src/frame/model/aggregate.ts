/**
 * The sum of consecutive ticks. Leaderboard windows, reports, rollups and comparisons are made of it.
 */
import {
  NO_CONTROL,
  NO_EXCLUDED,
  NO_LOSS,
  type Control,
  type Excluded,
  type Loss,
} from './counters.generated.ts'
import type { Backend, ConnectionCounts, Counts, Route, WireRow } from './frame.ts'
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
  /** sum of the real tick lengths; rates divide by it, so that the rate of a late tick is right */
  readonly length: Micros
  /** the same with at most 1.5 s of each tick, for coverage */
  readonly covered: Micros
  readonly ticks: number
  readonly totals: Counts & { readonly connection: ConnectionCounts }
  readonly backends: readonly BackendSum[]
  /** one per backend and wire address; null: not known of every tick */
  readonly wires: readonly WireRow[] | null
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
}

/** A late tick keeps all its counts, and its rate divides by its real length. Coverage counts at most 1.5 s of it. */
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
  wires: [],
  loss: NO_LOSS,
  excluded: NO_EXCLUDED,
  control: NO_CONTROL,
}

/** gRPC exchanges ended in it: only then is anything said of gRPC. */
export const hasGrpc = ({ backends }: Pick<Aggregate, 'backends'>): boolean =>
  backends.some(({ grpc }) => grpc !== null && grpc.length > 0)

export const wireKey = ({ backend, wire }: WireRow): string => `${backendKey(backend)}\0${wire.address}`
/** Unknown names have the key of none: in sums they meet in one line, of which the names are unknown (`leastKnown`). */
export const backendKey = (backend: Backend): string =>
  backend.names === null || backend.names.length === 0
    ? addressKey(backend)
    : `${addressKey(backend)} ${backend.names.join('\0')}`
/** Whatever its names are. */
export const addressKey = ({ netns, address }: Backend): string => `${netns} ${address}`
/** The names as one text; null: it has none, or they are unknown. */
export const nameOf = ({ names }: Pick<Backend, 'names'>): string | null =>
  names === null || names.length === 0 ? null : names.join(', ')
/** Of two backends with the same key: what one part of a sum does not know, the sum does not. */
export const leastKnown = (a: Backend, b: Backend): Backend => (a.names === null ? a : b)
/** A method contains no space, so the first space ends it. */
export const routeKey = (route: Pick<Route, 'method' | 'path'>): string => `${route.method} ${route.path}`
