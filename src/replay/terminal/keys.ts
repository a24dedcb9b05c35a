/** Decodes the terminal's input into keys and pasted text. Pure: what has begun and not ended is returned as `rest`. */
import { csiKey, keyOfCharacter, ss3Key, type Key } from './key-names.ts'

/** Text that the terminal marks as pasted (bracketed paste, xterm's mode 2004). It is never a command. */
export interface Pasted {
  readonly pasted: string
}

export type Press = Key | Pasted

export interface Decoded {
  readonly presses: readonly Press[]
  /** the beginning of a sequence or of a paste whose end has not arrived */
  readonly rest: string
}

/** @param final nothing has followed for as long as `patience` says */
export function decodeKeys(input: string, final: boolean): Decoded {
  const presses: Press[] = []
  let at = 0
  while (at < input.length) {
    const { length, press } = first(input.slice(at), final)
    if (length === 0) break
    if (press !== null) presses.push(press)
    at += length
  }
  return { presses, rest: bounded(input.slice(at)) }
}

/** ESC is the Escape key if nothing follows it within this time, ms. */
const ESCAPE_DELAY = 100
/** A paste, or a reply of the terminal, whose end does not come: the keyboard works again after this silence, ms. */
const SILENCE = 2000

/**
 * How long to wait for what follows `rest`, ms. null: until it comes, because its next character ends it. On a slow line a sequence
 * may arrive in pieces, and its end must not become a key.
 */
export function patience(rest: string): number | null {
  if (/^\x1b{1,2}[P\]X^_]?$/.test(rest)) return ESCAPE_DELAY
  return rest.startsWith(PASTE_BEGIN) || STRING_BEGIN.test(rest) ? SILENCE : null
}

/**
 * Whether a terminal that does not mark what is pasted has sent a paste: nobody types so many different characters at once. A key that
 * is held repeats itself.
 */
export function looksPasted(presses: readonly Press[]): boolean {
  if (presses.includes('C-c')) return false
  const typed = presses.filter((press) => typeof press === 'string' && isTyped(press))
  return typed.length >= FEWEST_PASTED && new Set(typed).size >= FEWEST_DIFFERENT
}

const FEWEST_PASTED = 5
const FEWEST_DIFFERENT = 3
const isTyped = (key: Key): boolean => isText(key) || key === 'enter'

/** A character that a prompt takes as it is. */
export const isText = (key: Key): boolean => key === 'space' || Array.from(key).length === 1

/** What the input begins with. length 0: its end has not arrived. */
interface First {
  readonly length: number
  readonly press: Press | null
}

const PASTE_BEGIN = '\x1b[200~'
const PASTE_END = '\x1b[201~'
/** Replies of terminals: DCS, OSC, SOS, PM and APC strings (ECMA-48), which ST or BEL ends. */
const STRING = /^\x1b[P\]X^_][^\x00-\x1f]*(?:\x07|\x1b\\)/
const STRING_BEGIN = /^\x1b[P\]X^_][^\x00-\x1f]+\x1b?$|^\x1b[P\]X^_]$/
/** xterm's oldest report of the mouse: three characters follow. The Linux console's F1 to F5 have two brackets. */
const WITHOUT_KEY = /^\x1b\[(?:M[^\x00-\x1f]{3}|\[[@-~])/
/** CSI and SS3 sequences (ECMA-48). rxvt sends one more ESC with Alt. */
const CSI = /^\x1b{1,2}\[([0-?]*)[ -/]*([@-~])/
const SS3 = /^\x1b{1,2}O\d*([@-~])/
const UNFINISHED = /^\x1b{1,2}(?:\[(?:M[^\x00-\x1f]{0,2}|\[|[0-?]*[ -/]*)|O\d*)$/
/** Begun, and then something came that cannot belong to it. */
const BROKEN = /^\x1b(?:\x1b?(?:\[(?:M[^\x00-\x1f]*|\[|[0-?]*[ -/]*)|O\d*)|[P\]X^_][^\x00-\x1f]*)/
/** Alt and a key, none of which means anything here. */
const ALT = /^\x1b[^\x00-\x07\x0b\x0c\x0e-\x1f]/u

function first(text: string, final: boolean): First {
  if (!text.startsWith('\x1b')) {
    const character = String.fromCodePoint(text.codePointAt(0)!)
    return { length: character.length, press: keyOfCharacter(character) }
  }
  if (text.startsWith(PASTE_BEGIN)) return paste(text, final)
  const silent = STRING.exec(text) ?? WITHOUT_KEY.exec(text)
  if (silent !== null) return { length: silent[0].length, press: null }
  if (UNFINISHED.test(text) || (!final && isOpen(text))) return { length: 0, press: null }
  const csi = CSI.exec(text)
  if (csi !== null) return { length: csi[0].length, press: csiKey(csi[1]!, csi[2]!) }
  const ss3 = SS3.exec(text)
  if (ss3 !== null) return { length: ss3[0].length, press: ss3Key(ss3[1]!) }
  const lost = BROKEN.exec(text) ?? ALT.exec(text)
  return lost === null ? { length: 1, press: 'escape' } : { length: lost[0].length, press: null }
}

const isOpen = (text: string): boolean => /^\x1b{1,2}$/.test(text) || STRING_BEGIN.test(text)

function paste(text: string, final: boolean): First {
  const end = text.indexOf(PASTE_END)
  if (end < 0 && !final) return { length: 0, press: null }
  const whole = end < 0 ? text : text.slice(0, end)
  const length = end < 0 ? text.length : end + PASTE_END.length
  return { length, press: { pasted: whole.slice(PASTE_BEGIN.length, PASTE_BEGIN.length + MOST_PASTED) } }
}

/** Characters of a paste that are kept: more than any prompt has use for. */
const MOST_PASTED = 4096

/** Megabytes may be pasted: the middle is dropped, the beginning of the end mark is kept. */
function bounded(rest: string): string {
  const most = PASTE_BEGIN.length + MOST_PASTED
  return rest.length <= most + PASTE_END.length
    ? rest
    : rest.slice(0, most) + rest.slice(1 - PASTE_END.length)
}
