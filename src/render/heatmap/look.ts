/** How a terminal shows brightness: coloured halves of cells, shades, or characters that are ever denser. */
import { CROSS_TONE, CURSOR_TONE, HEAT_TONES, type Depth } from '../theme.ts'
import { span, type NamedStyle, type Span } from '../line.ts'

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
export type Mark = 'none' | 'cursor' | 'column' | 'row'

interface Half {
  readonly level: number
  readonly mark: Mark
}

/** One cell; of looks with one row a line `lower` is not used. */
export function heatCell(look: Look, upper: Half, lower: Half): Span {
  if (look !== 'halves') return signCell(look, upper)
  const [top, bottom] = [toneOf(upper), toneOf(lower)]
  // A blank costs the terminal and us less than a half block.
  return span(top === bottom ? ' ' : '▀', `heat ${top} ${bottom}`)
}

function toneOf({ level, mark }: Half): number {
  if (mark === 'cursor') return CURSOR_TONE
  return level === 0 && mark !== 'none' ? CROSS_TONE : level
}

function signCell(look: 'shades' | 'density', { level, mark }: Half): Span {
  const sign = LOOKS[look].signs[level]!
  if (mark === 'cursor') return span(level === 0 ? '+' : sign, 'cursor')
  if (level === 0 && mark === 'column') return span('|', 'dim')
  return span(sign, STYLES[look])
}

const STYLES: Readonly<Record<'shades' | 'density', NamedStyle>> = { shades: 'accent', density: 'plain' }

/** Nothing was recorded, or not yet read. */
export const GAP_CELL = span('/', 'dim')
export const UNREAD_CELL = span(' ')
