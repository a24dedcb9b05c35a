/** What a heatmap says in words: of all of it, and of the place under the cursor. Pure. */
import { statistic } from '../../frame/expression/measure.ts'
import { addMicros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import { clockTime } from '../../frame/time/timezone.ts'
import { lostOf, type HeatColumn, type HeatMap } from '../../frame/views/heat-sum.ts'
import { TICK_SLACK } from '../../frame/views/moment.ts'
import { latencyCell } from '../cells.ts'
import { joinFitting, span, type Line } from '../line.ts'
import { count, latency, longSpan, plural } from '../quantities.ts'
import type { Clock } from './axes.ts'
import { cursorColumn, rowOf, type HeatRows } from './rows.ts'

/** `14:02:07`, of wider columns `14:02:00–14:03:00`. */
export function columnTime(from: WallMicros, step: Micros, { timeZone, withOffset }: Clock): string {
  const time = (at: WallMicros): string => clockTime(addMicros(at, TICK_SLACK), timeZone, withOffset)
  return step <= 1_000_000 ? time(from) : `${time(from)}–${time(addMicros(from, step))}`
}

/** `180–190ms`, `950µs–1.1ms` */
export function timesText([from, beyond]: readonly [Micros, Micros]): string {
  const [low, high] = [latency(from), latency(beyond)]
  const [unit, ofHigh] = [low, high].map((text) => /^[\d.]+([µm]?s)$/.exec(text)?.[1])
  return unit !== undefined && unit === ofHigh ? `${low.slice(0, -unit.length)}–${high}` : `${low}–${high}`
}

/** What a column is, what the brightest place has, and what is missing. */
export function legendPieces({ step, columns }: HeatMap, { most }: HeatRows): Line[] {
  const answered = columns.reduce((sum, { sum: { header } }) => sum + header.count, 0)
  const lost = columns.reduce((sum, column) => sum + lostOf(column.sum), 0)
  return [
    ...(lost === 0 ? [] : [[span(`${count(lost)} of ${count(answered)} times lost`, 'warn')] satisfies Line]),
    ...(columns.some(({ state }) => state === 'unread')
      ? [[span('reading …', 'accent')] satisfies Line]
      : []),
    [span(`${longSpan(step)} a column`, 'dim')],
    ...(most === 0 ? [] : [[span(`brightest: ${plural(most, 'answer')}`, 'dim')] satisfies Line]),
  ]
}

/** Of the cursor's column; with `time`, first of the place in it. */
export function readOut(
  map: HeatMap,
  rows: HeatRows,
  time: Micros | null,
  clock: Clock,
  width: number,
): Line {
  const column = cursorColumn(map)
  if (column === null) return []
  const when: Line = [span(` ${columnTime(column.from, map.step, clock)}`, 'bold')]
  if (column.state === 'gap') return [...when, span(' · nothing was recorded', 'warn')]
  if (column.state === 'unread') return [...when, span(' · not read yet', 'dim')]
  return joinFitting(
    [when, ...placePieces(map, rows, time), ...columnPieces(column, map.step, time !== null)],
    ' · ',
    width,
  )
}

function placePieces({ cursor }: HeatMap, rows: HeatRows, time: Micros | null): Line[] {
  const row = rowOf(rows, time)
  if (row === null || cursor === null) return []
  const answers = rows.counts[cursor]![row] ?? 0
  return [
    [span(timesText(rows.bounds[row]!), 'bold')],
    [span(plural(answers, 'answer'), answers === 0 ? 'dim' : 'bold')],
  ]
}

/** Ticks are late by some ms; a second that is missing of a minute is more. */
const PARTLY = 0.99

function columnPieces({ sum }: HeatColumn, step: Micros, isPart: boolean): Line[] {
  const { header, bad, length } = sum
  const lost = lostOf(sum)
  return [
    [span(isPart ? `of ${count(header.count)}` : plural(header.count, 'answer'))],
    ...(bad === 0 ? [] : [[span(plural(bad, 'error'), 'bad')]]),
    ...(lost === 0 ? [] : [[span(`${count(lost)} without a time`, 'warn')]]),
    ...(length < PARTLY * step ? [[span(`${longSpan(length)} of it recorded`, 'warn')] satisfies Line] : []),
    ...(header.sampled === 0
      ? []
      : [
          [span('p50 '), latencyCell(statistic(header, 'p50'), lost > 0)],
          [span('p99 '), latencyCell(statistic(header, 'p99'), lost > 0)],
        ]),
  ]
}
