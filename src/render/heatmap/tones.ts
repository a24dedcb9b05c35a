/** The tones of a heatmap in xterm's 256 colours. */
import type { HeatStyle } from '../line.ts'

/**
 * None, then ever lighter, so that they are told apart without seeing hues; then the cursor, and the lines that lead to it. The first is
 * black on every terminal: brightness means nothing on a ground that is not known.
 */
const TONES = [16, 55, 92, 128, 163, 198, 203, 215, 229, 51, 238] as const
export const HEAT_TONES = 8
export const CURSOR_TONE = 9
export const CROSS_TONE = 10

const FOREGROUNDS = TONES.map((tone) => `\x1b[38;5;${tone}m`)
const BACKGROUNDS = TONES.map((tone) => `\x1b[48;5;${tone}m`)

/** What a terminal must be told before each run of a map, which is only what changes: half of the bytes of a picture. */
export class HeatPen {
  #upper = -1
  #lower = -1

  /** Both halves of one tone are a blank, which needs no foreground. */
  to(style: HeatStyle): string {
    const { upper, lower } = halvesOf(style)
    const foreground = upper === lower || upper === this.#upper ? '' : FOREGROUNDS[upper]!
    const background = lower === this.#lower ? '' : BACKGROUNDS[lower]!
    if (upper !== lower) this.#upper = upper
    this.#lower = lower
    return foreground + background
  }

  /** Before anything else. */
  end(): string {
    if (this.#lower < 0) return ''
    this.#upper = this.#lower = -1
    return '\x1b[0m'
  }
}

interface Halves {
  readonly upper: number
  readonly lower: number
}

/** Kept: a picture has thousands of runs, of a hundred styles. */
function halvesOf(style: HeatStyle): Halves {
  let halves = HALVES.get(style)
  if (halves === undefined) {
    const [, upper, lower] = style.split(' ').map(Number)
    HALVES.set(style, (halves = { upper: upper!, lower: lower! }))
  }
  return halves
}

const HALVES = new Map<HeatStyle, Halves>()
