/**
 * Text as terminal cells. All text from packets passes through `visible` before it is shown, so that no byte of a packet can move
 * the cursor, reverse the line or hide text. The width of the result does not depend on the terminal.
 */

/**
 * Controls, format characters (bidi, zero width), lone surrogates, private use, line separators. Also characters whose width differs
 * between terminals: variation selectors, skin tones, flags, keycaps, and the few symbols whose width changed with Unicode 16.
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}\p{Regional_Indicator}\u20e3\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\u{1d300}-\u{1d376}]/gu
/** Visible at a glance: ASCII, and the lines and blocks of which most of a screen consists. */
const SURELY_VISIBLE = /^[ -~\u2500-\u25c0]*$/

/**
 * Commands that CI systems execute from a build log: `##vso[…]` and `##[…]` (Azure, GitHub) and `##teamcity[…]` anywhere, `::name …::`
 * (GitHub) at the start of a line. No address starts like this.
 */
const COMMAND = /#(?=#[a-z]*\[)|(?<=^\s*):(?=:[a-z][\w-]*.*::)/gi
const MAY_BE_COMMAND = /##|::/

/** Escapes every character that is not visible, or that starts a CI command, as \xNN or \u{…}. */
export function visible(text: string): string {
  const safe = MAY_BE_COMMAND.test(text) ? text.replace(COMMAND, escaped) : text
  return SURELY_VISIBLE.test(safe) ? safe : safe.replace(UNSAFE, escaped)
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/** Characters that control a terminal or change the order of its text. Line ends and tabs are allowed. */
const CONTROLS = /(?![\n\t])[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** Tells Excel that a file is UTF-8. */
export const BYTE_ORDER_MARK = '\ufeff'

/** The last check of text that leaves the program. Its parts have passed `visible` before; this escapes controls that did not. */
export const printable = (text: string): string => text.replace(CONTROLS, escaped)

/** One line of text for programs: unlike `visible`, it keeps what only has no certain width on a screen (emoji, flags). */
export const exact = (text: string): string =>
  printable(MAY_BE_COMMAND.test(text) ? text.replace(COMMAND, escaped) : text).replace(/[\n\t]/g, escaped)

/** The same for text in our own colours: only SGR sequences (colours and weights) are kept. */
export const printablePainted = (text: string): string =>
  text
    .split(/(\x1b\[[\d;]*m)/)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('')

/** JSON that is safe to print: control characters for terminals are escaped, and JSON readers decode them. */
export const jsonText = (value: unknown, indent = 2): string =>
  JSON.stringify(value, null, indent).replace(
    CONTROLS_IN_JSON,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const CONTROLS_IN_JSON = new RegExp(`${CONTROLS.source}|#(?=#[a-z]*\\[)`, 'giu')

/** Cells that a text takes on a terminal; the text must be visible. */
export function cellWidth(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 126) return i + cellsFrom(text, i)
  return text.length
}

function cellsFrom(text: string, start: number): number {
  let width = 0
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isBoxOrBlock(code)) width++
    else {
      const character = String.fromCodePoint(text.codePointAt(i)!)
      width += cellsOf(character)
      i += character.length - 1
    }
  }
  return width
}

/** Lines, bars and hatching: most characters on the screen that are not ASCII. */
const isBoxOrBlock = (code: number): boolean => code >= 0x2500 && code <= 0x25c0

/** At most `width` cells; a longer text is cut and ends in `…`. */
export function clip(text: string, width: number): string {
  if (cellWidth(text) <= width) return text
  if (width <= 0) return ''
  return `${headOf(text, width - 1)}…`
}

/** Exactly `width` cells, text at the left. */
export function left(text: string, width: number): string {
  const clipped = clip(text, width)
  return clipped + ' '.repeat(Math.max(0, width - cellWidth(clipped)))
}

/** Exactly `width` cells, text at the right. */
export function right(text: string, width: number): string {
  const clipped = clip(text, width)
  return ' '.repeat(Math.max(0, width - cellWidth(clipped))) + clipped
}

/** The longest beginning that fits into `width` cells. */
export function headOf(text: string, width: number): string {
  let used = 0
  let end = 0
  for (const character of text) {
    used += cellsOf(character)
    if (used > width) break
    end += character.length
  }
  return text.slice(0, end)
}

/** The longest end that fits into `width` cells, after a `…` if the text is cut. */
export function tail(text: string, width: number): string {
  if (cellWidth(text) <= width) return text
  const characters = Array.from(text)
  let used = 1
  let from = characters.length
  while (from > 0 && used + cellsOf(characters[from - 1]!) <= width) used += cellsOf(characters[--from]!)
  return width <= 0 ? '' : `…${characters.slice(from).join('')}`
}

const COMBINING = /^[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7ff]$/u

function cellsOf(character: string): 0 | 1 | 2 {
  const code = character.codePointAt(0)!
  if (code < 0x300) return 1
  if (COMBINING.test(character)) return 0
  return isWide(code) ? 2 : 1
}

/** East Asian Wide and Fullwidth, and emoji that are wide by default (Unicode 15, UAX 11); [first, last] pairs. */
// prettier-ignore
const WIDE: readonly number[] = [
  0x1100, 0x115f, 0x231a, 0x231b, 0x2329, 0x232a, 0x23e9, 0x23ec, 0x23f0, 0x23f0, 0x23f3, 0x23f3, 0x25fd, 0x25fe,
  0x2614, 0x2615, 0x2648, 0x2653, 0x267f, 0x267f, 0x2693, 0x2693, 0x26a1, 0x26a1, 0x26aa, 0x26ab, 0x26bd, 0x26be,
  0x26c4, 0x26c5, 0x26ce, 0x26ce, 0x26d4, 0x26d4, 0x26ea, 0x26ea, 0x26f2, 0x26f3, 0x26f5, 0x26f5, 0x26fa, 0x26fa,
  0x26fd, 0x26fd, 0x2705, 0x2705, 0x270a, 0x270b, 0x2728, 0x2728, 0x274c, 0x274c, 0x274e, 0x274e, 0x2753, 0x2755,
  0x2757, 0x2757, 0x2795, 0x2797, 0x27b0, 0x27b0, 0x27bf, 0x27bf, 0x2b1b, 0x2b1c, 0x2b50, 0x2b50, 0x2b55, 0x2b55,
  0x2e80, 0x303e, 0x3041, 0x3247, 0x3250, 0x4dbf, 0x4e00, 0xa4c6, 0xa960, 0xa97c, 0xac00, 0xd7a3, 0xf900, 0xfaff,
  0xfe10, 0xfe19, 0xfe30, 0xfe6b, 0xff01, 0xff60, 0xffe0, 0xffe6, 0x16fe0, 0x18df2, 0x1aff0, 0x1b2fb, 0x1f004, 0x1f004,
  0x1f0cf, 0x1f0cf, 0x1f18e, 0x1f18e, 0x1f191, 0x1f19a, 0x1f200, 0x1f320, 0x1f32d, 0x1f335, 0x1f337, 0x1f37c,
  0x1f37e, 0x1f393, 0x1f3a0, 0x1f3ca, 0x1f3cf, 0x1f3d3, 0x1f3e0, 0x1f3f0, 0x1f3f4, 0x1f3f4, 0x1f3f8, 0x1f43e,
  0x1f440, 0x1f440, 0x1f442, 0x1f4fc, 0x1f4ff, 0x1f53d, 0x1f54b, 0x1f54e, 0x1f550, 0x1f567, 0x1f57a, 0x1f57a,
  0x1f595, 0x1f596, 0x1f5a4, 0x1f5a4, 0x1f5fb, 0x1f64f, 0x1f680, 0x1f6c5, 0x1f6cc, 0x1f6cc, 0x1f6d0, 0x1f6d2,
  0x1f6d5, 0x1f6d8, 0x1f6dc, 0x1f6df, 0x1f6eb, 0x1f6ec, 0x1f6f4, 0x1f6fc, 0x1f7e0, 0x1f7eb, 0x1f7f0, 0x1f7f0,
  0x1f90c, 0x1f93a, 0x1f93c, 0x1f945, 0x1f947, 0x1f9ff, 0x1fa70, 0x1faff, 0x20000, 0x2fffd, 0x30000, 0x3fffd,
]

function isWide(code: number): boolean {
  for (let i = 0; i < WIDE.length; i += 2) {
    if (code < WIDE[i]!) return false
    if (code <= WIDE[i + 1]!) return true
  }
  return false
}
