/** Merging aggregates is exact and associative. Order matters only for open requests: those of the last tick count. */
import {
  type RouteSum,
  type BackendSum,
  type Aggregate,
  coveredBy,
  NOTHING,
  backendKey,
  leastKnown,
  routeKey,
} from '../model/aggregate.ts'
import type { Loss } from '../model/counters.generated.ts'
import { CONNECTION, NONE_BEFORE } from '../model/counters.ts'
import type { Backend, ConnectionCounts, SecondFrame } from '../model/frame.ts'
import { addKnown } from '../model/known.ts'
import { NO_CONNECTIONS } from '../model/nothing.ts'
import { addMicros, micros } from '../model/units.ts'
import {
  addConnections,
  endedConnections,
  mergeConnections,
  mergeCounts,
  openConnections,
  sumCounts,
} from './sums.generated.ts'
import { sumWires } from './wire-sums.ts'

/** One tick as an aggregate. */
export function ofFrame(frame: SecondFrame): Aggregate {
  const sums = new Map<string, { backend: Backend; connection: ConnectionCounts; routes: RouteSum[] }>()
  const sumOf = (backend: Backend): { connection: ConnectionCounts; routes: RouteSum[] } => {
    const key = backendKey(backend)
    let sum = sums.get(key)
    if (sum === undefined) sums.set(key, (sum = { backend, connection: NO_CONNECTIONS, routes: [] }))
    return sum
  }
  for (const row of frame.traffic) sumOf(row.backend).routes.push(row)
  for (const row of frame.connections) sumOf(row.backend).connection = withNoneBefore(row)
  const backends = withUnknown(
    [...sums.values()].map((sum) => ({ ...sum, ...sumCounts(sum.routes) })),
    frame.loss,
  )
  return {
    from: frame.start,
    to: addMicros(frame.start, frame.length),
    length: frame.length,
    covered: coveredBy(frame.length),
    ticks: 1,
    totals: totalsOf(backends, frame.loss),
    backends,
    wires: frame.wires,
    loss: frame.loss,
    excluded: frame.excluded,
    control: frame.control,
  }
}

/** The sum of two aggregates; a's ticks come before b's. */
export function merge(a: Aggregate, b: Aggregate): Aggregate {
  if (a.ticks === 0) return b
  if (b.ticks === 0) return a
  const loss = addFields(a.loss, b.loss)
  const backends = withUnknown(
    mergeBy(a.backends, b.backends, (sum) => backendKey(sum.backend), mergeBackend, endedBackend),
    loss,
  )
  return {
    from: a.from,
    to: b.to,
    length: micros(a.length + b.length),
    covered: micros(a.covered + b.covered),
    ticks: a.ticks + b.ticks,
    totals: totalsOf(backends, loss),
    backends,
    wires: sumWires([a.wires, b.wires]),
    loss,
    excluded: addFields(a.excluded, b.excluded),
    control: addFields(a.control, b.control),
  }
}

/** Merges as a balanced tree: n ticks cost n·log n small merges instead of n merges with the whole sum. */
export function sumOf(parts: readonly Aggregate[]): Aggregate {
  if (parts.length === 0) return NOTHING
  if (parts.length === 1) return parts[0]!
  const half = parts.length >> 1
  return merge(sumOf(parts.slice(0, half)), sumOf(parts.slice(half)))
}

/** Adds objects whose fields are all counts. */
export function addFields<T extends Readonly<Record<keyof T, number | null>>>(a: T, b: T): T {
  const sum = { ...a } as Record<keyof T, number | null>
  for (const field of Object.keys(b) as (keyof T)[]) sum[field] = addKnown(a[field], b[field])
  return sum as T
}

/** The `retransmits` of the routes are those of open requests; those between requests are in `connection`. */
export const totalsOf = (backends: readonly BackendSum[], loss: Loss): Aggregate['totals'] => ({
  ...sumCounts(backends),
  connection: {
    ...backends.reduce((sum, { connection }) => addConnections(sum, connection), NO_CONNECTIONS),
    ...(knowsConnects(loss) ? {} : UNKNOWN),
  },
})

/** As a sum takes it, also where the sum is of one row. */
const withNoneBefore = (row: ConnectionCounts): ConnectionCounts =>
  row.h2Requests === null || row.grpcRequests === null || row.tlsRequests === null
    ? addConnections(NO_CONNECTIONS, row)
    : row

/** A backend without a row in a tick has had 0 connects, unless the recorder did not count them: then it is not known. */
export const withUnknown = (backends: readonly BackendSum[], loss: Loss): readonly BackendSum[] =>
  knowsConnects(loss)
    ? backends
    : backends.map((sum) => ({ ...sum, connection: { ...sum.connection, ...UNKNOWN } }))

/** `holes` and the later counters of connections came together, and every tick has `holes`, rows or not. */
const knowsConnects = ({ holes }: Loss): boolean => holes !== null

const UNKNOWN = Object.fromEntries(
  CONNECTION.filter(({ since, word }) => since === 'later' && !NONE_BEFORE.includes(word)).map(({ name }) => [
    name,
    null,
  ]),
)

function mergeBackend(a: BackendSum, b: BackendSum): BackendSum {
  return {
    ...mergeCounts(a, b),
    backend: leastKnown(a.backend, b.backend),
    connection: mergeConnections(a.connection, b.connection),
    routes: mergeBy(a.routes, b.routes, (sum) => routeKey(sum.route), mergeRoute, endedRoute),
  }
}

const mergeRoute = (a: RouteSum, b: RouteSum): RouteSum => ({ ...mergeCounts(a, b), route: b.route })

/** A row that is not in the later span has no open requests: a row with open requests is sent every tick. */
const endedRoute = (sum: RouteSum): RouteSum =>
  sum.inFlight === 0 && sum.oldest === 0 ? sum : { ...sum, inFlight: 0, oldest: micros(0) }

const endedBackend = (sum: BackendSum): BackendSum =>
  sum.inFlight === 0 && sum.oldest === 0 && openConnections(sum.connection) === 0
    ? sum
    : {
        ...sum,
        inFlight: 0,
        oldest: micros(0),
        connection: endedConnections(sum.connection),
        routes: sum.routes.map(endedRoute),
      }

function mergeBy<T>(
  a: readonly T[],
  b: readonly T[],
  keyOf: (value: T) => string,
  both: (a: T, b: T) => T,
  onlyEarlier: (a: T) => T,
): T[] {
  const later = new Map(b.map((value) => [keyOf(value), value]))
  const merged = a.map((value) => {
    const key = keyOf(value)
    const match = later.get(key)
    later.delete(key)
    return match === undefined ? onlyEarlier(value) : both(value, match)
  })
  return [...merged, ...later.values()]
}
