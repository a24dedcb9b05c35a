/**
 * The tables of the data set. Names are those of the report's JSON, flattened with `_`. Durations are whole µs (`_us`), so that
 * sums are exact. A histogram is two lists of equal length: bucket numbers (frame/model/histogram.ts has their bounds) and counts.
 */
import { classCount } from '../../frame/expression/measure.ts'
import { coveredBy, nameOf } from '../../frame/model/aggregate.ts'
import {
  CONNECTION,
  EXCLUDED,
  LOSS,
  ROUTE_FAILURES,
  ROUTE_PLAIN,
  valuesOf,
  type Counter,
} from '../../frame/model/counters.ts'
import type {
  Distribution,
  Gap,
  Marker,
  RequestEvent,
  SecondFrame,
  TrafficRow,
} from '../../frame/model/frame.ts'
import type { ConnectionRow, WireRow } from '../../frame/model/frame.ts'
import { failedConnects, failedRequests, openConnections } from '../../frame/sum/sums.generated.ts'
import type { ParquetCell, ParquetColumn } from './parquet-file.ts'

export const TABLES = ['traffic', 'connections', 'requests', 'ticks', 'gaps', 'markers', 'wires'] as const
export type TableName = (typeof TABLES)[number]

type Row = readonly ParquetCell[]

const column = (type: ParquetColumn['type'], ...names: string[]): ParquetColumn[] =>
  names.map((name) => ({ name, type }))
const optional = (type: ParquetColumn['type'], ...names: string[]): ParquetColumn[] =>
  names.map((name) => ({ name, type, optional: true }))
const lists = (...names: string[]): ParquetColumn[] =>
  names.map((name) => ({ name, type: 'int32', list: true }))

const distributionColumns = (name: string): ParquetColumn[] => [
  ...column('int32', `${name}_count`, `${name}_sampled`),
  ...column('int64', `${name}_sum_us`),
  ...optional('int64', `${name}_min_us`, `${name}_max_us`),
  ...lists(`${name}_bucket`, `${name}_bucket_count`),
]

const BACKEND = [...column('text', 'backend'), ...optional('text', 'name'), ...column('int64', 'netns')]
/** At the end of a table: it came later. */
const NAMES: readonly ParquetColumn[] = [{ name: 'names', type: 'text', list: true, optional: true }]
/** At the end of a table: it came later. */
const NAMESPACE = optional('text', 'namespace')
/** At the end of a table: they came later. gRPC exchanges that ended: statuses (999: none), and how many; null: unknown. */
const GRPC: readonly ParquetColumn[] = lists('grpc_status', 'grpc_status_count').map((column) => ({
  ...column,
  optional: true,
}))
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx']
/** Columns of counters. Those that a recording may not have are optional and at the end of a table. */
const counterColumns = (counters: readonly Counter[], prefix = ''): ParquetColumn[] =>
  counters.map(({ word, kind, since }) => ({
    name: prefix + word,
    type: kind === 'bytes' ? 'int64' : 'int32',
    ...(since === 'later' ? { optional: true } : {}),
  }))
const hostColumns = (counters: readonly Counter[], prefix = ''): ParquetColumn[] =>
  counterColumns(counters, prefix).map((column) => ({ ...column, type: 'int64' }))

const isFirst = ({ since }: Counter): boolean => since === 'first'
const isLater = ({ since }: Counter): boolean => since === 'later'
/** These two come before the others. */
const isLeading = ({ word }: Counter): boolean => word === 'requests' || word === 'answered'
const LEADING = ROUTE_PLAIN.filter(isLeading)
const OTHERS = ROUTE_PLAIN.filter((counter) => isFirst(counter) && !isLeading(counter))
const ADDED = ROUTE_PLAIN.filter(isLater)
const CONNECTION_FIRST = CONNECTION.filter(isFirst)
const CONNECTION_ADDED = CONNECTION.filter(isLater)

