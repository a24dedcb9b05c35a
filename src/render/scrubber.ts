/** The whole recording as one line: rate as height, trouble in red, gaps hatched. Markers and the position in time are above it. */
import type { Gap, Marker } from '../frame/model/frame.ts'
import type { TickSummary } from '../frame/model/recording.ts'
import type { WallMicros } from '../frame/model/units.ts'
import { needsOffset, clockTime, localDate, localMinute } from '../frame/time/timezone.ts'
import { TROUBLE } from './cells.ts'
import { span, type Line, type Span, type Style } from './line.ts'
import { block, HATCH } from './sparkline.ts'
import { right } from './text.ts'

export interface ScrubberFacts {
  readonly ticks: readonly TickSummary[]
  readonly gaps: readonly Gap[]
  readonly markers: readonly Marker[]
}

export interface ScrubberView {
  readonly columns: number
  readonly timeZone: string
  /** the current position */
  readonly at: WallMicros
}

/** One cell of the bar: a span of time. */
interface Cell {
  requests: number
  bad: number
  /** µs with ticks, and µs in gaps */
  covered: number
  gap: number
  marked: boolean
}

/** The part that does not depend on the position: computed again only for another width or for new ticks. */
export interface Scrubber {
  readonly from: WallMicros
  readonly to: WallMicros
  readonly cells: readonly Readonly<Cell>[]
}

export const scrubberWidth = (columns: number, labels: number): number =>
  Math.max(10, columns - 2 * labels - 4)

export function scrubberOf({ ticks, gaps, markers }: ScrubberFacts, width: number): Scrubber {
  const from = Math.min(...extremes(ticks, ({ start }) => start)) as WallMicros
  const to = Math.max(from + 1, ...extremes(ticks, ({ start, length }) => start + length)) as WallMicros
  const cells: Cell[] = Array.from({ length: width }, () => ({
    requests: 0,
    bad: 0,
    covered: 0,
    gap: 0,
    marked: false,
  }))
  const cellAt = (at: number): Cell => cells[cellIndex(at, { from, to }, width)]!
  for (const { start, length, requests, fivexx, failures } of ticks) {
    const cell = cellAt(start)
    cell.requests += requests
    cell.bad += fivexx + failures
    cell.covered += length
  }
  const cellLength = (to - from) / width
  for (const gap of gaps) {
    const last = cellIndex(gap.to - 1, { from, to }, width)
    for (let i = cellIndex(gap.from, { from, to }, width); i <= last; i++) {
      const begin = from + i * cellLength
      cells[i]!.gap += Math.max(0, Math.min(gap.to, begin + cellLength) - Math.max(gap.from, begin))
    }
  }
  for (const { at } of markers) cellAt(at).marked = true
  return { from, to, cells }
}

/** The least and the greatest value. All ticks are compared, because the clock may have been set back. */
const extremes = (ticks: readonly TickSummary[], valueOf: (tick: TickSummary) => number): number[] => {
  let [least, most] = [Infinity, -Infinity]
  for (const tick of ticks) {
    const value = valueOf(tick)
    if (value < least) least = value
    if (value > most) most = value
  }
  return [least, most]
}

const cellIndex = (at: number, { from, to }: Pick<Scrubber, 'from' | 'to'>, width: number): number =>
  Math.min(width - 1, Math.max(0, Math.floor(((at - from) / (to - from)) * width)))

/** Two lines: marks, then the bar between the first and the last time. */
export function scrubberLines(scrubber: Scrubber, { columns, timeZone, at }: ScrubberView): Line[] {
  const { from, to, cells } = scrubber
  const labels = labelsOf(scrubber, timeZone)
  const indent = labels[0].length + 2
  const cursor = cellIndex(at, { from, to }, cells.length)
  return [
    [span(' '.repeat(indent)), ...cells.map((cell, i) => markOf(cell, i === cursor))],
    [
      span(` ${labels[0]} `, 'dim'),
      ...barOf(cells, cursor),
      span(` ${right(labels[1], Math.max(labels[1].length, 0))}`, 'dim'),
    ].slice(0, columns),
  ]
}

/** Clock times, with the date if the recording crosses midnight. */
export function labelsOf({ from, to }: Pick<Scrubber, 'from' | 'to'>, timeZone: string): [string, string] {
  const withOffset = needsOffset({ from, to }, timeZone)
  const label = (at: WallMicros, withDate: boolean): string =>
    withDate ? localMinute(at, timeZone, withOffset).slice(5) : clockTime(at, timeZone, withOffset)
  const severalDays = localDate(from, timeZone) !== localDate(to, timeZone)
  return [label(from, severalDays), label(to, severalDays)]
}

function markOf(cell: Readonly<Cell>, isCursor: boolean): Span {
  if (isCursor) return span('▾', 'bold')
  if (cell.marked) return span('◆', 'accent')
  if (cell.gap > 0) return span(HATCH, 'warn')
  if (isTrouble(cell)) return span('!', 'bad')
  return span(' ')
}

const isTrouble = ({ requests, bad }: Readonly<Cell>): boolean => bad > 0 && bad >= TROUBLE * requests

function barOf(cells: readonly Readonly<Cell>[], cursor: number): Span[] {
  const rates = cells.map(({ requests, covered }) => (covered === 0 ? 0 : requests / covered))
  // Headroom, so that a constant rate is not drawn as a solid bar.
  const greatest = 1.25 * Math.max(...rates)
  return cells.map((cell, i) => {
    const hatched = cell.gap > cell.covered || cell.covered === 0
    const text = hatched
      ? cell.gap > 0
        ? HATCH
        : blockBefore(cells, rates, i, greatest)
      : block(rates[i]!, greatest)
    const style: Style = i === cursor ? 'cursor' : hatched ? 'dim' : isTrouble(cell) ? 'bad' : 'accent'
    return span(text, style)
  })
}

/** A short recording has fewer ticks than the bar has cells: a tick also fills the empty cells after it. */
function blockBefore(
  cells: readonly Readonly<Cell>[],
  rates: readonly number[],
  i: number,
  greatest: number,
): string {
  for (let k = i - 1; k >= 0; k--) if (cells[k]!.covered > 0) return block(rates[k]!, greatest)
  return ' '
}
