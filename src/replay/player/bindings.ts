/** Keys, their actions, and their texts in footer and help. They are in one file, so that no key is undocumented. */
import type { Key } from '../terminal/key-names.ts'

export type JumpKind = 'trouble' | 'slow' | 'backend' | 'gap' | 'marker'

export type Action =
  | {
      readonly kind:
        | 'quit'
        | 'help'
        | 'back'
        | 'enter'
        | 'play'
        | 'reverse'
        | 'live'
        | 'command'
        | 'suspend'
        | 'redraw'
        | 'heatmap'
        | 'zoom'
    }
  | { readonly kind: 'move'; readonly by: number }
  | { readonly kind: 'page'; readonly by: 1 | -1 }
  | { readonly kind: 'sort'; readonly by: 1 | -1 }
  | { readonly kind: 'window' }
  | { readonly kind: 'prompt'; readonly prompt: PromptKind }
  /** by seconds of the recording */
  | { readonly kind: 'seek'; readonly by: number }
  /** by stops */
  | { readonly kind: 'step'; readonly by: 1 | -1 }
  | { readonly kind: 'speed'; readonly by: 1 | -1 }
  | { readonly kind: 'end'; readonly end: 'first' | 'last' }
  | { readonly kind: 'tenth'; readonly tenth: number }
  | { readonly kind: 'jump'; readonly to: JumpKind; readonly direction: 1 | -1 }

export type PromptKind = 'filter' | 'time' | 'marker'

const jump = (to: JumpKind, direction: 1 | -1): Action => ({ kind: 'jump', to, direction })
const seek = (by: number): Action => ({ kind: 'seek', by })

const BINDINGS: Readonly<Record<Key, Action>> = {
  q: { kind: 'quit' },
  'C-c': { kind: 'quit' },
  '?': { kind: 'help' },
  h: { kind: 'help' },
  escape: { kind: 'back' },
  backspace: { kind: 'back' },
  enter: { kind: 'enter' },
  up: { kind: 'move', by: -1 },
  k: { kind: 'move', by: -1 },
  down: { kind: 'move', by: 1 },
  j: { kind: 'move', by: 1 },
  pageup: { kind: 'page', by: -1 },
  pagedown: { kind: 'page', by: 1 },
  '<': { kind: 'sort', by: -1 },
  '>': { kind: 'sort', by: 1 },
  o: { kind: 'sort', by: 1 },
  w: { kind: 'window' },
  H: { kind: 'heatmap' },
  z: { kind: 'zoom' },
  '/': { kind: 'prompt', prompt: 'filter' },
  b: { kind: 'prompt', prompt: 'time' },
  ':': { kind: 'prompt', prompt: 'time' },
  m: { kind: 'prompt', prompt: 'marker' },
  space: { kind: 'play' },
  R: { kind: 'reverse' },
  left: seek(-1),
  right: seek(1),
  'S-left': seek(-10),
  'S-right': seek(10),
  '[': seek(-10),
  ']': seek(10),
  'C-left': seek(-60),
  'C-right': seek(60),
  '{': seek(-60),
  '}': seek(60),
  t: { kind: 'step', by: 1 },
  T: { kind: 'step', by: -1 },
  '+': { kind: 'speed', by: 1 },
  '=': { kind: 'speed', by: 1 },
  '-': { kind: 'speed', by: -1 },
  g: { kind: 'end', end: 'first' },
  home: { kind: 'end', end: 'first' },
  G: { kind: 'end', end: 'last' },
  end: { kind: 'end', end: 'last' },
  e: jump('trouble', 1),
  E: jump('trouble', -1),
  s: jump('slow', 1),
  S: jump('slow', -1),
  d: jump('backend', 1),
  D: jump('backend', -1),
  x: jump('gap', 1),
  X: jump('gap', -1),
  n: jump('marker', 1),
  N: jump('marker', -1),
  y: { kind: 'command' },
  L: { kind: 'live' },
  'C-z': { kind: 'suspend' },
  'C-l': { kind: 'redraw' },
}

export function actionOf(key: Key): Action | null {
  if (/^[0-9]$/.test(key)) return { kind: 'tenth', tenth: Number(key) }
  return Object.hasOwn(BINDINGS, key) ? BINDINGS[key]! : null
}

/** The keys of a hint or of the help in ASCII: `<>` would be the keys for the order. */
export const keysInAscii = (keys: string): string =>
  keys
    .replace(/[←→↑↓⏎]/g, (sign) => ` ${KEY_WORDS[sign]!} `)
    .replace(/ +/g, ' ')
    .trim()

