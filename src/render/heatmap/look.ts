/** How a terminal shows brightness: coloured halves of cells, shades, or characters that are ever denser. */
import { span, type Span, type Style } from '../line.ts'
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

/** Of a look with one row a line. Cells are kept: there are few different ones. */
export function signCell(look: 'shades' | 'density', place: number): Span {
  const kept = CELLS[look].get(place)
  if (kept !== undefined) return kept
  const cell = newCell(look, place)
  CELLS[look].set(place, cell)
  return cell
}

const CELLS: Readonly<Record<'shades' | 'density', Map<number, Span>>> = {
  shades: new Map(),
  density: new Map(),
}

export const toneOf = (place: number): number => TONE_OF[place]!

const TONE_OF = Uint8Array.from({ length: 4 * MARK }, (_, place) => {
  const [level, mark] = [place % MARK, Math.floor(place / MARK)]
  if (mark === MARKS.cursor) return CURSOR_TONE
  return level === 0 && mark !== MARKS.none ? CROSS_TONE : level
})

function newCell(look: 'shades' | 'density', place: number): Span {
  const [level, mark] = [place % MARK, Math.floor(place / MARK)]
  const sign = LOOKS[look].signs[level]!
  if (mark === MARKS.cursor) return span(level === 0 ? '+' : sign, 'cursor')
  if (level === 0 && mark === MARKS.column) return span('|', 'dim')
  return span(sign, STYLES[look])
}

const STYLES: Readonly<Record<'shades' | 'density', Style>> = { shades: 'accent', density: 'plain' }

/** Nothing was recorded, or not yet read. */
export const GAP_CELL = span('/', 'dim')
export const UNREAD_CELL = span(' ')
