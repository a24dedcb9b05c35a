/** Sums several recordings: those of the same host are consecutive, those of different hosts simultaneous. */
import {
  backendKey,
  leastKnown,
  routeKey,
  NOTHING,
  type Aggregate,
  type BackendSum,
  type RouteSum,
} from '../model/aggregate.ts'
import type { Backend } from '../model/frame.ts'
import { micros, wallMicros } from '../model/units.ts'
import { addFields, sumOf, totalsOf, withUnknown } from './merge.ts'
import { addConnections, sumCounts } from './sums.generated.ts'
import { sumWires } from './wire-sums.ts'

export interface HostPart {
  readonly host: string
  /** the host's own network namespace, whose number gives way to 0; where it is not known, the only one of the part does */
  readonly home?: number | undefined
  readonly aggregate: Aggregate
}

/** Exact: counts, distributions and open requests are added over hosts. The length is the hosts' mean, so that rates are sums, too. */
export function fleetOf(parts: readonly HostPart[]): Aggregate {
  const known = parts.filter(({ aggregate }) => aggregate.ticks > 0)
  const isFleet = new Set(known.map(({ host }) => host)).size > 1
  const hosts = new Map<string, Aggregate[]>()
  for (const { host, aggregate, home } of known) {
    const own = home ?? (isFleet ? onlyNamespace(aggregate) : undefined)
    hosts.set(host, [...(hosts.get(host) ?? []), own === undefined ? aggregate : without(own, aggregate)])
  }
  const each = [...hosts.values()].map((of) => sumOf(of.sort((a, b) => a.from - b.from)))
  return each.length < 2 ? (each[0] ?? NOTHING) : sumHosts(each)
}

function sumHosts(hosts: readonly Aggregate[]): Aggregate {
  const loss = hosts.map((host) => host.loss).reduce(addFields)
  const backends = withUnknown(
    joined(
      hosts.flatMap((host) => host.backends),
      (sum) => backendKey(sum.backend),
      joinBackends,
    ),
    loss,
  )
  const mean = (of: (host: Aggregate) => number) =>
    micros(Math.round(hosts.reduce((sum, host) => sum + of(host), 0) / hosts.length))
  return {
    from: wallMicros(Math.min(...hosts.map((host) => host.from))),
    to: wallMicros(Math.max(...hosts.map((host) => host.to))),
    length: mean((host) => host.length),
    covered: mean((host) => host.covered),
    ticks: hosts.reduce((sum, host) => sum + host.ticks, 0),
    totals: totalsOf(backends, loss),
    backends,
    wires: sumWires(hosts.map((host) => host.wires)),
    loss,
    excluded: hosts.map((host) => host.excluded).reduce(addFields),
    control: hosts.map((host) => host.control).reduce(addFields),
  }
}

function onlyNamespace({ backends, wires }: Aggregate): number | undefined {
  const [first, ...others] = new Set([...backends, ...(wires ?? [])].map((row) => row.backend.netns))
  return others.length > 0 ? undefined : first
}

/** A namespace's inode differs between hosts: without it a host's backends match those of other hosts. */
function without(namespace: number, aggregate: Aggregate): Aggregate {
  const drop = <T extends { readonly backend: Backend }>(row: T): T =>
    row.backend.netns === namespace ? { ...row, backend: { ...row.backend, netns: 0 } } : row
  return {
    ...aggregate,
    backends: aggregate.backends.map(drop),
    wires: aggregate.wires?.map(drop) ?? null,
  }
}

/** The sum of backends that are one. */
export const joinBackends = (sums: readonly BackendSum[]): BackendSum => ({
  ...sumCounts(sums),
  backend: sums.map((sum) => sum.backend).reduce(leastKnown),
  connection: sums.map((sum) => sum.connection).reduce(addConnections),
  routes: joined(
    sums.flatMap((sum) => sum.routes),
    (sum) => routeKey(sum.route),
    joinRoutes,
  ),
})

const joinRoutes = (sums: readonly RouteSum[]): RouteSum => ({ ...sumCounts(sums), route: sums[0]!.route })

/** Groups by key, in the order of each key's first value, and joins each group. */
export function joined<T, U>(
  values: readonly T[],
  keyOf: (value: T) => string,
  join: (group: readonly T[]) => U,
): U[] {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return [...groups.values()].map(join)
}
