/** The tables of a report for people. */
import { CONNECT_FAILURES, ROUTE_FAILURES } from '../../frame/model/counters.ts'
import { micros, wallMicros } from '../../frame/model/units.ts'
import { ratio } from '../../frame/expression/measure.ts'
import { addressKey, hasGrpc, routeKey } from '../../frame/model/aggregate.ts'
import { grpcName, GRPC_NONE } from '../../frame/model/grpc.ts'
import { namespaceOf } from '../../frame/model/namespace.ts'
import { isRead } from '../../frame/model/protocol.ts'
import { localMinute } from '../../frame/time/timezone.ts'
import type { Subject } from '../../frame/views/drilldown.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { exactCount, finePercent, latency, NOTHING, rate } from '../../render/quantities.ts'
import { TLS_UNREAD } from '../../render/tls-text.ts'
import { durationOf } from '../data/slowest.ts'
import type { BackendEntity, Entity, FullEntity } from '../document/document.ts'
import {
  bytesText,
  failuresOf,
  grpcEndedIn,
  grpcErrorsIn,
  millis,
  shareText,
} from '../document/entity-text.ts'
import { severalNamespaces } from '../document/json.ts'
import type { By, Line, WireLineEntity } from '../document/lines.ts'
import type { Report } from './report.ts'
import type { Column, Section } from './section.ts'
import { timeText } from './time-text.ts'

/** Most lines of a table without `--top`. */
const SHOWN = 20

const known = (count: number | null): string => (count === null ? NOTHING : exactCount(count))

const KEY_TITLES: Readonly<Record<By, readonly [title: string, keys: readonly string[]]>> = {
  backend: ['Backends', ['backend']],
  upstream: ['Upstreams', ['upstream']],
  namespace: ['Network namespaces', ['namespace']],
  wire: ['What packets carry', ['backend', 'wire']],
  route: ['Routes', ['backend', 'method', 'route']],
  status: ['Status codes', ['status']],
  method: ['Methods', ['method']],
  minute: ['Minutes', ['minute']],
  host: ['Hosts', ['host']],
}

export function lineTable(by: By, report: Report): Section {
  const { summary } = report
  const all = report.lines(by)
  const shown = summary.query.top === null ? all.slice(0, SHOWN) : all
  const [title, keys] = KEY_TITLES[by]
  const names = keys.map((key): Column => ({
    title: key.toUpperCase(),
    align: 'left',
    untrusted: by !== 'minute' && by !== 'status',
  }))
  const shared = by !== 'minute'
  const without = [...(shared ? [] : ['SHARE']), ...(hasGrpc(summary.selected) ? [] : [GRPC_ERRORS])]
  const measures = MEASURES[by] ?? ENTITY_COLUMNS.filter(([name]) => !without.includes(name))
  return {
    kind: 'table',
    title,
    columns: [
      ...names,
      ...measures.map(([name]): Column => ({ title: name, align: 'right', untrusted: false })),
    ],
    rows: shown.map((line) => [
      ...keys.map((key) => keyText(key, line, report)),
      ...measures.map(([, cell]) => (line.isUnknown === true ? NOTHING : cell(line))),
    ]),
    note:
      shown.length < all.length
        ? `and ${exactCount(all.length - shown.length)} more: --top ${all.length}`
        : null,
    drawn: shown.map((line) => ({
      subject: subjectOf(by, line, report),
      bars: [...keys.map(() => null), ...measures.map(([, , bar]) => bar?.(line) ?? null)],
      shares: [...keys.map(() => null), ...measures.map(([, , , share]) => share?.(line) ?? null)],
    })),
  }
}

/** Of backends and routes. Only where there are several namespaces a line has its own. */
function subjectOf(by: By, { keys }: Line, { summary }: Report): Subject | null {
  if (by !== 'backend' && by !== 'route') return null
  const address = String(keys.backend)
  const netns = keys.netns ?? summary.selected.backends[0]?.backend.netns ?? 0
  return {
    backend: addressKey({ id: 0, address, netns: Number(netns), names: null }),
    route: by === 'backend' ? null : routeKey({ method: String(keys.method), path: String(keys.route) }),
  }
}

function keyText(key: string, line: Line, report: Report): string {
  const text = keyName(key, line, report)
  if (key !== 'backend' && key !== 'upstream' && key !== 'namespace') return text
  if (isUnreadLine(line)) return `${text} (${String(line.keys.protocol)}, not readable)`
  return line.added?.tls === true ? `${text} (TLS)` : text
}

function keyName(key: string, { keys }: Line, { timeZone, withOffset }: Report): string {
  const value = String(keys[key] ?? (key === 'wire' ? NOTHING : ''))
  const names = keys.names as readonly string[] | null
  switch (key) {
    case 'minute':
      return localMinute(wallMicros(Date.parse(value) * 1000), timeZone, withOffset)
    case 'backend':
      return rowLabel({
        backend: value,
        names,
        netns: keys.netns as number | undefined,
        namespace: (keys.namespace ?? null) as string | null,
      })
    case 'upstream':
      return value !== '' ? value : names === null ? '(names unknown)' : '(no name)'
    case 'namespace':
      return value !== '' ? value : numberOf(keys.netns as number)
    default:
      return value
  }
}

