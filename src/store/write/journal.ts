/** How a recording is written: in WAL mode with one fsync per tick while it grows; one plain file when it is done. */
import { isBusy, isFull, type Database } from '../sqlite/database.ts'

/** A WAL that a reader has held up is cut back to this many bytes. */
const WAL_KEPT = 4e6
/** How long the clean end waits for readers before it leaves an empty WAL behind. */
const LEAVE_WAL_MS = 300

export function prepareFile(database: Database, durable: boolean): void {
  if (!durable) {
    database.pragma('journal_mode = MEMORY')
    database.pragma('synchronous = OFF')
    return
  }
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('wal_autocheckpoint = 0')
  database.pragma(`journal_size_limit = ${WAL_KEPT}`)
}

/** One self-contained file, unless a reader still has it open: then an empty WAL stays beside it. */
export function leaveWal(database: Database): void {
  database.pragma(`busy_timeout = ${LEAVE_WAL_MS}`)
  try {
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.pragma('journal_mode = DELETE')
  } catch (error) {
    if (!isBusy(error) && !isFull(error)) throw error
  }
}

/** What cannot be moved now for want of room stays in the WAL, where it is as safe. */
export function checkpoint(database: Database): void {
  try {
    database.pragma('wal_checkpoint(PASSIVE)')
  } catch (error) {
    if (!isFull(error) && !isBusy(error)) throw error
  }
}
