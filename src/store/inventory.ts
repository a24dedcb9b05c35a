/** What info tells of a file beyond what it records. */
import { statSync } from 'node:fs'
import type { Access } from './connection.ts'
import { integer, query, scalar, text } from './database.ts'
import { livingHolder } from './lock.ts'
import { readMeta } from './meta.ts'

export interface Inventory {
  /** bytes of the file, of its -wal too */
  readonly size: number
  /** rows of each table */
  readonly tables: Readonly<Record<string, number>>
  readonly meta: Readonly<Record<string, string>>
  readonly backends: number
  readonly routes: number
  /** requests in the ring */
  readonly listed: number
  /** the process that records into it now */
  readonly recorder: number | null
}

export function inventoryOf({ database }: Access, file: string): Inventory {
  const meta = readMeta(database)
  const names = query(database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
  const counts = names.map(([name]) => [text(name), countOf(database, text(name))] as const)
  const tables = Object.fromEntries(counts)
  return {
    size: sizeOf(file) + sizeOf(`${file}-wal`),
    tables,
    meta: Object.fromEntries(meta),
    backends: tables.backend ?? 0,
    routes: tables.route ?? 0,
    listed: integer(scalar(database, 'SELECT ifnull(sum(n), 0) FROM request_chunk')),
    recorder: livingHolder(meta),
  }
}

const countOf = (database: Access['database'], table: string): number =>
  integer(scalar(database, `SELECT count(*) FROM "${table.replaceAll('"', '""')}"`))

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
