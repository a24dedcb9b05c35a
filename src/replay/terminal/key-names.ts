/** The names of keys, from characters and from the sequences of terminals. null: it is no key that means anything here. */

/** A visible character, or a name: `up`, `S-left`, `C-right`, `enter`, `escape`, `C-c`, … */
export type Key = string

/** Controls without a name, of either kind, and bytes that are no UTF-8 are no text. */
export const keyOfCharacter = (character: string): Key | null =>
  NAMED[character] ?? (/^[\p{Cc}\p{Cs}\ufffd]$/u.test(character) ? null : character)

/** @param parameters of the CSI sequence: xterm's are `1;2`, kitty's `113;1:3` with the event behind the modifier */
export function csiKey(parameters: string, letter: string): Key | null {
  // Replies of terminals and reports of the mouse are marked as private.
  if (/^[<=>?]/.test(parameters)) return null
  // rxvt sends small letters with Shift.
  if (parameters === '' && /^[abcd]$/.test(letter)) return `S-${ARROWS[letter.toUpperCase()]!}`
  const [first = '', second = '', third = ''] = parameters.split(';')
  const [modifier = '', event] = second.split(':')
  if (event === RELEASED) return null
  const held = Math.max(0, Number(modifier) - 1)
  if (letter === 'u') return keyOfCode(Number(first.split(':')[0]), held)
  if (letter === '~' && first === MODIFY_OTHER_KEYS) return keyOfCode(Number(third), held)
  const name = letter === '~' ? TILDE[first] : letter === 'Z' ? 'S-tab' : ARROWS[letter]
  return name === undefined ? null : prefixOf(held) + name
}

export function ss3Key(letter: string): Key | null {
  // rxvt with Ctrl
  if (/^[abcd]$/.test(letter)) return `C-${ARROWS[letter.toUpperCase()]!}`
  return letter === 'M' ? 'enter' : (ARROWS[letter] ?? null)
}

const RELEASED = '3'
const MODIFY_OTHER_KEYS = '27'

/** xterm's modifiers, less 1: 1 Shift, 2 Alt, 4 Ctrl. */
const [SHIFT, ALT, CTRL] = [1, 2, 4] as const

const prefixOf = (held: number): string => ((held & CTRL) !== 0 ? 'C-' : (held & SHIFT) !== 0 ? 'S-' : '')

/** A terminal in which another program left kitty's or xterm's way of sending keys: else not even Ctrl-C would work. */
function keyOfCode(code: number, held: number): Key | null {
  if (!(code > 0 && code <= 0x10ffff) || (held & ALT) !== 0) return null
  const character = String.fromCodePoint(code)
  if ((held & CTRL) !== 0) return NAMED[String.fromCharCode(code & 0x1f)] ?? null
  return keyOfCharacter((held & SHIFT) !== 0 ? character.toUpperCase() : character)
}

const ARROWS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
}
const TILDE: Readonly<Record<string, string>> = {
  1: 'home',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
}
const NAMED: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x1b': 'escape',
  '\x7f': 'backspace',
  '\b': 'backspace',
  ' ': 'space',
  '\x03': 'C-c',
  '\x04': 'C-d',
  '\x0c': 'C-l',
  '\x15': 'C-u',
  '\x17': 'C-w',
  '\x1a': 'C-z',
}
