/** Mutates recordings into valid SQLite files with another schema or other values, with matching checksums. */
import Sqlite from 'better-sqlite3'
import type { Chance } from './chance.ts'
import { ODD_TEXTS } from './line-mutations.ts'
import { fixChecksums } from './checksums.ts'

type Database = Sqlite.Database
type Mutator = (database: Database, chance: Chance) => void

/** In memory: a mutation writes no file. Returns null if SQLite refuses the SQL. */
export function mutateRows(bytes: Buffer, chance: Chance): Buffer | null {
  const copy = Buffer.from(bytes)
  // An in-memory database cannot be in WAL mode.
  copy[18] = copy[19] = 1
  const database = new Sqlite(copy)
  try {
    database.unsafeMode(true)
    const isSchema = chance.chance(0.35)
    for (let i = chance.between(1, 3); i > 0; i--) chance.pick(isSchema ? SCHEMA : VALUES)(database, chance)
    if (!isSchema && chance.chance(0.8)) fixChecksums(database)
    return Buffer.from(database.serialize())
  } catch (error) {
    if (error instanceof Sqlite.SqliteError || error instanceof RangeError || error instanceof TypeError)
      return null
    throw error
  } finally {
    database.close()
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
const namesIn = (database: Database, type: string): string[] =>
  database.prepare<[string], string>('SELECT name FROM sqlite_schema WHERE type = ?').pluck().all(type)
const tableIn = (database: Database, chance: Chance): string => chance.pick(namesIn(database, 'table'))
const columnsOf = (database: Database, table: string): string[] =>
  database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table)

/* ---- schema ---- */

const asView: Mutator = (database, chance) => {
  const table = tableIn(database, chance)
  const columns = columnsOf(database, table)
  const n = chance.pick([
    'n',
    'n * 1000000 + 1700000000000000',
    '1000000',
    'null',
    "'x'",
    'zeroblob(1e8)',
    'n % 3',
  ])
  const select = columns.map((name, i) => `${i === 0 ? 'n' : n} AS ${quoted(name)}`).join(',')
  const end = chance.pick(['', ' LIMIT 5', ' WHERE n < 0', ' LIMIT 100000'])
  database.exec(`DROP TABLE ${quoted(table)}`)
  const body = chance.pick([
    `WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) SELECT ${select} FROM r${end}`,
    `SELECT ${select} FROM (SELECT 0 n UNION SELECT 1 UNION SELECT 2)${end}`,
    `SELECT ${select} FROM (SELECT a.value n FROM json_each('[1,2,3]') a, json_each('[1,2,3]') b)${end}`,
  ])
  database.exec(`CREATE VIEW ${quoted(table)} AS ${body}`)
}

const trigger: Mutator = (database, chance) => {
  const table = tableIn(database, chance)
  const what = chance.pick(['INSERT', 'UPDATE', 'DELETE'])
  const body = chance.pick([
    'SELECT RAISE(IGNORE)',
    `DELETE FROM ${quoted(table)}`,
    "SELECT load_extension('x')",
  ])
  database.exec(
    `CREATE TRIGGER t${chance.below(99)} ${chance.pick(['BEFORE', 'AFTER'])} ${what} ON ${quoted(table)} BEGIN ${body}; END`,
  )
}

const generated: Mutator = (database, chance) => {
  const table = tableIn(database, chance)
  const expression = chance.pick([
    '1',
    'zeroblob(100000000)',
    "printf('%1000000d', 1)",
    'random()',
    'abs(-9223372036854775807 - 1)',
  ])
  database.exec(`ALTER TABLE ${quoted(table)} ADD COLUMN g${chance.below(9)} ANY AS (${expression}) VIRTUAL`)
}

/** The schema table holds text: replaces it by any text. */
const schemaText: Mutator = (database, chance) => {
  database.pragma('writable_schema = ON')
  const table = tableIn(database, chance)
  const sql =
    database.prepare<[string], string>('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(table) ??
    ''
  const mutated = chance.pick<() => string | null>([
    () => null,
    () => '',
    () => sql.replace('STRICT', ''),
    () => sql.replace('INTEGER PRIMARY KEY', 'INTEGER'),
    () => sql.replace(/INTEGER NOT NULL/, 'INTEGER AS (abs(-9223372036854775807 - 1)) VIRTUAL'),
    () => sql.replace(/INTEGER NOT NULL/, 'INTEGER NOT NULL DEFAULT (zeroblob(1e9))'),
    () => sql.replace('STRICT', 'WITHOUT ROWID'),
    () => sql.replace(/, *\n/, ', CHECK (1 / 0), \n'),
    () => `CREATE VIRTUAL TABLE ${table} USING fts5(a)`,
    () => `CREATE VIRTUAL TABLE ${table} USING dbstat`,
    () => `CREATE VIEW ${table} AS SELECT * FROM ${table}`,
    () => sql.slice(0, chance.below(sql.length + 1)),
    () => sql.replaceAll('TEXT', chance.pick(ODD_TEXTS)),
    () => `${sql} -- ${'x'.repeat(chance.size(100_000))}`,
  ])()
  database.prepare('UPDATE sqlite_schema SET sql = ? WHERE name = ?').run(mutated, table)
}

const schemaRow: Mutator = (database, chance) => {
  database.pragma('writable_schema = ON')
  const table = tableIn(database, chance)
  chance.pick<() => void>([
    () => {
      const page = chance.pick([0, 1, 2, 3, -1, 1e9, 2 ** 40])
      database.prepare('UPDATE sqlite_schema SET rootpage = ? WHERE name = ?').run(page, table)
    },
    () =>
      database
        .prepare(
          'UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = ?) WHERE name = ?',
        )
        .run(tableIn(database, chance), table),
    () =>
      database
        .prepare('UPDATE sqlite_schema SET type = ? WHERE name = ?')
        .run(chance.pick(['view', 'index', 'trigger', '', 'x']), table),
    () =>
      database
        .prepare('UPDATE sqlite_schema SET name = ?, tbl_name = ? WHERE name = ?')
        .run(chance.pick(ODD_TEXTS.slice(0, 20)), table, table),
    () => database.prepare('INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = ?').run(table),
    () => database.prepare('DELETE FROM sqlite_schema WHERE name = ?').run(table),
  ])()
}

const extra: Mutator = (database, chance) => {
  const name = quoted(chance.pick(ODD_TEXTS).slice(0, 200).replaceAll('\0', '') || 'x')
  database.exec(
    chance.pick([
      `CREATE TABLE ${name} (a, CHECK (a > 5))`,
      `CREATE INDEX ${name} ON tick (seq, start)`,
      `CREATE VIEW ${name} AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r`,
      `CREATE TABLE ${name} (a, b AS (a) STORED)`,
    ]),
  )
}

const drop: Mutator = (database, chance) => database.exec(`DROP TABLE ${quoted(tableIn(database, chance))}`)

const SCHEMA = [
  asView,
  asView,
  asView,
  trigger,
  generated,
  schemaText,
  schemaText,
  schemaText,
  schemaRow,
  schemaRow,
  extra,
  drop,
]

/* ---- values ---- */

const ODD_INTEGERS = [
  ...[0, -1, 1, 127, 128, 255, 447, 448, 2 ** 20 - 1, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, 4e15, 9e15].map(
    BigInt,
  ),
  ...[
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 62n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    7_258_118_400_000_000n,
    1_795_356_000_000_000n,
  ],
]

/** One cell, by its declared type. */
const cell: Mutator = (database, chance) => {
  const table = tableIn(database, chance)
  const columns = database
    .prepare<[string], { name: string; type: string }>('SELECT name, type FROM pragma_table_info(?)')
    .all(table)
  const { name, type } = chance.pick(columns)
  const where = chance.chance(0.2)
    ? ''
    : ` WHERE rowid = (SELECT rowid FROM ${table} ORDER BY rowid LIMIT 1 OFFSET ${chance.below(20)})`
  database.prepare(`UPDATE OR IGNORE ${table} SET ${quoted(name)} = ?${where}`).run(oddCell(type, chance))
}

function oddCell(type: string, chance: Chance): bigint | string | Buffer {
  if (type === 'TEXT') return chance.pick(ODD_TEXTS)
  if (type === 'BLOB')
    return chance.pick([
      Buffer.alloc(0),
      chance.bytes(chance.size(3000)),
      Buffer.alloc(chance.size(1e6), 255),
      Buffer.alloc(chance.size(1e5), 1),
    ])
  return chance.pick(ODD_INTEGERS)
}

/** Changes bytes of our packed formats: SQLite cannot notice that. */
const packed: Mutator = (database, chance) => {
  const [table, column] = chance.pick(PACKED)
  const rows = database
    .prepare<[], { id: number; bytes: Buffer }>(
      `SELECT rowid AS id, ${column} AS bytes FROM ${table} WHERE ${column} IS NOT NULL LIMIT 50`,
    )
    .all()
  if (rows.length === 0) return
  const { id, bytes } = chance.pick(rows)
  const mutated = chance.pick<() => Buffer>([
    () => {
      for (let i = chance.size(8); i >= 0 && bytes.length > 0; i--)
        bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8)
      return bytes
    },
    () => bytes.subarray(0, chance.below(bytes.length + 1)),
    () => Buffer.concat([bytes, chance.bytes(chance.size(200))]),
    () => Buffer.concat([bytes.subarray(0, 1), chance.bytes(chance.size(200))]),
    () => Buffer.concat([Buffer.from([chance.between(0, 4)]), bytes.subarray(1)]),
    () => Buffer.alloc(chance.size(50_000), chance.pick([0, 1, 127, 128, 254, 255])),
    () => Buffer.concat([Buffer.alloc(chance.between(1, 9), 255), Buffer.from([1, 1])]),
  ])()
  database.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`).run(mutated, id)
}

const PACKED = [
  ['request_chunk', 'packed'],
  ['request_chunk', 'packed'],
  ['minute', 'series'],
  ['minute', 'series'],
  ['traffic', 'header_buckets'],
  ['traffic', 'total_buckets'],
  ['connection', 'connect_buckets'],
  ['minute_traffic', 'header_buckets'],
] as const

const distantTick: Mutator = (database, chance) => {
  const columns = columnsOf(database, 'tick').slice(1).map(quoted).join(',')
  const seq = chance.pick(ODD_INTEGERS)
  database
    .prepare(
      `INSERT OR IGNORE INTO tick (seq, ${columns}) SELECT ?, ${columns} FROM tick ORDER BY seq DESC LIMIT 1`,
    )
    .run(seq)
}

const meta: Mutator = (database, chance) => {
  const keys = [
    'lock',
    'time_zone',
    'host',
    'tool',
    'kernel',
    'arguments',
    'interfaces',
    'complete',
    'readable_by',
    'cut',
    'x',
  ]
  const value = chance.pick([
    ...ODD_TEXTS,
    '[1,2]',
    '["a\\u001b[2J"]',
    '[['.repeat(1000),
    '{"pid":1}',
    '1 2 3',
    '-1',
    '4194304',
    'Europe/Berlin',
  ])
  database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(chance.pick(keys), value)
}

const marker: Mutator = (database, chance) =>
  database
    .prepare('INSERT INTO marker (at, kind, text) VALUES (?, ?, ?)')
    .run(chance.pick(ODD_INTEGERS), chance.pick(['note', 'deploy', 'x', '\u001b[2J']), chance.pick(ODD_TEXTS))

const time: Mutator = (database, chance) => {
  const column = chance.pick(['start', 'length', 'mono', 'seq'])
  database
    .prepare(
      `UPDATE OR IGNORE tick SET ${column} = ? WHERE seq = (SELECT ${chance.pick(['min', 'max'])}(seq) FROM tick)`,
    )
    .run(chance.pick(ODD_INTEGERS))
}

const VALUES = [cell, cell, cell, packed, packed, packed, packed, distantTick, meta, meta, marker, time, time]
