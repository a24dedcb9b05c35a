/** How a terminal shows brightness: coloured halves of cells, shades, or characters that are ever denser. */
import { span, type NamedStyle, type Span } from '../line.ts'
import type { Depth } from '../theme.ts'
import { CROSS_TONE, CURSOR_TONE, HEAT_TONES } from './tones.ts'

export type Look = 'halves' | 'shades' | 'density'

export function lookOf(depth: Depth, isAscii: boolean): Look {
  if (isAscii || depth === 'none' || depth === 'mono') return 'density'
  return depth === 'palette' ? 'halves' : 'shades'
}

/** Of each look: the rows that a line has, and its steps of brightness. */
export const LOOKS = {
  halves: { perLine: 2, levels: HEAT_TONES, signs: '' },
  shades: { perLine: 1, levels: 4, signs: ' ░▒▓█' },
  density: { perLine: 1, levels: 9, signs: ' .:-=+*#%@' },
} as const satisfies Record<Look, { perLine: 1 | 2; levels: number; signs: string }>

/** What else a place of the map shows: the cursor, and the lines that lead to it where nothing was measured. */
export const MARKS = { none: 0, cursor: 1, column: 2, row: 3 } as const
export type Mark = (typeof MARKS)[keyof typeof MARKS]

/** A place as one number: its level, and its mark. A picture has thousands. */
export const placeOf = (level: number, mark: Mark): number => level + MARK * mark
const MARK = 16

/** One cell; of looks with one row a line `lower` is not used. Cells are kept: there are few different ones. */
export function heatCell(look: Look, upper: number, lower: number): Span {
  const key = look === 'halves' ? upper * 64 + lower : upper
  const kept = CELLS[look].get(key)
  if (kept !== undefined) return kept
  const cell = look === 'halves' ? halves(toneOf(upper), toneOf(lower)) : signCell(look, upper)
  CELLS[look].set(key, cell)
  return cell
}

const CELLS: Readonly<Record<Look, Map<number, Span>>> = {
  halves: new Map(),
  shades: new Map(),
  density: new Map(),
}

/** A blank costs the terminal and us less than a half block. */
const halves = (top: number, bottom: number): Span =>
  span(top === bottom ? ' ' : '▀', `heat ${top} ${bottom}`)

function toneOf(place: number): number {
  const [level, mark] = [place % MARK, Math.floor(place / MARK)]
  if (mark === MARKS.cursor) return CURSOR_TONE
  return level === 0 && mark !== MARKS.none ? CROSS_TONE : level
}

function signCell(look: 'shades' | 'density', place: number): Span {
  const [level, mark] = [place % MARK, Math.floor(place / MARK)]
  const sign = LOOKS[look].signs[level]!
  if (mark === MARKS.cursor) return span(level === 0 ? '+' : sign, 'cursor')
  if (level === 0 && mark === MARKS.column) return span('|', 'dim')
  return span(sign, STYLES[look])
}

const STYLES: Readonly<Record<'shades' | 'density', NamedStyle>> = { shades: 'accent', density: 'plain' }

/** Nothing was recorded, or not yet read. */
export const GAP_CELL = span('/', 'dim')
export const UNREAD_CELL = span(' ')
