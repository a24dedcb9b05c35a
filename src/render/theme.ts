/** Styles as escape sequences. The sixteen standard colours are used, because they follow the user's palette. */
import { span, type HeatStyle, type Line, type NamedStyle, type Style } from './line.ts'
import { visible } from './text.ts'

/**
 * none: no escape sequences; mono: only bold, dim and reverse (NO_COLOR, monochrome terminals); colour: the sixteen colours; palette:
 * xterm's 256, too.
 */
export type Depth = 'none' | 'mono' | 'colour' | 'palette'

export function paint(spans: Line, depth: Depth): string {
  let painted = ''
  // Adjacent spans of the same style share one sequence.
  let run = ''
  let style: Style = 'plain'
  for (const part of spans) {
    if (part.style !== style && part.text !== '') {
      painted += styled(run, style, depth)
      run = ''
      style = part.style
    }
    run += part.text
  }
  return painted + styled(run, style, depth)
}

/** The last check before the screen: remaining control characters are made visible here. */
function styled(run: string, style: Style, depth: Depth): string {
  const text = visible(run)
  const codes = codesOf(style, depth)
  return codes === '' || text === '' ? text : `\x1b[${codes}m${text}\x1b[0m`
}

function codesOf(style: Style, depth: Depth): string {
  if (depth === 'none') return ''
  if (!isHeat(style)) return CODES[depth === 'mono' ? 'mono' : 'colour'][style]
  return depth === 'palette' ? heatCodes(style) : ''
}

const isHeat = (style: Style): style is HeatStyle => style.startsWith('heat ')

/** Foreground and background of a `▀`. */
function heatCodes(style: HeatStyle): string {
  const [, upper, lower] = style.split(' ')
  return `38;5;${TONES[Number(upper)]!};48;5;${TONES[Number(lower)]!}`
}

/**
 * Tones of a heatmap: none, then ever lighter, so that they are told apart without seeing hues; then the cursor, and the lines that lead to
 * it. The first is black on every terminal: brightness means nothing on a ground that is not known.
 */
const TONES = [16, 55, 92, 128, 163, 198, 203, 215, 229, 51, 238] as const
export const HEAT_TONES = 8
export const CURSOR_TONE = 9
export const CROSS_TONE = 10

/** As printed text: without trailing blanks. */
export const printed = (spans: Line, depth: Depth): string =>
  depth === 'none' ? paint(spans, depth).trimEnd() : paint(trimmedEnd(spans), depth)

const CODES = {
  mono: {
    plain: '',
    dim: '2',
    bold: '1',
    accent: '1',
    good: '',
    warn: '1',
    bad: '1',
    selected: '7',
    cursor: '7',
  },
  colour: {
    plain: '',
    dim: '2',
    bold: '1',
    accent: '36',
    good: '32',
    warn: '33',
    bad: '1;31',
    selected: '7',
    cursor: '1;7',
  },
} as const satisfies Record<'mono' | 'colour', Record<NamedStyle, string>>

function trimmedEnd(spans: Line): Line {
  const parts = [...spans]
  for (let last = parts.at(-1); last !== undefined; last = parts.at(-1)) {
    // A blank of a map is a colour.
    if (isHeat(last.style)) return parts
    const text = last.text.trimEnd()
    if (text !== '') return [...parts.slice(0, -1), span(text, last.style)]
    parts.pop()
  }
  return parts
}
