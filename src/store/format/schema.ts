/** The tables of format version 2, described in docs/FORMAT.md. Columns are added, never renamed or removed. */
import {
  CONNECTION_COLUMNS,
  COUNT_COLUMNS,
  HOST_COLUMNS,
  LATER_CONNECTION,
  LATER_COUNTS,
  LATER_HOST,
} from './columns.generated.ts'

/** 'upst', the application id in SQLite's header; `file x.db` prints it. */
export const APPLICATION_ID = 0x75707374
/** 'upsp' marks the output of cut, repair and synth until it is complete: the output of a killed one is not taken for a recording. */
export const UNFINISHED_ID = 0x75707370
export const FORMAT = 2
/** The first format whose backends are what was connected to, and whose wire tables have what packets carried. */
export const FIRST_WITH_WIRES = 2
/** The columns for the series of all ticks. */
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
  'wires',
  'checksum',
]

export const MINUTE_COLUMNS: readonly string[] = [
  'first',
  'ticks',
  'length',
  'covered',
  ...HOST_COLUMNS,
  'series',
  'wires',
  'checksum',
]

/** What the packets of one (backend, wire address) carried. */
export const WIRE_COLUMNS: readonly string[] = ['connects', 'requests', 'failures']

/** The columns of a table that are read, written and covered by checksums. */
export interface TableColumns {
  /** in the order of their cells in memory */
  readonly columns: readonly string[]
  /** columns that files of earlier versions lack; they are read as NULL, not as 0 */
  readonly later: readonly string[]
  /** not covered by checksums: row numbers, which change in a copy, and the checksum itself */
  readonly keys: readonly string[]
}

const TRAFFIC = { columns: COUNT_COLUMNS, later: LATER_COUNTS, keys: ['id', 'backend', 'route'] }
const STATUS = { columns: ['code', 'answers'], later: [], keys: ['id', 'backend', 'route'] }
const WIRE_TRAFFIC = { columns: WIRE_COLUMNS, later: [], keys: ['id', 'backend', 'wire'] }
const CONNECTION = { columns: CONNECTION_COLUMNS, later: LATER_CONNECTION, keys: ['id', 'backend'] }

/** A JSON list; `name` has the same as one text. */
const LATER_NAMES = ['names']

/** The number of wire rows of a tick or minute; NULL: the helper did not tell, and there are none. */
const LATER_SPAN = [...LATER_HOST, 'wires']

/** The tables whose rows have checksums. */
export const TABLES = {
  tick: { columns: TICK_COLUMNS, later: LATER_SPAN, keys: ['seq', 'checksum'] },
  traffic: TRAFFIC,
  status: STATUS,
  connection: CONNECTION,
  wire_traffic: WIRE_TRAFFIC,
  minute: { columns: MINUTE_COLUMNS, later: LATER_SPAN, keys: ['first', 'checksum'] },
  minute_traffic: TRAFFIC,
  minute_status: STATUS,
  minute_connection: CONNECTION,
  minute_wire_traffic: WIRE_TRAFFIC,
} satisfies Readonly<Record<string, TableColumns>>

/** Columns that files of earlier versions lack. Names are in no checksum: an older version reads them, and knows only `name`. */
export const WITH_LATER: Readonly<Record<string, Pick<TableColumns, 'later'>>> = {
  ...TABLES,
  backend: { later: LATER_NAMES },
  backend_copy: { later: LATER_NAMES },
}

export const laterIn = (table: string): readonly string[] => WITH_LATER[table]?.later ?? []

/** The SQL type of a column; most are integers. */
const type = (column: string): string => {
  if (column === 'names' || column === 'grpc') return 'TEXT'
  if (column.endsWith('_buckets')) return 'BLOB'
  if (column.endsWith('_min') || column.endsWith('_max')) return 'INTEGER'
  if (column === 'gap_before') return 'TEXT'
  return 'INTEGER NOT NULL'
}

/** The type of a column that is added later: existing rows have NULL in it. */
export const laterType = (column: string): string => type(column).replace(' NOT NULL', '')

