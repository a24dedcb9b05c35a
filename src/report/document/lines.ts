/** The result as lines of one kind (`--by`). CSV and NDJSON write these lines, and the tables of text and Markdown show them. */
import { openOf, perSecond, ratio, type Measurable } from '../../frame/expression/measure.ts'
import { matches, selectRows } from '../../frame/expression/selection.ts'
import { nameOf, type BackendSum } from '../../frame/model/aggregate.ts'
import type { Backend, ConnectionCounts, Counts, WireCounts } from '../../frame/model/frame.ts'
import { namespaceOf } from '../../frame/model/namespace.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../frame/model/nothing.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { MINUTE, type Micros } from '../../frame/model/units.ts'
import { isTls, protocolOf } from '../../frame/model/protocol.ts'
import { joined } from '../../frame/sum/fleet.ts'
import { addConnections, sumCounts } from '../../frame/sum/sums.generated.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { ownCounts, wiresByBackend } from '../../frame/views/wires.ts'
import { ordered } from '../data/order.ts'
import { aggregateWithin } from '../data/fleet.ts'
import { stepSums } from '../data/steps.ts'
import { backendName, lineFilter, type Summary } from '../data/summary.ts'
import type { Entity, FullEntity } from './document.ts'
import { entityOf, fullEntityOf } from './entity.ts'
import { grpcErrorsIn } from './entity-text.ts'
import { severalNamespaces } from './json.ts'

export const BY = [
  'backend',
  'upstream',
  'namespace',
  'wire',
  'route',
  'status',
  'method',
  'minute',
  'host',
] as const
export type By = (typeof BY)[number]

/** The keys identify the line, the entity has its counts. All lines of a kind have the same keys in the same order. */
export interface Line {
  readonly keys: Readonly<Record<string, Key>>
  readonly entity: Entity | FullEntity | WireLineEntity | { readonly answered: number }
  /** what was added later, at the row's end: programs may rely on the places of the columns before */
  readonly added?: Readonly<Record<string, Key>>
  /** no tick of it lies in the range: its counts are unknown, and not 0 */
  readonly isUnknown?: boolean
}

/** A list: names of a backend. */
type Key = string | number | boolean | null | readonly string[]

/** All that is known of a wire address. */
export interface WireLineEntity extends WireCounts {
  readonly rps: number | null
}

/** Sorted, at most `--top` lines. Minutes are sorted by time. */
export function linesBy(by: By, summary: Summary, recordings: readonly Recording[]): Line[] {
  const lines = LINES[by](summary, recordings)
  return lines.slice(0, summary.query.top ?? undefined)
}

const LINES = {
  backend: backendLines,
  upstream: upstreamLines,
  namespace: namespaceLines,
  wire: wireLines,
  route: routeLines,
  status: statusLines,
  method: methodLines,
  minute: minuteLines,
  host: hostLines,
} as const satisfies Record<By, (summary: Summary, recordings: readonly Recording[]) => Line[]>

function backendLines(summary: Summary): Line[] {
  const { selected, query } = summary
  const kept = selected.backends.filter(lineFilter(summary))
  return ordered(kept, query.order, backendName).map((sum) => ({
    keys: {
      ...backendKeys(sum, summary),
      name: nameOf(sum.backend),
      ...connectionKeys(sum, summary),
      names: sum.backend.names,
    },
    entity: fullEntityOf(sum, selected.length),
    added: { tls: isTls(sum) },
  }))
}

/** One for each list of names, so that the lines add up; one for the backends without a name, one for those of which it is unknown. */
function upstreamLines(summary: Summary): Line[] {
  return ordered(
    groupsOf(summary, ({ backend }) => JSON.stringify(backend.names)),
    summary.query.order,
    ({ first }) => first.names ?? [],
  ).map((group) => ({
    keys: {
      upstream: nameOf(group.first),
      ...groupKeys(group, summary),
      names: group.first.names,
    },
    entity: fullEntityOf(group, summary.selected.length),
    added: { tls: isTls(group) },
  }))
}

/** One for each name; those without a name have their number. */
function namespaceLines(summary: Summary): Line[] {
  return ordered(
    groupsOf(summary, ({ backend }) => namespaceOf(backend)),
    summary.query.order,
    ({ first }) => [namespaceOf(first)],
  ).map((group) => ({
    keys: {
      namespace: group.first.namespace ?? null,
      netns: group.spaces.size === 1 ? group.first.netns : null,
      ...groupKeys(group, summary),
    },
    entity: fullEntityOf(group, summary.selected.length),
    added: { tls: isTls(group) },
  }))
}

/** Backends that have something in common, as one. */
interface BackendGroup extends Counts {
  readonly connection: ConnectionCounts
  readonly first: Backend
  readonly backends: number
  /** network namespaces */
  readonly spaces: ReadonlySet<number>
}

