/** The keys of the page: those of replay, where both have them. A page zooms where a terminal changes its speed. */
export type JumpKind = 'trouble' | 'slow' | 'backend' | 'gap' | 'marker'

export type PageAction =
  | { readonly kind: 'play' | 'help' | 'back' | 'enter' | 'filter' | 'all' }
  /** by rows of the table */
  | { readonly kind: 'row'; readonly by: 1 | -1 }
  /** by seconds, at least by a step */
  | { readonly kind: 'seek'; readonly by: number }
  | { readonly kind: 'end'; readonly end: 'first' | 'last' }
  | { readonly kind: 'tenth'; readonly tenth: number }
  | { readonly kind: 'zoom'; readonly factor: number }
  | { readonly kind: 'sort'; readonly by: 1 | -1 }
  | { readonly kind: 'jump'; readonly to: JumpKind; readonly direction: 1 | -1 }

const jump = (to: JumpKind, direction: 1 | -1): PageAction => ({ kind: 'jump', to, direction })
const seek = (by: number): PageAction => ({ kind: 'seek', by })
const ZOOM = 2

const BINDINGS: Readonly<Record<string, PageAction>> = {
  space: { kind: 'play' },
  '?': { kind: 'help' },
  h: { kind: 'help' },
  escape: { kind: 'back' },
  backspace: { kind: 'back' },
  enter: { kind: 'enter' },
  up: { kind: 'row', by: -1 },
  k: { kind: 'row', by: -1 },
  down: { kind: 'row', by: 1 },
  j: { kind: 'row', by: 1 },
  left: seek(-1),
  right: seek(1),
  'S-left': seek(-10),
  'S-right': seek(10),
  '[': seek(-10),
  ']': seek(10),
  '{': seek(-60),
  '}': seek(60),
  g: { kind: 'end', end: 'first' },
  home: { kind: 'end', end: 'first' },
  G: { kind: 'end', end: 'last' },
  end: { kind: 'end', end: 'last' },
  '+': { kind: 'zoom', factor: 1 / ZOOM },
  '=': { kind: 'zoom', factor: 1 / ZOOM },
  '-': { kind: 'zoom', factor: ZOOM },
  a: { kind: 'all' },
  '/': { kind: 'filter' },
  o: { kind: 'sort', by: 1 },
  '>': { kind: 'sort', by: 1 },
  '<': { kind: 'sort', by: -1 },
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
}

export function pageActionOf(key: string): PageAction | null {
  if (/^[0-9]$/.test(key)) return { kind: 'tenth', tenth: Number(key) }
  return Object.hasOwn(BINDINGS, key) ? BINDINGS[key]! : null
}

/** What the browser says of a key, as replay calls it. null: the browser's own, such as Ctrl-R. */
export function keyName(event: {
  readonly key: string
  readonly shiftKey: boolean
  readonly ctrlKey: boolean
  readonly altKey: boolean
  readonly metaKey: boolean
}): string | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null
  const name = NAMES[event.key] ?? event.key
  return event.shiftKey && (name === 'left' || name === 'right') ? `S-${name}` : name
}

const NAMES: Readonly<Record<string, string>> = {
  ' ': 'space',
  Escape: 'escape',
  Backspace: 'backspace',
  Enter: 'enter',
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  Home: 'home',
  End: 'end',
}

export const PAGE_HELP: readonly (readonly [keys: string, does: string])[] = [
  ['Space', 'play, pause'],
  ['← →', 'a step back, on; with Shift, or [ ], 10 s; { } 1 min'],
  ['g G', 'begin, end; 0 … 9 tenths of the whole'],
  ['+ −', 'zoom in, out; a shows all'],
  ['Drag', 'zooms; a double click goes back out'],
  [
    'e s d x n',
    'next burst of errors, slow-down, backend that comes or goes, gap, marker; capital: previous',
  ],
  ['↑ ↓ Enter', 'choose a row of the table, look closer'],
  ['Esc', 'back: of the rows, then of the moment, then out of the zoom'],
  ['/', 'filter'],
  ['o < >', 'order of the table'],
  ['?', 'this help'],
]
