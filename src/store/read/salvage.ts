/**
 * The ticks of a damaged file that SQLite can still read: it follows pages from the root, so a broken page hides only its subtree.
 * Rows are read forward until one fails. Look-ups at growing distances find a tick beyond the hole, and rows are read back to the hole.
 */
import type { TickSummary } from '../../frame/model/recording.ts'
import { MAX_SEQ } from '../format/limits.ts'
import { TICK_SUMMARY_COLUMNS } from '../format/schema.ts'
import { tickSummary } from '../format/tick-row.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { isDamage, nullIfDamaged, query, type Database, type Query, type SqlRow } from '../sqlite/database.ts'
import { minuteOf, type Minute } from './ticks.ts'

export interface Salvaged {
  readonly ticks: TickSummary[]
  readonly minutes: Minute[]
  /** nothing is missing */
  readonly isWhole: boolean
  readonly isEndLost: boolean
}

/** Whether all rows of a tick exist and match its checksum. */
export type Verify = (seq: number) => boolean

/** Every tick that matches its checksum, and the rollups whose ticks all do. */
export function salvage(database: Database, verifier: (found: readonly TickSummary[]) => Verify): Salvaged {
  const found = readTicks(database)
  const verify = verifier(found.ticks)
  const ticks = found.ticks.filter(({ seq }) => verify(seq))
  const [first, last] = [found.ticks[0]?.seq ?? 0, found.ticks.at(-1)?.seq ?? -1]
  const seqs = new Set(ticks.map(({ seq }) => seq))
  return {
    ticks,
    minutes: readMinutes(database).filter((minute) => isWhole(minute, seqs)),
    isWhole: !found.isEndLost && ticks.length === last - first + 1,
    isEndLost: found.isEndLost,
  }
}

export interface FoundTicks {
  readonly ticks: readonly TickSummary[]
  readonly isEndLost: boolean
}

/** All ticks that look-ups find. */
export function readTicks(database: Database): FoundTicks {
  const select = (where: string): Query =>
    query(database, `SELECT seq, ${TICK_SUMMARY_COLUMNS.join(',')} FROM tick WHERE ${where}`)
  const [forward, backward, from] = [
    select('seq >= ? ORDER BY seq'),
    select('seq < ? AND seq > ? ORDER BY seq DESC'),
    select('seq >= ? ORDER BY seq LIMIT 1'),
  ]
  const ticks: TickSummary[] = []
  let next = 0
  for (;;) {
    if (readWhile(forward.iterate(next), appendTo(ticks))) return { ticks, isEndLost: false }
    const last = Math.max(ticks.at(-1)?.seq ?? -1, next - 1)
    const beyond = searchBeyond(from, last)
    if (beyond === null) return { ticks, isEndLost: true }
    const back: TickSummary[] = []
    readWhile(backward.iterate(beyond.seq, last), appendTo(back, -1))
    ticks.push(...back.reverse(), beyond)
    next = beyond.seq + 1
  }
}

function readMinutes(database: Database): readonly Minute[] {
  const minutes: Minute[] = []
  const rows = query(database, 'SELECT first, ticks FROM minute ORDER BY first').iterate()
  readWhile(inOrder(rows), (row) => minutes.push(minuteOf(row)))
  return minutes
}

/** Takes rows up to the first unreadable one. Returns whether all could be read. */
function readWhile(rows: Iterable<SqlRow>, take: (row: SqlRow) => void): boolean {
  try {
    for (const row of rows) take(row)
    return true
  } catch (error) {
    if (!isDamage(error)) throw error
    return false
  }
}

/** Appends ticks in ascending (1) or descending (−1) order. @throws CorruptRow otherwise: a tree that repeats itself would never end */
const appendTo =
  (ticks: TickSummary[], direction: 1 | -1 = 1) =>
  (row: SqlRow): void => {
    const tick = tickSummary(row)
    const last = ticks.at(-1)
    if (last !== undefined && direction * (tick.seq - last.seq) <= 0)
      throw new CorruptRow('ticks that are out of order')
    ticks.push(tick)
  }

/**
 * A tick beyond the hole that begins after `last`, looked for at distances 1, 2, 4, …. A step may skip a second hole; the ticks between
 * the two holes are recovered from the pages.
 */
function searchBeyond(from: Query, last: number): TickSummary | null {
  for (let step = 1; last + step < MAX_SEQ; step *= 2) {
    const found = nullIfDamaged(() => from.all(last + step).map(tickSummary))
    if (found?.length === 0) return null
    // If the tree is out of order, a look-up may return an earlier tick.
    if (found !== null && found[0]!.seq > last) return found[0]!
  }
  return null
}

function isWhole({ first, ticks }: Minute, seqs: ReadonlySet<number>): boolean {
  for (let seq = first; seq < first + ticks; seq++) if (!seqs.has(seq)) return false
  return true
}
