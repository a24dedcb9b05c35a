/** Facts about a file for `info`: sizes, rows and metadata. */
import { existsSync, statSync } from 'node:fs'
import { livingHolder } from '../file/lock.ts'
import { recordedName, statOf } from '../file/side-files.ts'
import { readMeta } from '../format/meta.ts'
import { BoundedQuery } from '../sqlite/bounded.ts'
import { emptyIfDamaged, integer, nullIfDamaged, query, text } from '../sqlite/database.ts'
import type { Access } from './connection.ts'

export interface Inventory {
  /** bytes of the file and its -wal */
  readonly size: number
  /** rows of each table; null if its pages are damaged */
  readonly tables: Readonly<Record<string, number | null>>
  readonly meta: Readonly<Record<string, string>>
  readonly backends: number
  readonly routes: number
  /** requests in the ring; null if its pages are damaged */
  readonly listed: number | null
  /** the pid of the process that records into it now */
  readonly recorder: number | null
}

export function inventoryOf({ database }: Access, file: string): Inventory {
  const meta = readMeta(database)
  const names = emptyIfDamaged(() =>
    query(database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all(),
  )
  const counts = names.map(
    ([name]) => [text(name), rowsIn(database, `SELECT 1 FROM ${quoted(text(name))}`)] as const,
  )
  const tables = Object.fromEntries(counts)
  return {
    size: sizeOf(file) + (statOf(walOf(file))?.size ?? 0),
    tables,
    meta: Object.fromEntries(meta),
    backends: tables.backend ?? 0,
    routes: tables.route ?? 0,
    listed: listedIn(database),
    recorder: livingHolder(meta, file),
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const rowsIn = (database: Access['database'], rows: string): number | null =>
  nullIfDamaged(() => new BoundedQuery(database, `SELECT count(*) FROM (${rows} LIMIT ?)`).count())

const listedIn = (database: Access['database']): number | null =>
  nullIfDamaged(() => {
    const sql = 'SELECT ifnull(sum(n), 0) FROM (SELECT n FROM request_chunk LIMIT ?)'
    const [row] = new BoundedQuery(database, sql).all()
    return integer(row?.[0])
  })

/** Standard input, and what has vanished meanwhile, have none. */
const walOf = (file: string): string => (existsSync(file) ? `${recordedName(file)}-wal` : file)

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
