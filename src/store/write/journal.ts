/** Journal modes: WAL with one fsync per tick while the recording grows; one plain file when it is complete. */
import { isBusy, isFull, type Database } from '../sqlite/database.ts'

/** Readers can delay checkpoints, and the WAL grows. After a checkpoint it is truncated to this many bytes. */
const WAL_KEPT = 4e6
/** How long a clean end waits for readers. After that, an empty WAL remains. */
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

/** Makes it one self-contained file. If a reader still has it open, an empty WAL remains beside it. */
export function leaveWal(database: Database): void {
  database.pragma(`busy_timeout = ${LEAVE_WAL_MS}`)
  try {
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.pragma('journal_mode = DELETE')
  } catch (error) {
    if (!isBusy(error) && !isFull(error)) throw error
  }
}

/** Puts all of the WAL into the file, which has another name now: SQLite removes no WAL of such a file, and a reader finds none. */
export function emptyWal(database: Database): void {
  database.pragma(`busy_timeout = ${EMPTY_WAL_MS}`)
  try {
    database.pragma('wal_checkpoint(TRUNCATE)')
  } catch (error) {
    if (!isBusy(error) && !isFull(error)) throw error
  }
}

/** How long that waits for readers: what stays in the WAL would be lost. */
const EMPTY_WAL_MS = 5000

/** Pages that do not fit on the disk stay in the WAL, where they are equally safe. */
export function checkpoint(database: Database): void {
  try {
    database.pragma('wal_checkpoint(PASSIVE)')
  } catch (error) {
    if (!isFull(error) && !isBusy(error)) throw error
  }
}
