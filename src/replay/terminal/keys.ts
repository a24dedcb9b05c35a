/** Decodes the terminal's input into names of keys. Pure: an incomplete sequence is returned as `rest`. */

/** A visible character, or a name: `up`, `S-left`, `C-right`, `enter`, `escape`, `C-c`, … */
export type Key = string

export interface Decoded {
  readonly keys: readonly Key[]
  /** the beginning of a sequence whose end has not arrived */
  readonly rest: string
}

/** @param final no more input follows soon, so that an ESC at the end is the Escape key */
export function decodeKeys(input: string, final: boolean): Decoded {
  const keys: Key[] = []
  let at = 0
  while (at < input.length) {
    const sequence = SEQUENCE.exec(input.slice(at))
    if (sequence !== null) {
      const key = keyOf(sequence)
      if (key !== null) keys.push(key)
      at += sequence[0].length
    } else if (!final && INCOMPLETE.test(input.slice(at))) {
      break
    } else {
      const character = String.fromCodePoint(input.codePointAt(at)!)
      const key = NAMED[character] ?? (character >= ' ' ? character : null)
      if (key !== null) keys.push(key)
      at += character.length
    }
  }
  return { keys, rest: input.slice(at) }
}

/** CSI and SS3 sequences (ECMA-48; xterm's modifiers are `1;2` and so on). */
const SEQUENCE = /^\x1b(?:\[([0-9;<=>?]*)[ -/]*([@-~])|O(\d*)([@-~]))/
const INCOMPLETE = /^\x1b(?:$|\[[0-9;<=>?]*[ -/]*$|O\d*$)/

function keyOf([, parameters = '', final = '', , single = '']: RegExpExecArray): Key | null {
  const letter = final + single
  // rxvt sends small letters: ESC [ c for Shift, ESC O c for Ctrl
  if (/^[abcd]$/.test(letter)) return (single === '' ? 'S-' : 'C-') + ARROWS[letter.toUpperCase()]!
  const [first = '', modifier = '1'] = parameters.split(';')
  const name = letter === '~' ? TILDE[first] : letter === 'Z' ? 'S-tab' : ARROWS[letter]
  return name === undefined ? null : modifierPrefix(Number(modifier)) + name
}

/** xterm: 1 + 1 Shift + 2 Alt + 4 Ctrl. */
const modifierPrefix = (modifier: number): string =>
  ((modifier - 1) & 4) !== 0 ? 'C-' : ((modifier - 1) & 1) !== 0 ? 'S-' : ''

const ARROWS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  M: 'enter',
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