export const COLUMNS: Readonly<Record<TableName, readonly ParquetColumn[]>> = {
  traffic: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...BACKEND,
    ...column('text', 'method', 'route'),
    ...counterColumns(LEADING),
    ...column('int32', 'in_flight'),
    ...column('int32', ...CLASSES.map((name) => `status_${name}`)),
    ...lists('code', 'code_count'),
    ...counterColumns(ROUTE_FAILURES, 'failures_'),
    ...counterColumns(OTHERS),
    ...column('int64', 'oldest_us'),
    ...distributionColumns('header'),
    ...distributionColumns('total'),
    ...counterColumns(ADDED),
    ...NAMES,
    ...NAMESPACE,
    ...GRPC,
  ],
  connections: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...BACKEND,
    ...counterColumns(CONNECTION_FIRST),
    ...distributionColumns('connect'),
    ...counterColumns(CONNECTION_ADDED),
    ...optional('int32', 'open_connections'),
    ...NAMES,
    ...NAMESPACE,
  ],
  requests: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...BACKEND,
    ...column('text', 'method', 'route'),
    ...optional('int32', 'status'),
    ...optional('text', 'failure'),
    ...optional('int64', 'header_us', 'total_us'),
    ...NAMES,
    ...NAMESPACE,
  ],
  ticks: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...column('int64', 'length_us', 'covered_us'),
    ...optional('text', 'gap_before'),
    ...column('int32', 'requests', 'answered', 'in_flight', 'status_5xx', 'failures'),
    ...hostColumns(LOSS.filter(isFirst)),
    ...hostColumns(EXCLUDED.filter(isFirst), 'excluded_'),
    ...column('int64', 'cpu_us', 'rss_bytes', 'commit_us'),
    ...hostColumns(LOSS.filter(isLater)),
    ...hostColumns(EXCLUDED.filter(isLater), 'excluded_'),
    // The number of wire rows; null: unknown.
    ...optional('int32', 'wires'),
  ],
  gaps: [...column('timestamp', 'time', 'until'), ...column('text', 'reason')],
  markers: [...column('timestamp', 'time'), ...column('text', 'kind', 'text')],
  wires: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...BACKEND,
    ...column('text', 'wire'),
    ...column('int32', 'connects', 'requests', 'failures'),
    ...NAMES,
    ...NAMESPACE,
  ],
}

export function trafficRow({ start, seq }: SecondFrame, row: TrafficRow): Row {
  return [
    start,
    seq,
    row.backend.address,
    nameOf(row.backend),
    row.backend.netns,
    row.route.method,
    row.route.path,
    ...valuesOf(LEADING, row),
    row.inFlight,
    ...[1, 2, 3, 4, 5].map((digit) => classCount(row, digit)),
    ...pairs(row.codes),
    ...valuesOf(ROUTE_FAILURES, row.failures),
    ...valuesOf(OTHERS, row),
    row.oldest,
    ...distributionCells(row.header),
    ...distributionCells(row.total),
    ...valuesOf(ADDED, row),
    row.backend.names,
    row.backend.namespace ?? null,
    ...(row.grpc === null ? [null, null] : pairs(row.grpc)),
  ]
}

export const connectionRow = ({ start, seq }: SecondFrame, row: ConnectionRow): Row => [
  start,
  seq,
  row.backend.address,
  nameOf(row.backend),
  row.backend.netns,
  ...valuesOf(CONNECTION_FIRST, row),
  ...distributionCells(row.connect),
  ...valuesOf(CONNECTION_ADDED, row),
  openConnections(row),
  row.backend.names,
  row.backend.namespace ?? null,
]

export const requestRow = (
  { seq }: SecondFrame,
  { at, backend, route, outcome, header, total }: RequestEvent,
): Row => [
  at,
  seq,
  backend.address,
  nameOf(backend),
  backend.netns,
  route.method,
  route.path,
  typeof outcome === 'number' ? outcome : null,
  typeof outcome === 'number' ? null : outcome,
  header,
  total,
  backend.names,
  backend.namespace ?? null,
]

export function tickRow(frame: SecondFrame): Row {
  const sum = (valueOf: (row: TrafficRow) => number): number =>
    frame.traffic.reduce((total, row) => total + valueOf(row), 0)
  const { loss, excluded, cost } = frame
  return [
    frame.start,
    frame.seq,
    frame.length,
    coveredBy(frame.length),
    frame.gapBefore,
    sum((row) => row.requests),
    sum((row) => row.answered),
    sum((row) => row.inFlight),
    sum((row) => classCount(row, 5)),
    sum(({ failures }) => failedRequests(failures)) +
      frame.connections.reduce((total, row) => total + failedConnects(row), 0),
    ...valuesOf(LOSS.filter(isFirst), loss),
    ...valuesOf(EXCLUDED.filter(isFirst), excluded),
    cost.cpu,
    cost.rssBytes,
    cost.commit,
    ...valuesOf(LOSS.filter(isLater), loss),
    ...valuesOf(EXCLUDED.filter(isLater), excluded),
    frame.wires?.length ?? null,
  ]
}

export const wireRow = ({ start, seq }: SecondFrame, row: WireRow): Row => [
  start,
  seq,
  row.backend.address,
  nameOf(row.backend),
  row.backend.netns,
  row.wire.address,
  row.connects,
  row.requests,
  row.failures,
  row.backend.names,
  row.backend.namespace ?? null,
]

export const gapRow = ({ from, to, reason }: Gap): Row => [from, to, reason]
export const markerRow = ({ at, kind, text }: Marker): Row => [at, kind, text]

const distributionCells = ({ count, sampled, sum, min, max, buckets }: Distribution): ParquetCell[] => [
  count,
  sampled,
  sum,
  min,
  max,
  ...pairs(buckets),
]

/** [a, b, a, b, …] as two lists. */
function pairs(flat: readonly number[]): [number[], number[]] {
  const keys: number[] = []
  const counts: number[] = []
  for (let i = 0; i < flat.length; i += 2) {
    keys.push(flat[i]!)
    counts.push(flat[i + 1]!)
  }
  return [keys, counts]
}
