/**
 * The same rows and tables with bare better-sqlite3: same schema and pragmas, one transaction per tick, 25 rows per statement.
 */
import Sqlite from 'better-sqlite3'
import { SCHEMA } from '../src/store/format/schema.ts'

/** the cells of up to BATCH rows in sequence */
type Batch = unknown[]
/** the rows of one tick, by table */
type Rows = readonly (readonly Batch[])[]

interface Table {
  readonly columns: number
  readonly read: (tick: number) => readonly Batch[]
  readonly insert: (batch: Batch) => void
}

const BATCH = 25
const CHECKPOINT_EVERY = 5
const MINUTE = 60

export class RawWriter {
  readonly #target: Sqlite.Database
  readonly #tables: readonly Table[]
  readonly #begin: Sqlite.Statement
  readonly #commit: Sqlite.Statement
  readonly #minute: readonly Rows[]
  #ticks = 0

  /** @param from a recording whose first minute is written repeatedly */
  constructor(from: string, to: string) {
    const target = (this.#target = new Sqlite(to))
    target.pragma('auto_vacuum = INCREMENTAL')
    target.exec(SCHEMA)
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'wal_autocheckpoint = 0']) {
      target.pragma(pragma)
    }
    const source = new Sqlite(from, { readonly: true })
    this.#tables = TABLES.map((table) => tableOf(source, target, table))
    this.#minute = Array.from({ length: MINUTE }, (_, tick) => this.#tables.map(({ read }) => read(tick)))
    source.close()
    this.#begin = target.prepare('BEGIN IMMEDIATE')
    this.#commit = target.prepare('COMMIT')
  }

  /** The rows of the next tick. */
  next(): Rows {
    const tick = this.#ticks % MINUTE
    const rows = this.#minute[tick]!
    if (this.#ticks >= MINUTE) {
      for (const [i, { columns }] of this.#tables.entries()) moveLater(rows[i]!, columns, TABLES[i]![2])
    }
    return rows
  }

  append(rows: Rows): void {
    this.#begin.run()
    for (const [i, { insert }] of this.#tables.entries()) for (const batch of rows[i]!) insert(batch)
    this.#commit.run()
    if (++this.#ticks % CHECKPOINT_EVERY === 0) this.#target.pragma('wal_checkpoint(PASSIVE)')
  }

  close(): void {
    this.#target.close()
  }
}

const range = (table: string): string => `${table} WHERE id >= ? << 20 AND id < ? + 1 << 20`
const TABLES: readonly (readonly [name: string, from: string, parameters: 1 | 2])[] = [
  ['tick', 'tick WHERE seq = ?', 1],
  ['traffic', range('traffic'), 2],
  ['status', range('status'), 2],
  ['connection', range('connection'), 2],
  ['request_chunk', 'request_chunk WHERE tick = ?', 1],
  ['minute', 'minute WHERE first = ?', 1],
  ['minute_traffic', range('minute_traffic'), 2],
  ['minute_status', range('minute_status'), 2],
  ['minute_connection', range('minute_connection'), 2],
]

/** Moves the rows one minute later: the key is the first column. */
function moveLater(batches: readonly Batch[], columns: number, parameters: 1 | 2): void {
  const distance = MINUTE * (parameters === 1 ? 1 : 2 ** 20)
  for (const batch of batches) {
    for (let at = 0; at < batch.length; at += columns) batch[at] = Number(batch[at]) + distance
  }
}

function tableOf(
  source: Sqlite.Database,
  target: Sqlite.Database,
  [table, from, parameters]: (typeof TABLES)[number],
): Table {
  const names = (source.pragma(`table_info(${table})`) as { readonly name: string }[]).map(({ name }) => name)
  const select = source.prepare<number[], Batch>(`SELECT ${names.join(',')} FROM ${from}`).raw()
  const row = `(${names.map(() => '?').join(',')})`
  const statements = new Map<number, Sqlite.Statement>()
  const statement = (rows: number): Sqlite.Statement => {
    const known = statements.get(rows)
    if (known !== undefined) return known
    const values = Array.from({ length: rows }, () => row).join(',')
    const made = target.prepare(`INSERT INTO ${table} (${names.join(',')}) VALUES ${values}`)
    statements.set(rows, made)
    return made
  }
  return {
    columns: names.length,
    read: (tick) => {
      const rows = select.all(...(parameters === 1 ? [tick] : [tick, tick]))
      return Array.from({ length: Math.ceil(rows.length / BATCH) }, (_, i) =>
        rows.slice(i * BATCH, (i + 1) * BATCH).flat(),
      )
    },
    insert: (batch) => statement(batch.length / names.length).run(batch),
  }
}
