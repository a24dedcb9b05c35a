/** The tables of format version 1 (docs/FORMAT.md tells them to people). Columns are added, never renamed or removed. */
import {
  CONNECTION_COLUMNS,
  COUNT_COLUMNS,
  HOST_COLUMNS,
  LATER_CONNECTION,
  LATER_COUNTS,
  LATER_HOST,
} from './columns.generated.ts'

/** 'upst': `file x.db` and SQLite's header say whose it is. */
export const APPLICATION_ID = 0x75707374
/** `upsp`, of a cut, a repair or a synth until it is whole: one that was killed shall not be taken for it */
export const UNFINISHED_ID = 0x75707370
export const FORMAT = 1
/** What the whole-file series is made of. */
export const TICK_SUMMARY_COLUMNS: readonly string[] = [
  'start',
  'length',
  'requests',
  'answered',
  'fivexx',
  'failures',
  'header_sum',
  'gap_before',
]

export const TICK_COLUMNS: readonly string[] = [
  'seq',
  ...TICK_SUMMARY_COLUMNS,
  'mono',
  'final',
  ...HOST_COLUMNS,
  'cpu',
  'rss',
  'commit_time',
  'checksum',
]

export const MINUTE_COLUMNS: readonly string[] = [
  'first',
  'ticks',
  'length',
  'covered',
  ...HOST_COLUMNS,
  'series',
  'checksum',
]

/** What of a table's rows is read, written and put into checksums. */
export interface TableColumns {
  /** in the order of their cells in memory */
  readonly columns: readonly string[]
  /** those of them that files of earlier versions lack: NULL, not 0 */
  readonly later: readonly string[]
  /** in no checksum: numbers that a copy changes, and the checksum itself */
  readonly keys: readonly string[]
}

const TRAFFIC = { columns: COUNT_COLUMNS, later: LATER_COUNTS, keys: ['id', 'backend', 'route'] }
const STATUS = { columns: ['code', 'answers'], later: [], keys: ['id', 'backend', 'route'] }
const CONNECTION = { columns: CONNECTION_COLUMNS, later: LATER_CONNECTION, keys: ['id', 'backend'] }

/** The tables that checksums are over. */
export const TABLES = {
  tick: { columns: TICK_COLUMNS, later: LATER_HOST, keys: ['seq', 'checksum'] },
  traffic: TRAFFIC,
  status: STATUS,
  connection: CONNECTION,
  minute: { columns: MINUTE_COLUMNS, later: LATER_HOST, keys: ['first', 'checksum'] },
  minute_traffic: TRAFFIC,
  minute_status: STATUS,
  minute_connection: CONNECTION,
} satisfies Readonly<Record<string, TableColumns>>

/** The columns of a row's content that are not plain integers. */
const type = (column: string): string => {
  if (column.endsWith('_buckets')) return 'BLOB'
  if (column.endsWith('_min') || column.endsWith('_max')) return 'INTEGER'
  if (column === 'gap_before') return 'TEXT'
  return 'INTEGER NOT NULL'
}

/** Of a column that is added to a table with rows: they have NULL in it. */
export const laterType = (column: string): string => type(column).replace(' NOT NULL', '')

const columns = (names: readonly string[], later: readonly string[]): string =>
  names
    .filter((name) => !later.includes(name))
    .map((name) => `  ${name} ${type(name)},\n`)
    .join('')

const laterColumns = (later: readonly string[]): string =>
  later.map((name) => `,\n  ${name} ${laterType(name)}`).join('')

const lastless = ({ columns: names, later }: TableColumns): string =>
  `${columns(names, later).replace(/,\n$/, '')}${laterColumns(later)}\n`

/**
 * The rows of a tick are numbered on from its sequence number times this. A table that only grows at its right edge never touches a
 * full leaf again (an index would move old rows between leaves), so that a copy taken while it grows loses no old row.
 */
export const ROWS = 2 ** 20
/** Rows of a minute (numbered by its first tick) count from here: a row in a stray page tells whose it is. */
export const MINUTE_ROWS = ROWS / 2

/** Rows of one tick (`tick`) and their sums over a minute (`minute`) have the same shape. */
const rowTables = (prefix: string, of: string): string => `
CREATE TABLE ${prefix}traffic (
  id INTEGER PRIMARY KEY,
  ${of} INTEGER AS (id >> 20) VIRTUAL,
  backend INTEGER NOT NULL,
  route INTEGER NOT NULL,
${lastless(TRAFFIC)}) STRICT;
CREATE TABLE ${prefix}status (
  id INTEGER PRIMARY KEY,
  ${of} INTEGER AS (id >> 20) VIRTUAL,
  backend INTEGER NOT NULL,
  route INTEGER NOT NULL,
  code INTEGER NOT NULL,
  answers INTEGER NOT NULL
) STRICT;
CREATE TABLE ${prefix}connection (
  id INTEGER PRIMARY KEY,
  ${of} INTEGER AS (id >> 20) VIRTUAL,
  backend INTEGER NOT NULL,
${lastless(CONNECTION)}) STRICT;
CREATE VIEW ${prefix}codes AS SELECT * FROM (
  SELECT ${of}, backend, route, code, answers FROM ${prefix}status
  UNION ALL
  SELECT ${of}, backend, route, 200, status_2xx - ifnull((
    SELECT sum(answers) FROM ${prefix}status s
    WHERE s.id >= t.id >> 20 << 20 AND s.id < (t.id >> 20) + 1 << 20
      AND s.backend = t.backend AND s.route = t.route AND code BETWEEN 201 AND 299), 0)
  FROM ${prefix}traffic t
) WHERE answers > 0;
`

/** Names come twice, on different pages: without its names a recording is nothing, and a hole shall cost a page's ticks alone. */
const nameTables = (ending: '' | '_copy'): string => `
CREATE TABLE backend${ending} (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  netns INTEGER NOT NULL,
  name TEXT
) STRICT;
CREATE TABLE route${ending} (id INTEGER PRIMARY KEY, method TEXT NOT NULL, path TEXT NOT NULL) STRICT;
`

/** The first recordings have none. */
export const NAME_COPIES = nameTables('_copy')

export const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
${nameTables('')}${NAME_COPIES}CREATE TABLE tick (
  seq INTEGER PRIMARY KEY,
${lastless({ ...TABLES.tick, columns: TICK_COLUMNS.slice(1) })}) STRICT;
CREATE TABLE request_chunk (tick INTEGER PRIMARY KEY, n INTEGER NOT NULL, packed BLOB NOT NULL) STRICT;
CREATE TABLE minute (
  first INTEGER PRIMARY KEY,
  ticks INTEGER NOT NULL,
  length INTEGER NOT NULL,
  covered INTEGER NOT NULL,
${columns(HOST_COLUMNS, LATER_HOST)}  series BLOB NOT NULL,
  checksum INTEGER NOT NULL${laterColumns(LATER_HOST)}
) STRICT;
CREATE TABLE marker (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
${rowTables('', 'tick')}${rowTables('minute_', 'minute')}`
