/** Sums several recordings: those of the same host are consecutive, those of different hosts simultaneous. */
import {
  backendKey,
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
  readonly aggregate: Aggregate
}

/** Exact: counts, distributions and open requests are added over hosts. The length is the hosts' mean, so that rates are sums, too. */
export function fleetOf(parts: readonly HostPart[]): Aggregate {
  const hosts = new Map<string, Aggregate[]>()
  for (const { host, aggregate } of parts) {
    if (aggregate.ticks > 0) hosts.set(host, [...(hosts.get(host) ?? []), aggregate])
  }
  const each = [...hosts.values()].map((of) => sumOf(of.sort((a, b) => a.from - b.from)))
  return each.length < 2 ? (each[0] ?? NOTHING) : sumHosts(each)
}

function sumHosts(hosts: readonly Aggregate[]): Aggregate {
  const loss = hosts.map((host) => host.loss).reduce(addFields)
  const named = hosts.map(withoutNamespace)
  const backends = withUnknown(
    joined(
      named.flatMap((host) => host.backends),
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
    wires: sumWires(named.map((host) => host.wires)),
    loss,
    excluded: hosts.map((host) => host.excluded).reduce(addFields),
    control: hosts.map((host) => host.control).reduce(addFields),
  }
}

/** A namespace's inode differs between hosts: a host with only one namespace drops it, so that its backends match those of other hosts. */
function withoutNamespace({ backends, wires }: Aggregate): Pick<Aggregate, 'backends' | 'wires'> {
  if (new Set(backends.map((sum) => sum.backend.netns)).size > 1) return { backends, wires }
  const drop = <T extends { readonly backend: Backend }>(row: T): T => ({
    ...row,
    backend: { ...row.backend, netns: 0 },
  })
  return { backends: backends.map(drop), wires: wires?.map(drop) ?? null }
}

const joinBackends = (sums: readonly BackendSum[]): BackendSum => ({
  ...sumCounts(sums),
  backend: sums[0]!.backend,
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
