/** Styles as escape sequences. The sixteen standard colours are used, because they follow the user's palette. */
import { paintTones } from './heatmap/tones.ts'
import { span, type Line, type Style } from './line.ts'
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
    const isMap = part.tones !== undefined && depth === 'palette'
    if ((isMap || part.style !== style) && part.text !== '') {
      painted += styled(run, style, depth)
      run = ''
      style = part.style
    }
    if (isMap) painted += paintTones(part.tones, part.text.length)
    else run += part.text
  }
  return painted + styled(run, style, depth)
}

/** The last check before the screen: remaining control characters are made visible here. */
function styled(run: string, style: Style, depth: Depth): string {
  const text = visible(run)
  const codes = depth === 'none' ? '' : CODES[depth === 'mono' ? 'mono' : 'colour'][style]
  return codes === '' || text === '' ? text : `\x1b[${codes}m${text}\x1b[0m`
}

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
} as const satisfies Record<'mono' | 'colour', Record<Style, string>>

function trimmedEnd(spans: Line): Line {
  const parts = [...spans]
  for (let last = parts.at(-1); last !== undefined; last = parts.at(-1)) {
    // A blank of a map is a colour.
    if (last.tones !== undefined) return parts
    const text = last.text.trimEnd()
    if (text !== '') return [...parts.slice(0, -1), span(text, last.style)]
    parts.pop()
  }
  return parts
}