/** 0 is the own one of each of several hosts. */
const numberOf = (netns: number): string => (netns === 0 ? "(the hosts' own)" : namespaceOf({ netns }))

/** Rows have the namespace only where there are several. */
const rowLabel = ({
  backend,
  names,
  netns,
  namespace,
}: Pick<BackendEntity, 'backend' | 'names' | 'namespace'> & {
  readonly netns?: number | undefined
}): string =>
  labelOf(
    { id: 0, address: backend, netns: netns ?? 0, names, ...(namespace == null ? {} : { namespace }) },
    netns !== undefined,
  )

/** @param bar its length in the cell, in the page @param share how much of all went wrong */
type Cell = readonly [
  title: string,
  cell: (line: Line) => string,
  bar?: ((line: Line) => number | null) | null,
  share?: (line: Line) => number | null,
]

const entity = (line: Line): Entity | FullEntity => {
  if ('header_ms' in line.entity) return line.entity
  throw new Error('a line of a status or a wire address has only a few counts')
}
/** Its requests cannot be read: their number is unknown, and not 0. */
const isUnreadLine = ({ keys: { protocol } }: Line): boolean =>
  typeof protocol === 'string' && !isRead(protocol)
/** Only where there was gRPC. */
const GRPC_ERRORS = 'GRPC ERR %'
const grpcShare = (grpc: Entity['grpc']): string =>
  grpc === null ? NOTHING : shareText(grpcErrorsIn(grpc) ?? 0, grpcEndedIn(grpc))
const fivexxRatio = (line: Line): number | null => ratio(entity(line).status['5xx'], entity(line).answered)
function grpcRatio({ entity }: Line): number | null {
  const grpc = 'grpc' in entity ? entity.grpc : null
  return grpc === null ? null : ratio(grpcErrorsIn(grpc) ?? 0, grpcEndedIn(grpc))
}
const ENTITY_COLUMNS: readonly Cell[] = [
  [
    'REQUESTS',
    (line) => (isUnreadLine(line) ? NOTHING : exactCount(entity(line).requests)),
    (line) => entity(line).requests,
  ],
  ['RPS', (line) => (entity(line).rps === null || isUnreadLine(line) ? '–' : rate(entity(line).rps!))],
  ['SHARE', (line) => finePercent(line.keys.share as number | null)],
  ['AVG', (line) => millis(entity(line).header_ms.avg)],
  ['P50', (line) => millis(entity(line).header_ms.p50)],
  ['P99', (line) => millis(entity(line).header_ms.p99), (line) => entity(line).header_ms.p99],
  ['MAX', (line) => millis(entity(line).header_ms.max)],
  ['4XX', (line) => (isUnreadLine(line) ? NOTHING : exactCount(entity(line).status['4xx']))],
  [
    '5XX',
    (line) => (isUnreadLine(line) ? NOTHING : exactCount(entity(line).status['5xx'])),
    null,
    fivexxRatio,
  ],
  ['5XX %', (line) => shareText(entity(line).status['5xx'], entity(line).answered), fivexxRatio, fivexxRatio],
  [GRPC_ERRORS, ({ entity }) => grpcShare('grpc' in entity ? entity.grpc : null), null, grpcRatio],
  [
    'FAILED',
    (line) => exactCount(failuresOf(entity(line))),
    (line) => failuresOf(entity(line)),
    (line) => ratio(failuresOf(entity(line)), entity(line).answered + failuresOf(entity(line))),
  ],
  ['OPEN', (line) => (isUnreadLine(line) ? NOTHING : exactCount(entity(line).in_flight))],
]

const STATUS_COLUMNS: readonly Cell[] = [
  ['ANSWERED', (line) => exactCount('answered' in line.entity ? line.entity.answered : 0)],
  ['SHARE', (line) => finePercent(line.keys.share as number | null)],
]

const wireEntity = ({ entity }: Line): WireLineEntity => {
  if ('connects' in entity) return entity
  throw new Error('this is no line of a wire address')
}
const WIRE_COLUMNS: readonly Cell[] = [
  ['CONNECTS', (line) => exactCount(wireEntity(line).connects)],
  ['REQUESTS', (line) => (isUnreadLine(line) ? NOTHING : exactCount(wireEntity(line).requests))],
  [
    'RPS',
    (line) => (wireEntity(line).rps === null || isUnreadLine(line) ? '–' : rate(wireEntity(line).rps!)),
  ],
  ['SHARE', (line) => finePercent(line.keys.share as number | null)],
  ['FAILED', (line) => exactCount(wireEntity(line).failures)],
]

