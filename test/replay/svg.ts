/**
 * Draws a terminal's screen, as tmux captures it with escape sequences, as SVG. Block characters are drawn, so that no font
 * leaves gaps.
 */
import { cellWidth } from '../../src/render/text.ts'

const [WIDTH, HEIGHT, MARGIN] = [8.4, 18, 14]
const BACKGROUND = '#0d1117'
const FOREGROUND = '#d7dde4'
/** The 16 terminal colours. */
// prettier-ignore
const PALETTE = [
  '#484f58', '#ff7b72', '#56d364', '#e3b341', '#6cb6ff', '#d2a8ff', '#56d4dd', '#c9d1d9',
  '#6e7681', '#ffa198', '#7ee787', '#f2cc60', '#9ecbff', '#e2c5ff', '#76e3ea', '#f0f6fc',
]

interface Look {
  readonly colour: string
  /** null: that of the terminal */
  readonly ground: string | null
  readonly bold: boolean
  readonly dim: boolean
  readonly inverse: boolean
}
const PLAIN: Look = { colour: FOREGROUND, ground: null, bold: false, dim: false, inverse: false }

export function svgOf(painted: string, columns: number, rows: number, title: string): string {
  const width = columns * WIDTH + 2 * MARGIN
  const height = rows * HEIGHT + 2 * MARGIN
  const lines = painted.split('\n').slice(0, rows)
  const pen = new Pen()
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(1)} ${height}" width="${width.toFixed(0)}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    ...lines.flatMap((line, row) => pen.line(line, MARGIN + row * HEIGHT)),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** Keeps attributes until they are reset, across line ends. */
class Pen {
  #look = PLAIN

  line(line: string, top: number): string[] {
    let column = 0
    return line.split(/(\x1b\[[0-9;]*m)/).flatMap((part) => {
      const codes = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1]
      if (codes !== undefined) {
        this.#look = lookAfter(this.#look, codes)
        return []
      }
      const left = MARGIN + column * WIDTH
      column += cellWidth(part)
      return part === '' ? [] : partElements(part, left, top, this.#look)
    })
  }
}

function lookAfter(look: Look, codes: string): Look {
  const numbers = (codes === '' ? '0' : codes).split(';').map(Number)
  let now = look
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i]!
    // 38;5;N and 48;5;N: one of 256 colours
    if (code === 38 || code === 48) {
      const colour = colourOf(numbers[(i += 2)]!)
      now = code === 38 ? { ...now, colour } : { ...now, ground: colour }
    } else now = lookWith(now, code)
  }
  return now
}

function lookWith(now: Look, code: number): Look {
  if (code === 0) return PLAIN
  if (code === 1) return { ...now, bold: true }
  if (code === 2) return { ...now, dim: true }
  if (code === 7) return { ...now, inverse: true }
  if (code === 39) return { ...now, colour: FOREGROUND }
  if (code === 49) return { ...now, ground: null }
  if (code >= 30 && code <= 37) return { ...now, colour: PALETTE[code - 30]! }
  return now
}

/** xterm's palette: 16 colours, a cube of 6×6×6, 24 greys. */
function colourOf(index: number): string {
  if (index < 16) return PALETTE[index]!
  if (index >= 232) return hex(Array.from({ length: 3 }, () => 8 + 10 * (index - 232)))
  const cube = index - 16
  return hex(
    [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) =>
      step === 0 ? 0 : 55 + 40 * step,
    ),
  )
}

const hex = (channels: readonly number[]): string =>
  `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`

function partElements(text: string, left: number, top: number, look: Look): string[] {
  const behind = look.inverse ? look.colour : look.ground
  const ground = behind === null ? [] : [rect(left, top, cellWidth(text) * WIDTH, HEIGHT, behind, 1)]
  const ink = look.inverse ? BACKGROUND : look.colour
  const opacity = look.dim ? 0.6 : 1
  const blocks: string[] = []
  let column = 0
  // A drawn character leaves a blank in the text, so that the rest keeps its position.
  const rest = Array.from(text, (character) => {
    const drawn = blockOf(character, left + column * WIDTH, top, ink, opacity)
    column += cellWidth(character)
    if (drawn !== null) blocks.push(drawn)
    return drawn === null ? character : ' '
  }).join('')
  return [...ground, ...blocks, ...words(rest, left, top, ink, opacity, look.bold)]
}

/** Places each word separately: fonts differ in width, columns must not. */
function words(
  text: string,
  left: number,
  top: number,
  ink: string,
  opacity: number,
  bold: boolean,
): string[] {
  return [...text.matchAll(/\S+/g)].map((match) => {
    const x = left + cellWidth(text.slice(0, match.index)) * WIDTH
    const attributes = [
      `x="${x.toFixed(1)}" y="${(top + 13.5).toFixed(1)}" fill="${ink}"`,
      `textLength="${(cellWidth(match[0]) * WIDTH).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`,
      ...(opacity < 1 ? [`opacity="${opacity}"`] : []),
      ...(bold ? ['font-weight="bold"'] : []),
    ]
    return `<text ${attributes.join(' ')}>${escaped(match[0])}</text>`
  })
}

function blockOf(character: string, left: number, top: number, ink: string, opacity: number): string | null {
  const code = character.codePointAt(0)!
  if (code === 0x2591) return rect(left, top, WIDTH, HEIGHT, ink, 0.3 * opacity)
  if (code === 0x2580) return rect(left, top, WIDTH, HEIGHT / 2, ink, opacity)
  // ▁ to █ grow upward, █ to ▏ shrink to the left
  if (code >= 0x2581 && code <= 0x2588) {
    const height = (HEIGHT * (code - 0x2580)) / 8
    return rect(left, top + HEIGHT - height, WIDTH, height, ink, opacity)
  }
  if (code > 0x2588 && code <= 0x258f)
    return rect(left, top, (WIDTH * (0x2590 - code)) / 8, HEIGHT, ink, opacity)
  return null
}

function rect(x: number, y: number, width: number, height: number, fill: string, opacity: number): string {
  const place = [x, y, width + 0.05, height].map((value) => value.toFixed(2))
  const faint = opacity < 1 ? ` opacity="${opacity.toFixed(2)}"` : ''
  return `<rect x="${place[0]!}" y="${place[1]!}" width="${place[2]!}" height="${place[3]!}" fill="${fill}"${faint}/>`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
