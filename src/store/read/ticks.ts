/** The series of all ticks, from the rollups where they are and from the tick table in between. */
import type { SeqRange, TickSummary } from '../../frame/model/recording.ts'
import { checkSeq, MAX_MINUTE_TICKS } from '../format/limits.ts'
import { TICK_SUMMARY_COLUMNS } from '../format/schema.ts'
import { unpackSeries } from '../format/series.ts'
import { tickSummary } from '../format/tick-row.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { emptyIfDamaged, bytes, integer, query, type Database, type SqlRow } from '../sqlite/database.ts'

/** The ticks [first, first + ticks) have a rollup. */
export interface Minute {
  readonly first: number
  readonly ticks: number
}

export interface Series {
  readonly ticks: TickSummary[]
  readonly minutes: Minute[]
}

const ALL: SeqRange = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** Appends what came after the last tick of `series`, within a range that cuts no rollup. Returns whether anything did. */
export function readSeries(database: Database, series: Series, range = ALL): boolean {
  const { ticks, minutes } = series
  const known = ticks.length
  const select = query(
    database,
    `SELECT seq, ${TICK_SUMMARY_COLUMNS.join(',')} FROM tick WHERE seq >= ? AND seq < ? ORDER BY seq`,
  )
  const nextSeq = (): number => (ticks.at(-1)?.seq ?? range.from - 1) + 1
  const readLoose = (to: number): void => {
    if (nextSeq() >= to) return
    for (const row of inOrder(select.iterate(nextSeq(), to))) ticks.push(tickSummary(row))
  }
  const last = minutes.at(-1)
  const rollups = query(
    database,
    'SELECT first, ticks, series FROM minute WHERE first >= ? AND first < ? ORDER BY first',
  )
  const from = last === undefined ? range.from : last.first + last.ticks
  // Read whole before ticks are: a connection does one thing at a time.
  for (const row of [...inOrder(rollups.iterate(from, range.to))]) {
    const minute = minuteOf(row)
    minutes.push(minute)
    if (minute.first + minute.ticks <= nextSeq()) continue
    readLoose(minute.first)
    if (minute.first >= nextSeq()) unpackSeries(bytes(row[2]), minute.first, minute.ticks, ticks)
    else readLoose(minute.first + minute.ticks)
  }
  readLoose(range.to)
  return ticks.length > known
}

/** @param row first, ticks, … */
export function minuteOf(row: SqlRow): Minute {
  const [first, ticks] = [checkSeq(integer(row[0])), integer(row[1])]
  if (ticks < 1 || ticks > MAX_MINUTE_TICKS) throw new CorruptRow('no minute has so many ticks')
  return { first, ticks }
}

/** null where there is none, or it cannot be read */
export function oldestTick(database: Database): number | null {
  const cell = emptyIfDamaged(() => query(database, 'SELECT min(seq) FROM tick').all())[0]?.[0]
  return typeof cell === 'number' ? cell : null
}

/** Its recorder has dropped it since: a tick that is missing at the beginning is no damage. */
export function isEvicted(database: Database, seq: number): boolean {
  const oldest = oldestTick(database)
  return oldest !== null && seq < oldest
}