const KEY_WORDS: Readonly<Record<string, string>> = {
  '←': 'Left',
  '→': 'Right',
  '↑': 'Up',
  '↓': 'Down',
  '⏎': 'Enter',
}

/** A hint in the footer: which keys, and what for. */
export interface Hint {
  readonly keys: string
  readonly does: string
}

const hint = (keys: string, does: string): Hint => ({ keys, does })

/** The state of the player that decides which hints are shown. */
export interface HintState {
  /** there is a tick */
  readonly started: boolean
  /** playing, or live */
  readonly moving: boolean
  /** the player can go back to live */
  readonly live: boolean
  readonly mark: boolean
  readonly command: boolean
}

export type PageKind = 'board' | 'detail' | 'requests' | 'heatmap' | 'cell'

/** What the keys do now. The most useful come first, because a narrow screen shows only the first ones. */
export function hintsFor(page: PageKind | 'help', now: HintState): Hint[] {
  const always = [hint('?', page === 'help' ? 'close' : 'help'), hint('q', 'quit')]
  if (!now.started) return always
  const forPage: Readonly<Record<typeof page, readonly Hint[]>> = {
    board: [hint('↑↓ ⏎', 'look closer'), hint('/', 'filter'), hint('H', 'heatmap'), hint('o', 'order')],
    detail: [hint('Esc', 'back'), hint('↑↓ ⏎', 'look closer'), hint('H', 'heatmap')],
    heatmap: [hint('Esc', 'back'), hint('↑↓', 'time'), hint('⏎', 'its requests'), hint('z', 'zoom')],
    cell: [hint('Esc', 'back'), hint('↑↓', 'scroll')],
    requests: [hint('Esc', 'back'), hint('↑↓', 'scroll')],
    // The help page itself shows whether there is more.
    help: [],
  }
  return [
    ...always,
    hint('space', now.moving ? 'pause' : 'play'),
    hint('←→', '1s'),
    ...forPage[page],
    hint('e', '5xx'),
    hint('s', 'slow'),
    hint('d', 'backends'),
    hint('x', 'gap'),
    hint('n', 'marker'),
    ...(now.live ? [hint('L', 'live')] : []),
    hint('b', 'go to'),
    hint('w', 'window'),
    hint('+-', 'speed'),
    hint('R', 'reverse'),
    ...(now.mark ? [hint('m', 'mark')] : []),
    ...(now.command ? [hint('y', 'command')] : []),
  ]
}

interface HelpGroup {
  readonly title: string
  readonly keys: readonly (readonly [string, string])[]
}

export const helpFor = (isAscii: boolean): readonly HelpGroup[] =>
  isAscii
    ? HELP.map(({ title, keys }) => ({ title, keys: keys.map(([key, does]) => [keysInAscii(key), does]) }))
    : HELP

/** The help page: groups of keys and their words. */
export const HELP: readonly HelpGroup[] = [
  {
    title: 'Time',
    keys: [
      ['Space', 'play, pause'],
      ['← →', '1 s back, on'],
      ['Shift ← →', '10 s; also [ ]'],
      ['Ctrl ← →', '1 min; also { }'],
      ['t T', 'a tick on, back'],
      ['+ -', 'speed 0.25 to 64'],
      ['R', 'reverse'],
      ['g G', 'begin, end'],
      ['0 … 9', 'tenths of the whole'],
      ['b :', 'go to 14:02, -5m, @marker'],
      ['L', 'back to live'],
    ],
  },
  {
    title: 'Next (capital: previous)',
    keys: [
      ['e', 'burst of 5xx or failures'],
      ['s', 'slow-down'],
      ['d', 'backend comes or goes'],
      ['x', 'gap'],
      ['n', 'marker'],
    ],
  },
  {
    title: 'Looking closer',
    keys: [
      ['↑ ↓', 'choose a row'],
      ['Enter', 'backend › route › requests'],
      ['Esc', 'back'],
      ['/', 'filter backends and routes'],
      ['o < >', 'order'],
      ['w', 'window 1, 5, 10, 60 s'],
      ['H', 'heatmap of header times'],
      ['z', 'its columns: 1, 10, 60 s'],
    ],
  },
  {
    title: 'Else',
    keys: [
      ['m', 'set a marker here'],
      ['y', 'command of this frame'],
      ['Ctrl-Z', 'suspend'],
      ['? q', 'help, quit'],
    ],
  },
]
