/** The axes of a heatmap: header times at its left, the clock below it. Pure. */
import { addMicros, micros, type Micros } from '../../frame/model/units.ts'
import { clockTime, localMillis } from '../../frame/time/timezone.ts'
import type { HeatColumn, HeatMap } from '../../frame/views/heat-sum.ts'
import { TICK_SLACK } from '../../frame/views/moment.ts'
import { span, type Line } from '../line.ts'
import { latency } from '../quantities.ts'
import { right } from '../text.ts'
import { lineOfRow, linesOf, rowOf, type HeatRows } from './rows.ts'

/** Cells left of the map. */
export const LEFT = 8
/** Cells right of it. */
export const RIGHT = 4

export interface Clock {
  /** IANA name */
  readonly timeZone: string
  readonly withOffset: boolean
}

/** µs: powers of ten get a label first, then what lies between them. */
const POWERS: readonly Micros[] = Array.from({ length: 10 }, (_, i) => micros(10 ** i))
const ROUND: readonly Micros[] = [
  ...POWERS,
  ...[5, 2].flatMap((by) => POWERS.map((power) => micros(by * power))),
]

/** For each line of the map LEFT cells: no two lines next to each other have a label. */
export function timeLabels(rows: HeatRows): string[] {
  const texts = new Map<number, string>()
  for (const time of ROUND) {
    const row = rowOf(rows, time)
    if (row === null) continue
    const line = lineOfRow(rows, row)
    if (![line - 1, line, line + 1].some((near) => texts.has(near))) texts.set(line, latency(time))
  }
  return Array.from({ length: linesOf(rows) }, (_, line) => {
    const text = texts.get(line)
    return text === undefined ? `${' '.repeat(LEFT - 1)}│` : `${right(text, LEFT - 2)} ┤`
  })
}

const STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]

/** Two lines: the axis with its marks and the cursor, then the clock times. */
export function clockLines(map: HeatMap, clock: Clock): Line[] {
  const { columns, cursor } = map
  const marks = clockMarks(map, clock)
  const axis = columns.map((_, i) => (marks.some(({ at }) => at === i) ? '┬' : '─'))
  let labels = ''
  for (const { at, text } of marks)
    if (labels.length < Math.max(1, at) && at + text.length <= columns.length + RIGHT)
      labels = labels.padEnd(at) + text
  const before = cursor === null ? axis : axis.slice(0, cursor)
  return [
    [
      span(`${' '.repeat(LEFT - 1)}└${before.join('')}`, 'dim'),
      ...(cursor === null ? [] : [span('▴', 'bold'), span(axis.slice(cursor + 1).join(''), 'dim')]),
    ],
    [span(' '.repeat(LEFT) + labels, 'dim')],
  ]
}

/** Round times as near to each other as their texts allow; where the first of them is far, also where the map begins. */
function clockMarks({ columns, step }: HeatMap, clock: Clock): { at: number; text: string }[] {
  const length = clock.withOffset ? 16 : 10
  const seconds = STEPS.find((each) => (each * 1e6) / step >= length) ?? STEPS.at(-1)!
  const marks = columns.flatMap((column, at) =>
    at > 0 && isRound(column, columns[at - 1]!, seconds, clock)
      ? [{ at, text: timeOf(column, clock, seconds) }]
      : [],
  )
  const [first] = columns
  return first === undefined || (marks[0]?.at ?? Infinity) < length
    ? marks
    : [{ at: 0, text: timeOf(first, clock, seconds) }, ...marks]
}

/** A round time begins in the column, or the clock was set before it. */
function isRound(column: HeatColumn, before: HeatColumn, seconds: number, { timeZone }: Clock): boolean {
  const place = ({ from }: HeatColumn): number =>
    Math.floor(localMillis(addMicros(from, TICK_SLACK), timeZone) / 1000 / seconds)
  return place(column) !== place(before)
}

function timeOf({ from }: HeatColumn, { timeZone, withOffset }: Clock, seconds: number): string {
  const text = clockTime(addMicros(from, TICK_SLACK), timeZone, withOffset)
  return seconds >= 60 && !withOffset && text.endsWith(':00') ? text.slice(0, 5) : text
}
