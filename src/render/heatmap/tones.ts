/** The tones of a heatmap in xterm's 256 colours. */

/**
 * None, then ever lighter, so that they are told apart without seeing hues; then the cursor, and the lines that lead to it. The first is
 * black on every terminal: brightness means nothing on a ground that is not known.
 */
const TONES = [16, 55, 92, 128, 163, 198, 203, 215, 229, 51, 238] as const
export const HEAT_TONES = 8
export const CURSOR_TONE = 9
export const CROSS_TONE = 10

/**
 * Two tones for each cell, the upper half's first. A cell is drawn by whichever sign needs the fewer changes of colour: a half block in
 * its lower half where the upper one has the ground's tone already. Changes are most of a picture's bytes.
 */
export function paintTones(tones: Uint8Array, cells: number): string {
  let painted = ''
  let [ink, ground] = [-1, -1]
  for (let i = 0; i < 2 * cells; i += 2) {
    const [upper, lower] = [tones[i]!, tones[i + 1]!]
    if (upper === lower) {
      const isInked = upper === ink && upper !== ground
      painted += isInked ? '█' : upper === ground ? ' ' : GROUNDS[upper]![BLANK]!
      if (!isInked) ground = upper
      continue
    }
    const isTurned = changes(lower, upper) < changes(upper, lower)
    const [nextInk, nextGround] = isTurned ? [lower, upper] : [upper, lower]
    const sign = isTurned ? LOWER : UPPER
    if (nextInk === ink) painted += nextGround === ground ? SIGNS[sign]! : GROUNDS[nextGround]![sign]!
    else painted += nextGround === ground ? INKS[nextInk]![sign]! : BOTH[nextInk]![nextGround]![sign]!
    ink = nextInk
    ground = nextGround
  }
  return `${painted}\x1b[0m`

  function changes(nextInk: number, nextGround: number): number {
    return (nextInk === ink ? 0 : 1) + (nextGround === ground ? 0 : 1)
  }
}

const [BLANK, UPPER, LOWER] = [0, 1, 2]
const SIGNS = [' ', '▀', '▄'] as const
/** A change of colours and the sign behind it are one text: a picture has thousands. */
const withSigns = (codes: string): readonly string[] => SIGNS.map((sign) => `\x1b[${codes}m${sign}`)
const INKS = TONES.map((ink) => withSigns(`38;5;${ink}`))
const GROUNDS = TONES.map((ground) => withSigns(`48;5;${ground}`))
const BOTH = TONES.map((ink) => TONES.map((ground) => withSigns(`38;5;${ink};48;5;${ground}`)))