const groupsOf = (summary: Summary, common: (sum: BackendSum) => string): BackendGroup[] =>
  joined(summary.selected.backends, common, (group) => ({
    ...sumCounts(group),
    connection: group.map(({ connection }) => connection).reduce(addConnections),
    first: group[0]!.backend,
    backends: group.length,
    spaces: new Set(group.map(({ backend }) => backend.netns)),
  })).filter(lineFilter(summary))

const groupKeys = (group: BackendGroup, summary: Summary): Record<string, Key> => ({
  backends: group.backends,
  ...connectionKeys(group, summary),
})

const connectionKeys = (
  sum: Counts & { readonly connection: ConnectionCounts },
  { selected }: Summary,
): Record<string, Key> => ({
  share: ratio(sum.requests, selected.totals.requests),
  connects: sum.connection.connects,
  opaque: sum.connection.opaque,
  protocol: protocolOf(sum),
  open_connections: openOf(sum),
})

/** A backend of which nothing is translated is one line with its own address; one of which that is unknown has null there. */
function wireLines(summary: Summary): Line[] {
  const { selected, query } = summary
  const wiresOf = wiresByBackend(selected)
  const lines = selected.backends.flatMap((parent) => {
    const wires = wiresOf(parent)
    const own = { address: wires === null ? null : parent.backend.address, ...ownCounts(parent) }
    const listed: readonly (typeof own)[] = wires === null || wires.length === 0 ? [own] : wires
    return listed.map((wire) => ({ ...measurable(wire), wire, parent }))
  })
  const orderOf = ({ parent, wire }: (typeof lines)[number]): string[] => [
    ...backendName(parent),
    wire.address ?? '',
  ]
  return ordered(lines.filter(lineFilter(summary)), query.order, orderOf).map(
    ({ parent, wire: { address, connects, requests, failures } }) => ({
      keys: {
        ...backendKeys(parent, summary),
        name: nameOf(parent.backend),
        wire: address,
        share: ratio(requests, selected.totals.requests),
        protocol: protocolOf(parent),
        names: parent.backend.names,
      },
      entity: { connects, requests, rps: perSecond(requests, selected.length), failures },
    }),
  )
}

/** Only for the measures that are known of a wire address: failures have no kinds there. */
const measurable = ({ connects, requests, failures }: WireCounts): Measurable => ({
  ...NO_COUNTS,
  requests,
  failures: { ...NO_COUNTS.failures, reset: failures },
  connection: { ...NO_CONNECTIONS, connects },
})

/** Counts that are known of a wire address, as words of expressions. */
export const WIRE_MEASURES: readonly string[] = ['requests', 'rps', 'connects', 'failures', 'coverage']

function routeLines(summary: Summary): Line[] {
  const { selected, query } = summary
  const wanted = lineFilter(summary)
  const pairs = selected.backends.flatMap((backend) =>
    backend.routes.map((route) => ({ ...route, parent: backend })),
  )
  const orderOf = (pair: (typeof pairs)[number]): string[] => [
    ...backendName(pair.parent),
    pair.route.method,
    pair.route.path,
  ]
  return ordered(pairs.filter(wanted), query.order, orderOf).map(({ parent, ...sum }) => ({
    keys: {
      ...backendKeys(parent, summary),
      method: sum.route.method,
      route: sum.route.path,
      share: ratio(sum.requests, parent.requests),
      name: nameOf(parent.backend),
      names: parent.backend.names,
    },
    entity: entityOf(sum, selected.length),
  }))
}

function methodLines(summary: Summary): Line[] {
  const { selected, query } = summary
  const routes = selected.backends.flatMap((backend) => backend.routes)
  const methods = joined(
    routes,
    (sum) => sum.route.method,
    (group) => ({ ...sumCounts(group), method: group[0]!.route.method }),
  )
  return ordered(methods.filter(lineFilter(summary)), query.order, (sum) => [sum.method]).map((sum) => ({
    keys: { method: sum.method, share: ratio(sum.requests, selected.totals.requests) },
    entity: entityOf(sum, selected.length),
  }))
}

/** A status code has only a count of answers: its times and bytes are not recorded. */
function statusLines(summary: Summary): Line[] {
  const { selected, query } = summary
  const lines = [...selectedCodes(summary)].map(([code, count]) => ({
    ...NO_COUNTS,
    sentBytes: null,
    receivedBytes: null,
    grpc: null,
    requests: count,
    answered: count,
    codes: [code, count],
  }))
  return ordered(lines.filter(lineFilter(summary)), query.order, (sum) => [String(sum.codes[0])]).map(
    (sum) => ({
      keys: { status: sum.codes[0]!, share: ratio(sum.answered, selected.totals.answered) },
      entity: { answered: sum.answered },
    }),
  )
}

