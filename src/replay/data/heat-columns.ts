/** The ticks around a moment as columns of equal length. Pure. In the order of the recording: a clock that was set hides nothing. */
import type { TickSummary } from '../../frame/model/recording.ts'
import { addMicros, wallMicros, type WallMicros } from '../../frame/model/units.ts'
import { missingBefore } from '../../frame/time/gaps.ts'
import { TICK_SLACK } from '../../frame/views/moment.ts'
import type { Stop } from '../time/stops.ts'

/** The ticks of a column, by sequence, [first, beyond). Without any nothing was recorded in it. */
export interface ColumnSpan {
  readonly from: WallMicros
  readonly first: number
  readonly beyond: number
}

export interface Columns {
  readonly spans: readonly ColumnSpan[]
  /** index of the column of the stop */
  readonly cursor: number
}

/**
 * At most `room` columns, of which `after` follow that of the stop, fewer at the end of the recording and more at its begin.
 * @param seconds of a column: of 1 each tick has its own; longer ones begin at multiples of them
 */
export function columnsAround(
  ticks: readonly TickSummary[],
  stop: Stop,
  { seconds, room, after }: { readonly seconds: number; readonly room: number; readonly after: number },
): Columns {
  const reach = (room + 1) * seconds
  const [low, high] = [Math.max(0, stop.tick - reach), Math.min(ticks.length, stop.tick + reach + 1)]
  const columns: Column[] = []
  let at = 0
  for (let i = wholeFrom(ticks, low, seconds); i < high; i++) {
    addTick(columns, ticks, i, seconds, room)
    if (i === stop.tick) at = columns.length - 1
  }
  if (stop.kind === 'gap' && columns[at + 1]?.first === columns[at + 1]?.beyond) at++
  const end = Math.min(columns.length, Math.max(room, at + 1 + Math.min(after, room - 1)))
  const start = Math.max(0, end - room)
  return { spans: columns.slice(start, end), cursor: Math.min(at, end - 1) - start }
}

interface Column {
  from: WallMicros
  first: number
  beyond: number
}

function addTick(
  columns: Column[],
  ticks: readonly TickSummary[],
  i: number,
  seconds: number,
  room: number,
): void {
  const tick = ticks[i]!
  const last = columns.at(-1)
  if (last !== undefined && seconds > 1 && isTogether(ticks, i, seconds)) {
    last.beyond = tick.seq + 1
    return
  }
  const from = beginOf(tick, seconds)
  for (
    let empty = last === undefined ? 0 : Math.min(room, emptyBefore(ticks, i, seconds));
    empty > 0;
    empty--
  )
    columns.push({ from: addMicros(from, -empty * seconds * 1e6), first: tick.seq, beyond: tick.seq })
  columns.push({ from, first: tick.seq, beyond: tick.seq + 1 })
}

/** The first tick of the column that holds tick `i`: no column is a part of one. */
function wholeFrom(ticks: readonly TickSummary[], i: number, seconds: number): number {
  let first = i
  while (seconds > 1 && first > 0 && isTogether(ticks, first, seconds)) first--
  return first
}

const isTogether = (ticks: readonly TickSummary[], i: number, seconds: number): boolean =>
  beginOf(ticks[i - 1]!, seconds) === beginOf(ticks[i]!, seconds)

const beginOf = ({ start }: TickSummary, seconds: number): WallMicros => {
  const length = seconds * 1e6
  return seconds === 1 ? addMicros(start, 0) : wallMicros(Math.floor((start + TICK_SLACK) / length) * length)
}

/** The seconds of a late tick after its first one, and what was not recorded. A clock that was set forward is no gap. */
function emptyBefore(ticks: readonly TickSummary[], i: number, seconds: number): number {
  const [before, tick] = [ticks[i - 1]!, ticks[i]!]
  const gap = missingBefore(before, tick)
  const missing =
    Math.round(before.length / 1e6) - 1 + (gap === null ? 0 : Math.round((gap.to - gap.from) / 1e6))
  if (seconds === 1) return Math.max(0, missing)
  const between = Math.round((beginOf(tick, seconds) - beginOf(before, seconds)) / (seconds * 1e6)) - 1
  return Math.max(0, Math.min(between, Math.ceil(missing / seconds)))
}
