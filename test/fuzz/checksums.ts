/**
 * Recalculates the checksums of mutated rows, so that the reader accepts them. Only this file of the fuzzers knows the store's
 * checksums.
 */
import type { Database } from '../../src/store/sqlite/database.ts'
import { fold } from '../../src/store/format/checksum.ts'
import { query } from '../../src/store/sqlite/database.ts'
import { known } from '../../src/store/format/rows.ts'
import { MINUTE_COLUMNS } from '../../src/store/format/schema.ts'
import { DimensionReader } from '../../src/store/names/dimensions.ts'
import { columnsIn } from '../../src/store/format/columns.ts'
import { SpanReader } from '../../src/store/read/span-reader.ts'
import { TickRows, wiresOfTick } from '../../src/store/format/tick-row.ts'

/** @param database writable. Rows that cannot be read stay as they are. */
export function fixChecksums(database: Database): void {
  const names = new DimensionReader(database)
  each(database, 'SELECT seq FROM tick', (seq) => fixTick(database, new SpanReader(database, '', names), seq))
  each(database, 'SELECT first FROM minute', (first) =>
    fixMinute(database, new SpanReader(database, 'minute_', names), first),
  )
}

function each(database: Database, sql: string, use: (id: number) => void): void {
  for (const [id] of query(database, sql).all()) {
    try {
      use(Number(id))
    } catch {
      // Not readable: no checksum can fix it.
    }
  }
}

function fixTick(database: Database, rows: SpanReader, seq: number): void {
  const ticks = new TickRows(database)
  const row = query(database, `SELECT ${ticks.select} FROM tick WHERE seq = ?`).get(seq)
  if (row === undefined) return
  const chunk = query(database, 'SELECT packed FROM request_chunk WHERE tick = ?').get(seq)?.[0]
  const cells = ticks.cellsOf(row)
  const hash = rows.hash(seq, wiresOfTick(cells))
  const sum = ticks.checksum(chunk === undefined ? hash : fold(hash, chunk), cells)
  database.prepare('UPDATE tick SET checksum = ? WHERE seq = ?').run(sum, seq)
}

function fixMinute(database: Database, rows: SpanReader, first: number): void {
  const { select, fold: foldMinute } = columnsIn(database, 'minute')
  const cells = query(database, `SELECT ${select.join(',')} FROM minute WHERE first = ?`).get(first)
  if (cells === undefined) return
  database
    .prepare('UPDATE minute SET checksum = ? WHERE first = ?')
    .run(foldMinute(rows.hash(first, known(cells[MINUTE_COLUMNS.indexOf('wires')])), cells, 0), first)
}
