/**
 * The tables of the data set, names as in the report's JSON flattened with `_`; durations are whole µs (`_us`), so that sums are
 * exact. Histograms are two lists of equal length: bucket numbers (frame/histogram.ts has their bounds) and counts.
 */
import type { Distribution, Gap, Marker, RequestEvent, SecondFrame, TrafficRow } from '../frame/frame.ts'
import type { ConnectionRow } from '../frame/frame.ts'
import { coveredBy } from '../frame/aggregate.ts'
import { classCount } from '../frame/measure.ts'
import type { ParquetCell, ParquetColumn } from './parquet-file.ts'

export const TABLES = ['traffic', 'connections', 'requests', 'ticks', 'gaps', 'markers'] as const
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
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx']
const LOSS =
  'ring_dropped map_refused unmatched_responses ambiguous evicted fragments half_seen path_folded pipeline_overflow'
const EXCLUDED = 'front_door ignored not_selected routed tls h2'

export const COLUMNS: Readonly<Record<TableName, readonly ParquetColumn[]>> = {
  traffic: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...BACKEND,
    ...column('text', 'method', 'route'),
    ...column('int32', 'requests', 'answered', 'in_flight'),
    ...column('int32', ...CLASSES.map((name) => `status_${name}`)),
    ...lists('code', 'code_count'),
    ...column('int32', 'failures_reset', 'failures_closed', 'failures_aborted', 'failures_unanswered'),
    ...column('int32', 'interim', 'retransmits', 'retries', 'body_reset'),
    ...column('int64', 'oldest_us'),
    ...distributionColumns('header'),
    ...distributionColumns('total'),
  ],
  connections: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...BACKEND,
    ...column('int32', 'connects', 'refused', 'connect_timeout', 'retransmits', 'opaque'),
    ...distributionColumns('connect'),
  ],
  requests: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...BACKEND,
    ...column('text', 'method', 'route'),
    ...optional('int32', 'status'),
    ...optional('text', 'failure'),
    ...optional('int64', 'header_us', 'total_us'),
  ],
  ticks: [
    ...column('timestamp', 'time'),
    ...column('int32', 'seq'),
    ...column('int64', 'length_us', 'covered_us'),
    ...optional('text', 'gap_before'),
    ...column('int32', 'requests', 'answered', 'in_flight', 'status_5xx', 'failures'),
    ...column('int64', ...LOSS.split(' '), ...EXCLUDED.split(' ').map((name) => `excluded_${name}`)),
    ...column('int64', 'cpu_us', 'rss_bytes', 'commit_us'),
  ],
  gaps: [...column('timestamp', 'time', 'until'), ...column('text', 'reason')],
  markers: [...column('timestamp', 'time'), ...column('text', 'kind', 'text')],
}

export function trafficRow({ start, seq }: SecondFrame, row: TrafficRow): Row {
  const { reset, closed, aborted, unanswered } = row.failures
  return [
    start,
    seq,
    row.backend.address,
    row.backend.name,
    row.backend.netns,
    row.route.method,
    row.route.path,
    row.requests,
    row.answered,
    row.inFlight,
    ...[1, 2, 3, 4, 5].map((digit) => classCount(row, digit)),
    ...pairs(row.codes),
    reset,
    closed,
    aborted,
    unanswered,
    row.interim,
    row.retransmits,
    row.retries,
    row.bodyReset,
    row.oldest,
    ...distributionCells(row.header),
    ...distributionCells(row.total),
  ]
}

export const connectionRow = ({ start, seq }: SecondFrame, row: ConnectionRow): Row => [
  start,
  seq,
  row.backend.address,
  row.backend.name,
  row.backend.netns,
  row.connects,
  row.refused,
  row.connectTimeout,
  row.retransmits,
  row.opaque,
  ...distributionCells(row.connect),
]

export const requestRow = (
  { seq }: SecondFrame,
  { at, backend, route, outcome, header, total }: RequestEvent,
): Row => [
  at,
  seq,
  backend.address,
  backend.name,
  backend.netns,
  route.method,
  route.path,
  typeof outcome === 'number' ? outcome : null,
  typeof outcome === 'number' ? null : outcome,
  header,
  total,
]

export function tickRow(frame: SecondFrame): Row {
  const sum = (of: (row: TrafficRow) => number): number =>
    frame.traffic.reduce((total, row) => total + of(row), 0)
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
    sum(({ failures: { reset, closed, aborted, unanswered } }) => reset + closed + aborted + unanswered) +
      frame.connections.reduce((total, row) => total + row.refused + row.connectTimeout, 0),
    loss.ringDropped,
    loss.mapRefused,
    loss.unmatchedResponses,
    loss.ambiguous,
    loss.evicted,
    loss.fragments,
    loss.halfSeen,
    loss.pathFolded,
    loss.pipelineOverflow,
    excluded.frontDoor,
    excluded.ignored,
    excluded.notSelected,
    excluded.routed,
    excluded.tls,
    excluded.h2,
    cost.cpu,
    cost.rssBytes,
    cost.commit,
  ]
}

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
