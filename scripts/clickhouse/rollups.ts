/**
 * Roll-ups by minute and by hour: states that merge, so that hosts, shards and minutes add up exactly. What has a value only at a tick's end
 * (open requests, open connections) is no sum and stays in the tables by second.
 */
import {
  CONNECTION,
  EXCLUDED,
  LOSS,
  ROUTE_FAILURES,
  ROUTE_PLAIN,
  type Counter,
} from '../../src/frame/model/counters.ts'

interface Rollup {
  readonly table: string
  readonly keys: readonly string[]
  readonly states: readonly State[]
}

interface State {
  readonly name: string
  readonly type: string
  readonly value: string
}

export const rollups = (): string[] =>
  ROLLUPS.flatMap((rollup) => [
    ...GRAINS.flatMap((grain) => [
      stored(rollup, grain),
      distributed(rollup, grain),
      materialised(rollup, grain),
    ]),
    bySecond(rollup),
  ])

type Grain = 'minute' | 'hour'
const GRAINS: readonly Grain[] = ['minute', 'hour']

const KEY_TYPES: Readonly<Record<string, string>> = {
  time: "DateTime('UTC')",
  backend: 'String',
  netns: 'Int64',
  namespace: 'String',
  names: 'Array(String)',
  method: 'String',
  route: 'String',
  host: 'String',
  load: 'UInt64',
}

const sum = (name: string): State => ({
  name,
  type: 'AggregateFunction(sum, Int64)',
  value: `sumState(toInt64(${name}))`,
})
/** What not every recording has: the sum of what is known, and the number of rows in which it is not. */
const sumOfKnown = (name: string): State[] => [
  {
    name: `${name}_known`,
    type: 'AggregateFunction(sum, Int64)',
    value: `sumState(toInt64(ifNull(${name}, 0)))`,
  },
  {
    name: `${name}_unknown`,
    type: 'AggregateFunction(sum, Int64)',
    value: `sumState(toInt64(isNull(${name})))`,
  },
]
const counts = (counters: readonly Counter[], prefix = ''): State[] =>
  counters
    .filter(({ kind }) => kind !== 'gauge')
    .flatMap(({ word, since }) => (since === 'later' ? sumOfKnown(prefix + word) : [sum(prefix + word)]))
const sumMap = (name: string, values: string): State => ({
  name,
  type: 'AggregateFunction(sumMap, Array(Int32), Array(Int64))',
  value: `sumMapState(${name}, ${values})`,
})
/** Without samples: the largest number, and -1. Nothing is nullable here: in 18.16 states of nullable columns do not fit their own type. */
const distribution = (of: string): State[] => [
  ...['count', 'sampled', 'sum_us'].map((what) => sum(`${of}_${what}`)),
  {
    name: `${of}_min_us`,
    type: 'AggregateFunction(min, Int64)',
    value: `minState(ifNull(${of}_min_us, toInt64(9223372036854775807)))`,
  },
  {
    name: `${of}_max_us`,
    type: 'AggregateFunction(max, Int64)',
    value: `maxState(ifNull(${of}_max_us, toInt64(-1)))`,
  },
  sumMap(`${of}_bucket`, `${of}_bucket_count`),
]

const BACKEND = ['backend', 'netns', 'namespace', 'names']
const ROLLUPS: readonly Rollup[] = [
  {
    table: 'traffic',
    keys: [...BACKEND, 'method', 'route'],
    states: [
      ...counts(ROUTE_PLAIN),
      ...['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) => sum(`status_${name}`)),
      ...counts(ROUTE_FAILURES, 'failures_'),
      sumMap('code', 'code_count'),
      sumMap('grpc_status', 'grpc_status_count'),
      ...distribution('header'),
      ...distribution('total'),
    ],
  },
  { table: 'connections', keys: BACKEND, states: [...counts(CONNECTION), ...distribution('connect')] },
  {
    table: 'ticks',
    keys: [],
    states: [
      { name: 'ticks', type: 'AggregateFunction(sum, Int64)', value: 'sumState(toInt64(1))' },
      ...['length_us', 'covered_us', 'requests', 'answered', 'status_5xx', 'failures'].map(sum),
      ...counts(LOSS),
      ...counts(EXCLUDED, 'excluded_'),
    ],
  },
]

const keysOf = ({ keys }: Rollup): string[] => ['time', ...keys, 'host', 'load']
const lines = (words: readonly string[]): string => words.map((word) => `    ${word}`).join(',\n')

const stored = (
  rollup: Rollup,
  grain: Grain,
): string => `CREATE TABLE IF NOT EXISTS upstreamtop.${rollup.table}_${grain}_local
(
${lines([...keysOf(rollup).map((key) => `${key} ${KEY_TYPES[key]!}`), ...rollup.states.map(({ name, type }) => `${name} ${type}`)])}
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(time)
ORDER BY (${keysOf(rollup).join(', ')});`

const distributed = ({ table }: Rollup, grain: Grain): string =>
  `CREATE TABLE IF NOT EXISTS upstreamtop.${table}_${grain} AS upstreamtop.${table}_${grain}_local
ENGINE = Distributed('{cluster}', 'upstreamtop', '${table}_${grain}_local');`

const materialised = (
  rollup: Rollup,
  grain: Grain,
): string => `CREATE MATERIALIZED VIEW IF NOT EXISTS upstreamtop.${rollup.table}_to_${grain} TO upstreamtop.${rollup.table}_${grain}_local AS
${select(rollup, grain === 'minute' ? 'toStartOfMinute(time)' : 'toStartOfHour(time)', `${rollup.table}_local`)};`

/** The same columns by second, for ranges that are not of whole minutes: a query names another table, and is the same. */
const bySecond = (rollup: Rollup): string => `CREATE VIEW IF NOT EXISTS upstreamtop.${rollup.table}_second AS
${select(rollup, 'toDateTime(time)', rollup.table)};`

const select = (rollup: Rollup, time: string, from: string): string => `SELECT
${lines([`${time} AS time`, ...keysOf(rollup).slice(1), ...rollup.states.map(({ name, value }) => `${value} AS ${name}`)])}
FROM upstreamtop.${from}
GROUP BY ${keysOf(rollup).join(', ')}`
