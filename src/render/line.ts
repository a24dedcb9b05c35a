/** A line of the screen: spans of visible text, each with a style. The theme decides how a style looks. */
import { cellWidth, headOf } from './text.ts'

export type Style =
  | 'plain'
  | 'dim'
  | 'bold'
  | 'accent'
  | 'good'
  | 'warn'
  | 'bad'
  | 'selected'
  /** the position in time */
  | 'cursor'

export interface Span {
  readonly text: string
  readonly style: Style
  /**
   * Of a part of a heatmap whose cells are halved: the tone of the upper and of the lower half of each cell of the text, in place of a
   * style; the theme has their colours. One span instead of a hundred.
   */
  readonly tones?: Uint8Array
}
export type Line = readonly Span[]

export const EMPTY: Line = []
export const span = (text: string, style: Style = 'plain'): Span => ({ text, style })
export const line = (text: string, style: Style = 'plain'): Line => [span(text, style)]

const BLANKS: readonly Span[] = Array.from({ length: 256 }, (_, width) => span(' '.repeat(width)))
/** Cached, because most of a table is blank. */
export const blank = (width: number): Span => BLANKS[width] ?? span(' '.repeat(width))

export function lineWidth(spans: Line): number {
  let width = 0
  for (const { text } of spans) width += cellWidth(text)
  return width
}
export const lineText = (spans: Line): string => spans.map(({ text }) => text).join('')

/** At most `width` cells. What does not fit is cut, not wrapped. */
export const clipLine = (spans: Line, width: number): Line =>
  lineWidth(spans) <= width ? spans : cutLine(spans, width)

function cutLine(spans: Line, width: number): Line {
  const clipped: Span[] = []
  let room = width
  for (const part of spans) {
    const cells = cellWidth(part.text)
    if (cells <= room) {
      clipped.push(part)
      room -= cells
    } else {
      clipped.push(span(headOf(part.text, room), part.style))
      break
    }
  }
  return clipped
}

/** Exactly `width` cells. */
export function padLine(spans: Line, width: number): Line {
  const room = width - lineWidth(spans)
  if (room > 0) return [...spans, blank(room)]
  return room === 0 ? spans : padLine(cutLine(spans, width), width)
}

/** Joins the parts that fit into `width` with `between`. A part is shown whole or not at all. */
export function joinFitting(parts: readonly Line[], between: string, width: number): Line {
  const joined: Span[] = []
  let room = width
  for (const part of parts) {
    const gap = joined.length === 0 ? 0 : cellWidth(between)
    const cells = lineWidth(part) + gap
    if (cells > room) continue
    if (gap > 0) joined.push(span(between, 'dim'))
    joined.push(...part)
    room -= cells
  }
  return joined
}