const MEASURES: Partial<Readonly<Record<By, readonly Cell[]>>> = {
  status: STATUS_COLUMNS,
  wire: WIRE_COLUMNS,
}

export const codes = (report: Report): Section => lineTable('status', report)

/** By backend, where there was gRPC. */
export function grpcStatuses({ document }: Report): Section[] {
  const rows = document.backends.flatMap((backend) => grpcRows(backend))
  if (rows.length === 0) return []
  return [
    {
      kind: 'table',
      title: 'gRPC statuses',
      columns: [
        { title: 'BACKEND', align: 'left', untrusted: true },
        { title: 'STATUS', align: 'left', untrusted: false },
        { title: 'ENDED', align: 'right', untrusted: false },
        { title: 'SHARE', align: 'right', untrusted: false },
      ],
      rows: rows.slice(0, SHOWN),
      note: rows.length > SHOWN ? `and ${exactCount(rows.length - SHOWN)} more: --format json` : null,
    },
  ]
}

/** The most frequent first. */
function grpcRows(backend: BackendEntity): string[][] {
  const { grpc } = backend
  if (grpc === null) return []
  const ended = grpcEndedIn(grpc)
  return Object.entries(grpc)
    .sort(([, a], [, b]) => b - a)
    .map(([word, count]) => [rowLabel(backend), grpcText(word), exactCount(count), shareText(count, ended)])
}

/** `14 UNAVAILABLE`; those without a name only the number. */
function grpcText(word: string): string {
  const name = grpcName(word === 'none' ? GRPC_NONE : Number(word))
  return word === 'none' || name === word ? name : `${word} ${name}`
}

export function failures({ document }: Report): Section[] {
  const kinds = [...ROUTE_FAILURES, ...CONNECT_FAILURES].map(({ word }) => word)
  const failing = document.backends.filter((backend) => failuresOf(backend) + backend.body_reset > 0)
  if (failing.length === 0) return []
  return [
    {
      kind: 'table',
      title: 'Failures',
      columns: [
        { title: 'BACKEND', align: 'left', untrusted: true },
        ...[...kinds, 'body_reset'].map((kind): Column => ({
          title: kind.replace('_', ' ').toUpperCase(),
          align: 'right',
          untrusted: false,
        })),
      ],
      rows: failing
        .slice(0, SHOWN)
        .map((backend) => [
          rowLabel(backend),
          ...kinds.map((kind) => known(backend.failures[kind])),
          exactCount(backend.body_reset),
        ]),
      note: null,
    },
  ]
}

/** Backends whose requests cannot be read: what their connections tell. */
export function unread({ document, summary }: Report): Section[] {
  const rows = document.backends.filter(({ protocol }) => protocol !== null && !isRead(protocol))
  if (rows.length === 0) return []
  const hasUnreadTls = rows.some(({ protocol }) => protocol === 'tls')
  const readsTls = summary.recordings.some(({ tls = [] }) => tls.length > 0)
  const notes = [
    ...(rows.length > SHOWN ? [`and ${exactCount(rows.length - SHOWN)} more`] : []),
    ...(hasUnreadTls && !readsTls ? [TLS_UNREAD] : []),
  ]
  const right = (title: string): Column => ({ title, align: 'right', untrusted: false })
  return [
    {
      kind: 'table',
      title: 'Connections that cannot be read',
      columns: [
        { title: 'BACKEND', align: 'left', untrusted: true },
        { title: 'PROTOCOL', align: 'left', untrusted: false },
        ...['CONNECTS', 'AVG', 'P99', 'OPEN', 'SENT', 'RECEIVED', 'FAILED'].map(right),
      ],
      rows: rows
        .slice(0, SHOWN)
        .map((row) => [
          rowLabel(row),
          row.protocol ?? NOTHING,
          exactCount(row.connects),
          millis(row.connect_ms.avg),
          millis(row.connect_ms.p99),
          known(row.open_connections),
          bytesText(row.sent_bytes),
          bytesText(row.received_bytes),
          exactCount(failuresOf(row)),
        ]),
      note: notes.length === 0 ? null : notes.join('. '),
    },
  ]
}

export function slowest(report: Report): Section[] {
  const { slowest: events, summary } = report
  if (events.length === 0) return []
  const several = severalNamespaces(summary.selected)
  return [
    {
      kind: 'table',
      title: 'Slowest requests',
      columns: [
        { title: 'AT', align: 'left', untrusted: false },
        { title: 'TIME', align: 'right', untrusted: false },
        { title: 'STATUS', align: 'right', untrusted: false },
        { title: 'BACKEND', align: 'left', untrusted: true },
        { title: 'METHOD', align: 'left', untrusted: true },
        { title: 'ROUTE', align: 'left', untrusted: true },
      ],
      rows: events.map((event) => [
        timeText(event.at, report),
        latency(micros(durationOf(event))),
        String(event.outcome),
        labelOf(event.backend, several),
        event.route.method,
        event.route.path,
      ]),
      note: null,
    },
  ]
}