function selectedCodes({ selected, query }: Summary): Map<number, number> {
  const { codes: wanted } = query.selection
  const counts = new Map<number, number>()
  for (const { backend, routes } of selected.backends) {
    for (const { route, codes } of routes) {
      for (let i = 0; i < codes.length; i += 2) {
        if (wanted !== null && !matches(wanted, { backend, route, outcome: codes[i]! })) continue
        counts.set(codes[i]!, (counts.get(codes[i]!) ?? 0) + codes[i + 1]!)
      }
    }
  }
  return counts
}

function minuteLines(summary: Summary, recordings: readonly Recording[]): Line[] {
  const wanted = lineFilter(summary)
  return [...stepSums(recordings, summary.query.range, MINUTE)]
    .map(({ start, aggregate }) => ({ start, ...selectRows(aggregate, summary.query.selection.rows) }))
    .filter(({ totals }) => wanted(totals))
    .map(({ start, totals, length }) => ({
      keys: { minute: isoUtc(start), connects: totals.connection.connects },
      entity: fullEntityOf(totals, length),
    }))
}

function hostLines(summary: Summary, recordings: readonly Recording[]): Line[] {
  const { query, selected } = summary
  const hosts = joined(
    recordings,
    (recording) => recording.info.host,
    (group) => {
      const { totals, length, ticks } = selectRows(aggregateWithin(group, query.range), query.selection.rows)
      return { ...totals, length, isUnknown: ticks === 0, host: group[0]!.info.host }
    },
  )
  const nameOfHost = (sum: (typeof hosts)[number]): string[] => [sum.host]
  const known = ordered(
    hosts.filter(({ isUnknown }) => !isUnknown).filter(lineFilter(summary)),
    query.order,
    nameOfHost,
  )
  // No measure of it holds.
  const unknown = query.selection.lines === null ? hosts.filter(({ isUnknown }) => isUnknown) : []
  return [...known, ...unknown].map(({ isUnknown, ...sum }) => ({
    keys: {
      host: sum.host,
      share: ratio(sum.requests, selected.totals.requests),
      connects: sum.connection.connects,
    },
    entity: fullEntityOf(sum, sum.length),
    isUnknown,
  }))
}

const backendKeys = (
  { backend }: BackendSum,
  { selected }: Summary,
): Record<string, string | number | null> => ({
  backend: backend.address,
  ...(severalNamespaces(selected) ? { netns: backend.netns, namespace: backend.namespace ?? null } : {}),
})

/** A line without data: it gives the columns of its kind when there are no lines. */
export function emptyLine(by: By): Line {
  const none = { ...NO_COUNTS, connection: NO_CONNECTIONS }
  const length = 0 as Micros
  const shown = ['share', 'connects', 'opaque', 'protocol', 'open_connections']
  const keys: Record<By, readonly string[]> = {
    backend: ['backend', 'name', ...shown, 'names'],
    upstream: ['upstream', 'backends', ...shown, 'names'],
    namespace: ['namespace', 'netns', 'backends', ...shown],
    wire: ['backend', 'name', 'wire', 'share', 'protocol', 'names'],
    route: ['backend', 'method', 'route', 'share', 'name', 'names'],
    status: ['status', 'share'],
    method: ['method', 'share'],
    minute: ['minute', 'connects'],
    host: ['host', 'share', 'connects'],
  }
  const entity = {
    backend: fullEntityOf(none, length),
    upstream: fullEntityOf(none, length),
    namespace: fullEntityOf(none, length),
    wire: { connects: 0, requests: 0, rps: null, failures: 0 },
    route: entityOf(none, length),
    status: { answered: 0 },
    method: entityOf(none, length),
    minute: fullEntityOf(none, length),
    host: fullEntityOf(none, length),
  }
  const withTls = keys[by].includes('opaque')
  return {
    keys: Object.fromEntries(keys[by].map((key) => [key, null])),
    entity: entity[by],
    ...(withTls ? { added: { tls: null } } : {}),
  }
}

/** The line as one row: nested names are joined with `_`, codes are left out, and of gRPC statuses the errors are one number. */
export function flat({ isUnknown = false, ...line }: Line): Record<string, Key> {
  const row = flatEntity(line)
  if (!isUnknown) return row
  return Object.fromEntries(Object.keys(row).map((name) => [name, name === 'host' ? row[name]! : null]))
}

function flatEntity({ keys, entity, added = {} }: Line): Record<string, Key> {
  const row: Record<string, Key> = { ...keys }
  for (const [name, value] of Object.entries(entity) as [string, unknown][]) {
    if (name === 'codes') continue
    if (name === 'grpc') {
      row.grpc_errors = grpcErrorsIn(value as Entity['grpc'])
      continue
    }
    if (typeof value === 'object' && value !== null) {
      for (const [inner, leaf] of Object.entries(value) as [string, number | null][])
        row[`${name}_${inner}`] = leaf
    } else row[name] = value as number | null
  }
  return { ...row, ...added }
}