const columns = (names: readonly string[], later: readonly string[]): string =>
  names
    .filter((name) => !later.includes(name))
    .map((name) => `  ${name} ${type(name)},\n`)
    .join('')

const laterColumns = (later: readonly string[]): string =>
  later.map((name) => `,\n  ${name} ${laterType(name)}`).join('')

const columnDefinitions = ({ columns: names, later }: TableColumns): string =>
  `${columns(names, later).replace(/,\n$/, '')}${laterColumns(later)}\n`

/**
 * The row ids of a tick start at its sequence number times this. So each table grows only at its right edge, and SQLite never changes a
 * full leaf page again (an index would move old rows between pages): a copy made while the file grows loses no old row.
 */
export const ROWS_PER_TICK = 2 ** 20
/** The row ids of a minute start here within those of its first tick: the id alone distinguishes the two, even on an unlinked page. */
export const FIRST_MINUTE_ROW = ROWS_PER_TICK / 2

/** The rows of a tick (`tick`) and their sums over a minute (`minute`) have the same columns. */
const rowTables = (prefix: string, of: string): string => `
CREATE TABLE ${prefix}traffic (
  id INTEGER PRIMARY KEY,
  ${of} INTEGER AS (id >> 20) VIRTUAL,
  backend INTEGER NOT NULL,
  route INTEGER NOT NULL,
${columnDefinitions(TRAFFIC)}) STRICT;
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
${columnDefinitions(CONNECTION)}) STRICT;
CREATE TABLE ${prefix}wire_traffic (
  id INTEGER PRIMARY KEY,
  ${of} INTEGER AS (id >> 20) VIRTUAL,
  backend INTEGER NOT NULL,
  wire INTEGER NOT NULL,
${columnDefinitions(WIRE_TRAFFIC)}) STRICT;
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

/** Names are stored twice, on different pages: every tick needs them, and one damaged page must not make other ticks unreadable. */
const nameTables = (ending: '' | '_copy'): string => `
CREATE TABLE backend${ending} (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  netns INTEGER NOT NULL,
  name TEXT${laterColumns(LATER_NAMES)}
) STRICT;
CREATE TABLE route${ending} (id INTEGER PRIMARY KEY, method TEXT NOT NULL, path TEXT NOT NULL) STRICT;
`

/** Addresses that packets carry, stored twice like the other names. */
const wireNames = (ending: '' | '_copy'): string => `
CREATE TABLE wire${ending} (id INTEGER PRIMARY KEY, address TEXT NOT NULL) STRICT;
`

/** What network namespaces are called. Files of earlier versions lack it. */
export const NAMESPACE_TABLE = `
CREATE TABLE namespace (netns INTEGER PRIMARY KEY, label TEXT NOT NULL) STRICT;
`

/** Tables that files of format 1 lack. */
export const WIRE_TABLES: readonly string[] = ['wire', 'wire_copy', 'wire_traffic', 'minute_wire_traffic']

/** The first recordings lack these tables. */
export const NAME_COPIES = nameTables('_copy')

export const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
${nameTables('')}${NAME_COPIES}${wireNames('')}${wireNames('_copy')}${NAMESPACE_TABLE}CREATE TABLE tick (
  seq INTEGER PRIMARY KEY,
${columnDefinitions({ ...TABLES.tick, columns: TICK_COLUMNS.slice(1) })}) STRICT;
CREATE TABLE request_chunk (tick INTEGER PRIMARY KEY, n INTEGER NOT NULL, packed BLOB NOT NULL) STRICT;
CREATE TABLE minute (
  first INTEGER PRIMARY KEY,
  ticks INTEGER NOT NULL,
  length INTEGER NOT NULL,
  covered INTEGER NOT NULL,
${columns(HOST_COLUMNS, LATER_HOST)}  series BLOB NOT NULL,
  checksum INTEGER NOT NULL${laterColumns(LATER_SPAN)}
) STRICT;
CREATE TABLE marker (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
${rowTables('', 'tick')}${rowTables('minute_', 'minute')}`
