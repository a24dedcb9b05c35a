/**
 * The tables of the data set. Names are those of the report's JSON, flattened with `_`. Durations are whole µs (`_us`), so that
 * sums are exact. A histogram is two lists of equal length: bucket numbers (frame/model/histogram.ts has their bounds) and counts.
 */
import { coveredBy, nameOf } from '../../frame/model/aggregate.ts'
import {
  CONNECT_FAILURES,
  CONNECTION,
  EXCLUDED,
  LOSS,
  ROUTE_FAILURES,
  ROUTE_PLAIN,
  type Counter,
} from '../../frame/model/counters.ts'
import type { Backend, Gap, Marker } from '../../frame/model/frame.ts'
import { addKnown } from '../../frame/model/known.ts'
import type { PairColumn, RowColumns, TickColumns, TickHead } from '../../frame/model/tick-columns.ts'
import { listsOf, type Cells, type TableRows } from './table-columns.ts'
import type { ParquetColumn } from './table-file.ts'

export const TABLES = ['traffic', 'connections', 'requests', 'ticks', 'gaps', 'markers', 'wires'] as const
export type TableName = (typeof TABLES)[number]

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
/** The counters whose sum is `open_connections`. */
const OPEN = CONNECTION.filter(({ kind }) => kind === 'gauge').map(({ word }) => word)

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

/** The tables with rows of ticks. */
export const TICK_TABLES = ['traffic', 'connections', 'requests', 'ticks', 'wires'] as const
/** The rows of some ticks, table by table. */
export type TickTables = Readonly<
  Record<'traffic' | 'connections' | 'requests' | 'ticks' | 'wires', TableRows>
>

/** @param kept the ticks with the rows that are exported; a tick's sums are those of all its rows */
export function tablesOf(ticks: TickColumns, kept: TickColumns): TickTables {
  return {
    ticks: tickRows(ticks, kept),
    traffic: trafficRows(kept),
    connections: connectionRows(kept),
    wires: wireRows(kept),
    requests: requestRows(kept),
  }
}

function trafficRows({ heads, traffic }: TickColumns): TableRows {
  const { perTick, backend, route, numbers, pairs } = traffic
  return {
    count: backend.length,
    columns: [
      perRow(heads, perTick, ({ start }) => start),
      perRow(heads, perTick, ({ seq }) => seq),
      ...backendCells(backend),
      route.map(({ method }) => method),
      route.map(({ path }) => path),
      ...numbersOf(LEADING, numbers),
      numbers.in_flight!,
      ...CLASSES.map((name) => numbers[`status_${name}`]!),
      ...pairCells(pairs.codes!),
      ...numbersOf(ROUTE_FAILURES, numbers),
      ...numbersOf(OTHERS, numbers),
      numbers.oldest!,
      ...distributionCells('header', traffic),
      ...distributionCells('total', traffic),
      ...numbersOf(ADDED, numbers),
      ...nameCells(backend),
      ...pairCells(pairs.grpc!),
    ],
  }
}

function connectionRows({ heads, connections }: TickColumns): TableRows {
  const { perTick, backend, numbers } = connections
  return {
    count: backend.length,
    columns: [
      perRow(heads, perTick, ({ start }) => start),
      perRow(heads, perTick, ({ seq }) => seq),
      ...backendCells(backend),
      ...numbersOf(CONNECTION_FIRST, numbers),
      ...distributionCells('connect', connections),
      ...numbersOf(CONNECTION_ADDED, numbers),
      sumOf(OPEN.map((word) => numbers[word]!)),
      ...nameCells(backend),
    ],
  }
}

function requestRows({ heads, requests }: TickColumns): TableRows {
  const events = requests.flat()
  const backend = events.map((event) => event.backend)
  return {
    count: events.length,
    columns: [
      events.map(({ at }) => at),
      perRow(heads, lengthsOf(requests), ({ seq }) => seq),
      ...backendCells(backend),
      events.map(({ route }) => route.method),
      events.map(({ route }) => route.path),
      events.map(({ outcome }) => (typeof outcome === 'number' ? outcome : null)),
      events.map(({ outcome }) => (typeof outcome === 'number' ? null : outcome)),
      events.map(({ header }) => header),
      events.map(({ total }) => total),
      ...nameCells(backend),
    ],
  }
}

