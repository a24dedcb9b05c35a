/** The series of all ticks: from the rollups, and between them from the tick table. */
import type { SeqRange, TickSummary } from '../../frame/model/recording.ts'
import { checkSeq, MAX_MINUTE_TICKS } from '../format/limits.ts'
import { TICK_SUMMARY_COLUMNS } from '../format/schema.ts'
import { unpackSeries } from '../format/series.ts'
import { tickSummary } from '../format/tick-row.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { emptyIfDamaged, bytes, integer, query, type Database, type SqlRow } from '../sqlite/database.ts'

/** A rollup of the ticks [first, first + ticks). */
export interface Minute {
  readonly first: number
  readonly ticks: number
}

export interface Series {
  readonly ticks: TickSummary[]
  readonly minutes: Minute[]
}

const ALL: SeqRange = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** Appends the ticks after the last one of `series`. Returns whether there were any. @param range does not cut a rollup */
export function readSeries(database: Database, series: Series, range = ALL): boolean {
  const { ticks, minutes } = series
  const known = ticks.length
  const select = query(
    database,
    `SELECT seq, ${TICK_SUMMARY_COLUMNS.join(',')} FROM tick WHERE seq >= ? AND seq < ? ORDER BY seq`,
  )
  const nextSeq = (): number => (ticks.at(-1)?.seq ?? range.from - 1) + 1
  const readTicksUntil = (to: number): void => {
    if (nextSeq() >= to) return
    for (const row of inOrder(select.iterate(nextSeq(), to))) ticks.push(tickSummary(row))
  }
  const last = minutes.at(-1)
  const rollups = query(
    database,
    'SELECT first, ticks, series FROM minute WHERE first >= ? AND first < ? ORDER BY first',
  )
  // Recorders up to 0.2 left rollups behind whose first tick was evicted within its minute.
  const oldest = oldestTick(database) ?? 0
  const from = last === undefined ? Math.max(range.from, oldest) : last.first + last.ticks
  // All rollups are read first: a connection cannot run a second query while one is iterated.
  for (const row of [...inOrder(rollups.iterate(from, range.to))]) {
    const minute = minuteOf(row)
    minutes.push(minute)
    if (minute.first + minute.ticks <= nextSeq()) continue
    readTicksUntil(minute.first)
    if (minute.first >= nextSeq()) unpackSeries(bytes(row[2]), minute.first, minute.ticks, ticks)
    else readTicksUntil(minute.first + minute.ticks)
  }
  readTicksUntil(range.to)
  return ticks.length > known
}

/** @param row first, ticks, … */
export function minuteOf(row: SqlRow): Minute {
  const [first, ticks] = [checkSeq(integer(row[0])), integer(row[1])]
  if (ticks < 1 || ticks > MAX_MINUTE_TICKS) throw new CorruptRow('a minute has a wrong number of ticks')
  return { first, ticks }
}

/** null if there is none or it cannot be read */
export function oldestTick(database: Database): number | null {
  const cell = emptyIfDamaged(() => query(database, 'SELECT min(seq) FROM tick').all())[0]?.[0]
  return typeof cell === 'number' ? cell : null
}

/** The recorder has evicted the tick since: a missing tick at the beginning is no damage. */
export function isEvicted(database: Database, seq: number): boolean {
  const oldest = oldestTick(database)
  return oldest !== null && seq < oldest
}
