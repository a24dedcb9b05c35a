/**
 * The start times of the minutes of a recording: enough to find the ticks around one moment, so that one picture of a day does
 * not wait for 86,400 of them. Only if the wall clock never went back; any other recording is read whole.
 */
import type { TickSummary } from '../../frame/model/recording.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { ByteReader } from '../format/bytes.ts'
import { columnsIn } from '../format/columns.ts'
import { TICK_SUMMARY_COLUMNS } from '../format/schema.ts'
import { tickSummary } from '../format/tick-row.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { bytes, integer, nullIfDamaged, query, scalar, type Database } from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import type { Access } from './connection.ts'
import { readMarkers } from './markers.ts'
import { minuteOf, readSeries, type Minute, type Series } from './ticks.ts'

export interface Outline {
  readonly minutes: readonly Minute[]
  /** per minute: the start of its first tick, µs since 1970, ascending */
  readonly starts: readonly number[]
  readonly first: TickSummary
  readonly last: TickSummary
}

/** null if there are no ticks, the clock was set, or something cannot be read */
export function readOutline({ database }: Access): Outline | null {
  return nullIfDamaged(() => {
    const [first, last] = [endOf(database, 'ASC'), endOf(database, 'DESC')]
    if (first === null || last === null || hasClockSteps(database)) return null
    if (last.seq - first.seq > mostTicks(database)) return null
    const minutes: Minute[] = []
    const starts: number[] = []
    // The first number of a series is its first start; no number takes more than eight bytes.
    const rows = query(
      database,
      'SELECT first, ticks, substr(series, 1, 8) FROM minute WHERE first >= ? ORDER BY first',
    )
    for (const row of inOrder(rows.iterate(first.seq))) {
      minutes.push(minuteOf(row))
      starts.push(new ByteReader(bytes(row[2])).signed())
    }
    const isAscending = starts.every((start, i) => i === 0 || start > starts[i - 1]!)
    const isInside = (starts[0] ?? last.start) >= first.start && (starts.at(-1) ?? 0) <= last.start
    return isAscending && isInside ? { minutes, starts, first, last } : null
  })
}

/** The ticks of the span and of the minute after it: a gap is known from the tick after it. null if they can't be read. */
export function readAround(
  { database }: Access,
  { minutes, starts }: Outline,
  span: TimeSpan,
): TickSummary[] | null {
  const begin = starts.findLastIndex((start) => start <= span.from)
  const end = starts.findIndex((start) => start > span.to)
  const next = end < 0 ? undefined : minutes[end]!
  const series: Series = { ticks: [], minutes: [] }
  return nullIfDamaged(() => {
    readSeries(database, series, {
      from: begin < 0 ? 0 : minutes[begin]!.first,
      to: next === undefined ? Number.MAX_SAFE_INTEGER : next.first + next.ticks,
    })
    return series.ticks
  })
}

function endOf(database: Database, order: 'ASC' | 'DESC'): TickSummary | null {
  const sql = `SELECT seq, ${TICK_SUMMARY_COLUMNS.join(',')} FROM tick ORDER BY seq ${order} LIMIT 1`
  const row = query(database, sql).get()
  return row === undefined ? null : tickSummary(row)
}

const hasClockSteps = (database: Database): boolean =>
  readMarkers(database).some(({ kind }) => kind === 'clock_step')

/** A row of the tick table has at least one byte per column. */
const mostTicks = (database: Database): number =>
  (integer(scalar(database, 'PRAGMA page_count')) * PAGE_SIZE) / columnsIn(database, 'tick').minColumns
