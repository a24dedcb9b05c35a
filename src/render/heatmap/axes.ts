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
  const { columns, cursor, step } = map
  const length = clock.withOffset ? 16 : 10
  const seconds = STEPS.find((each) => (each * 1e6) / step >= length) ?? STEPS.at(-1)!
  const axis = new Array<string>(columns.length).fill('─')
  let labels = ''
  columns.forEach((column, i) => {
    if (i === 0 || !isRound(column, columns[i - 1]!, seconds, clock)) return
    axis[i] = '┬'
    const text = timeOf(column, clock, seconds)
    if (labels.length < i && i + text.length <= columns.length + RIGHT) labels = labels.padEnd(i) + text
  })
  const before = cursor === null ? axis : axis.slice(0, cursor)
  return [
    [
      span(`${' '.repeat(LEFT - 1)}└${before.join('')}`, 'dim'),
      ...(cursor === null ? [] : [span('▴', 'bold'), span(axis.slice(cursor + 1).join(''), 'dim')]),
    ],
    [span(' '.repeat(LEFT) + labels, 'dim')],
  ]
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