function tickRows({ heads, traffic, connections }: TickColumns, { wires }: TickColumns): TableRows {
  const { numbers, perTick } = traffic
  const sums = (words: readonly string[]): number[] =>
    perTickSums(
      perTick,
      words.map((word) => numbers[word]!),
    )
  const failedConnects = perTickSums(
    connections.perTick,
    CONNECT_FAILURES.map(({ word }) => connections.numbers[word]!),
  )
  const failures = sums(ROUTE_FAILURES.map(({ word }) => word))
  return {
    count: heads.length,
    columns: [
      heads.map(({ start }) => start),
      heads.map(({ seq }) => seq),
      heads.map(({ length }) => length),
      heads.map(({ length }) => coveredBy(length)),
      heads.map(({ gapBefore }) => gapBefore),
      sums(['requests']),
      sums(['answered']),
      sums(['in_flight']),
      sums(['status_5xx']),
      failures.map((count, i) => count + failedConnects[i]!),
      ...headCells(heads, LOSS.filter(isFirst), ({ loss }) => loss),
      ...headCells(heads, EXCLUDED.filter(isFirst), ({ excluded }) => excluded),
      heads.map(({ cost }) => cost.cpu),
      heads.map(({ cost }) => cost.rssBytes),
      heads.map(({ cost }) => cost.commit),
      ...headCells(heads, LOSS.filter(isLater), ({ loss }) => loss),
      ...headCells(heads, EXCLUDED.filter(isLater), ({ excluded }) => excluded),
      wires.map((rows) => rows?.length ?? null),
    ],
  }
}

function wireRows({ heads, wires }: TickColumns): TableRows {
  const perTick = wires.map((rows) => rows ?? [])
  const rows = perTick.flat()
  const backend = rows.map((row) => row.backend)
  return {
    count: rows.length,
    columns: [
      perRow(heads, lengthsOf(perTick), ({ start }) => start),
      perRow(heads, lengthsOf(perTick), ({ seq }) => seq),
      ...backendCells(backend),
      rows.map(({ wire }) => wire.address),
      rows.map(({ connects }) => connects),
      rows.map(({ requests }) => requests),
      rows.map(({ failures }) => failures),
      ...nameCells(backend),
    ],
  }
}

export const gapRows = (gaps: readonly Gap[]): TableRows => ({
  count: gaps.length,
  columns: [gaps.map(({ from }) => from), gaps.map(({ to }) => to), gaps.map(({ reason }) => reason)],
})
export const markerRows = (markers: readonly Marker[]): TableRows => ({
  count: markers.length,
  columns: [markers.map(({ at }) => at), markers.map(({ kind }) => kind), markers.map(({ text }) => text)],
})

/** A value of the tick for each of its rows. */
function perRow(
  heads: readonly TickHead[],
  perTick: readonly number[],
  valueOf: (head: TickHead) => number,
): number[] {
  const cells: number[] = []
  heads.forEach((head, i) => {
    const value = valueOf(head)
    for (let rows = perTick[i]!; rows > 0; rows--) cells.push(value)
  })
  return cells
}

const lengthsOf = (lists: readonly (readonly unknown[])[]): number[] => lists.map(({ length }) => length)

/** The columns of BACKEND. */
const backendCells = (backends: readonly Backend[]): Cells[] => [
  backends.map(({ address }) => address),
  backends.map(nameOf),
  backends.map(({ netns }) => netns),
]

/** The columns of NAMES and NAMESPACE. */
const nameCells = (backends: readonly Backend[]): Cells[] => [
  listsOf(backends.map(({ names }) => names)),
  backends.map(({ namespace }) => namespace ?? null),
]

const numbersOf = (counters: readonly Counter[], numbers: RowColumns['numbers']): Cells[] =>
  counters.map(({ word }) => numbers[word]!)

const headCells = (
  heads: readonly TickHead[],
  counters: readonly Counter[],
  countsOf: (head: TickHead) => object,
): Cells[] =>
  counters.map(({ name }) =>
    heads.map((head) => (countsOf(head) as Readonly<Record<string, number | null>>)[name] ?? null),
  )

const distributionCells = (name: string, { numbers, pairs }: RowColumns): Cells[] => [
  ...['count', 'sampled', 'sum', 'min', 'max'].map((value) => numbers[`${name}_${value}`]!),
  ...pairCells(pairs[name]!),
]

const pairCells = ({ lengths, keys, counts }: PairColumn): Cells[] => [
  { lengths, values: keys },
  { lengths, values: counts },
]

/** Row by row; a sum with an unknown part is unknown, too. */
const sumOf = (parts: readonly (readonly (number | null)[])[]): (number | null)[] =>
  parts[0]!.map((_, row) => parts.reduce<number | null>((sum, part) => addKnown(sum, part[row]!), 0))

/** Over the rows of each tick; what is unknown is not added. */
function perTickSums(perTick: readonly number[], parts: readonly (readonly (number | null)[])[]): number[] {
  let row = 0
  return perTick.map((rows) => {
    let sum = 0
    for (const end = row + rows; row < end; row++) for (const part of parts) sum += part[row] ?? 0
    return sum
  })
}
