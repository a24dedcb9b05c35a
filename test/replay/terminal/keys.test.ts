import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { actionOf, HELP, hintsFor } from '../../../src/replay/player/bindings.ts'
import { decodeKeys, looksPasted, patience } from '../../../src/replay/terminal/keys.ts'

const keys = (input: string, final = true): readonly unknown[] => decodeKeys(input, final).presses

test('arrows with and without modifiers are decoded, as xterm, the console and rxvt send them', () => {
  assert.deepEqual(keys('\u001b[A\u001b[B\u001b[C\u001b[D'), ['up', 'down', 'right', 'left'])
  assert.deepEqual(keys('\u001bOA\u001bOD'), ['up', 'left'])
  assert.deepEqual(keys('\u001b[1;2C\u001b[1;2D'), ['S-right', 'S-left'])
  assert.deepEqual(keys('\u001b[1;5C\u001b[1;5D'), ['C-right', 'C-left'])
  assert.deepEqual(keys('\u001b[c\u001bOc'), ['S-right', 'C-right'])
})

test('named keys are decoded', () => {
  assert.deepEqual(keys('\r \u007f\t'), ['enter', 'space', 'backspace', 'tab'])
  assert.deepEqual(keys('\u001b[H\u001b[F\u001b[5~\u001b[6~\u001b[1~'), [
    'home',
    'end',
    'pageup',
    'pagedown',
    'home',
  ])
  assert.deepEqual(keys('\u0003\u001a\u000c'), ['C-c', 'C-z', 'C-l'])
})

test('text is decoded character by character, wide ones too', () => {
  assert.deepEqual(keys('a商😀'), ['a', '商', '😀'])
})

test('a lone ESC is Escape only when nothing follows it', () => {
  assert.deepEqual(decodeKeys('\u001b', false), { presses: [], rest: '\u001b' })
  assert.deepEqual(keys('\u001b'), ['escape'])
  assert.deepEqual(decodeKeys('q\u001b[1;', false), { presses: ['q'], rest: '\u001b[1;' })
})

test('a sequence that has begun is waited for, whatever the silence, and its end is no key', () => {
  for (const begun of [
    '\u001b[',
    '\u001b[1',
    '\u001b[1;',
    '\u001bO',
    '\u001b[[',
    '\u001b[M',
    '\u001b[M !',
    '\u001b[1 ',
  ]) {
    assert.deepEqual(decodeKeys(begun, true), { presses: [], rest: begun }, JSON.stringify(begun))
    assert.equal(patience(begun), null)
  }
  assert.notEqual(patience('\u001b'), null)
})

test('a sequence that breaks off is dropped, and what broke it counts: Ctrl-C always does', () => {
  assert.deepEqual(keys('\u001b[1;\u0003'), ['C-c'])
  assert.deepEqual(keys('\u001b[\r'), ['enter'])
  assert.deepEqual(keys('\u001b[12\u001b[A'), ['up'])
  assert.deepEqual(keys('\u001b]11;rgb:\u0003'), ['C-c'])
})

const REPLIES: Readonly<Record<string, string>> = {
  'device attributes': '\u001b[?62;4c',
  'secondary device attributes': '\u001b[>41;354;0c',
  'cursor position': '\u001b[24;80R',
  'mode report': '\u001b[?2026;2$y',
  'kitty flags': '\u001b[?1u',
  'size in cells': '\u001b[8;30;100t',
  'mouse, SGR': '\u001b[<0;1;1M\u001b[<0;1;1m',
  'mouse, X10': '\u001b[M q%',
  'mouse, urxvt': '\u001b[32;10;5M',
  focus: '\u001b[I\u001b[O',
  'colour, ended by ST': '\u001b]11;rgb:1e1e/1e1e/1e1e\u001b\\',
  'colour, ended by BEL': '\u001b]11;rgb:1e1e/1e1e/1e1e\u0007',
  version: '\u001bP>|tmux 3.3q\u001b\\',
  graphics: '\u001b_Gi=1;OK\u001b\\',
  'end of a paste alone': '\u001b[201~',
  'Alt and a letter': '\u001bq',
  'Linux console F4': '\u001b[[D',
  'a released key': '\u001b[113;1:3u\u001b[1;1:3C',
  'controls of eight bits': '\u009b\u0000\ufffd',
}
for (const [name, reply] of Object.entries(REPLIES)) {
  test(`no key, however it is cut: ${name}`, () => {
    for (let cut = 0; cut < reply.length; cut++) {
      const first = decodeKeys(reply.slice(0, cut), false)
      const { presses, rest } = decodeKeys(first.rest + reply.slice(cut), true)
      assert.deepEqual([...first.presses, ...presses, rest], [''], `cut at ${cut}`)
    }
  })
}

test('Ctrl-C and letters work where another program left its own way of sending keys', () => {
  assert.deepEqual(keys('\u001b[99;5u\u001b[27;5;99~\u001b[113u\u001b[27u'), ['C-c', 'C-c', 'q', 'escape'])
  assert.deepEqual(keys('\u001b[103;2u\u001b[113;3u'), ['G'])
})

test('Alt with an arrow is the arrow, as rxvt and xterm send it', () => {
  assert.deepEqual(keys('\u001b\u001b[C\u001b[1;3C'), ['right', 'right'])
})

test('marked text is one paste, with all that looks like a key in it', () => {
  const paste = '\u001b[200~quit\r\u0003\u001b[A\u001b[201~'
  assert.deepEqual(keys(`e${paste}s`), ['e', { pasted: 'quit\r\u0003\u001b[A' }, 's'])
  for (let cut = 6; cut < paste.length; cut++) {
    const first = decodeKeys(paste.slice(0, cut), false)
    assert.deepEqual(first.presses, [])
    assert.deepEqual(decodeKeys(first.rest + paste.slice(cut), false).presses, keys(paste))
  }
})

test('a paste without an end is over after a silence; megabytes of it are not kept', () => {
  assert.deepEqual(keys('\u001b[200~qqq'), [{ pasted: 'qqq' }])
  assert.ok(Number(patience('\u001b[200~qqq')) > 0)
  const { rest } = decodeKeys(`\u001b[200~${'q'.repeat(5_000_000)}\u001b[201`, false)
  assert.ok(rest.length < 10_000)
  assert.deepEqual(decodeKeys(`${rest}~x`, false).presses.length, 2)
})

test('unmarked text of many characters at once looks pasted; a held key and Ctrl-C do not', () => {
  const looks = (text: string): boolean => looksPasted(decodeKeys(text, true).presses)
  assert.deepEqual(['ls -lq\n', 'the request queue', 'make quick\nm rolled back\n'].map(looks), [
    true,
    true,
    true,
  ])
  assert.deepEqual(
    ['jjjjjjjjjj', 'jjjjjkkkkk', 'e', '\u001b[A\u001b[B\u001b[C\u001b[D\u001b[A', 'abcdef\u0003'].map(looks),
    [false, false, false, false, false],
  )
})

test('keys do not depend on how the bytes are split', () => {
  const part = fc.constantFrom('q', ' ', '\u001b[A', '\u001b[1;5C', '\u001bOB', '\u001b[5~', '商', '\r')
  fc.assert(
    fc.property(fc.array(part), fc.nat(), (parts, cut) => {
      const input = parts.join('')
      const at = input.length === 0 ? 0 : cut % input.length
      const first = decodeKeys(input.slice(0, at), false)
      const second = decodeKeys(first.rest + input.slice(at), true)
      assert.deepEqual([...first.presses, ...second.presses], keys(input))
    }),
  )
})

test('every documented key has an action', () => {
  const all = 'q?/bow:<>+-RgGtTeEsSdDxXnNmyL0123456789'.split('')
  for (const key of [
    ...all,
    'space',
    'enter',
    'escape',
    'up',
    'down',
    'left',
    'right',
    'S-left',
    'C-right',
    'C-z',
  ]) {
    assert.notEqual(actionOf(key), null, key)
  }
})

test('the footer begins with the keys for help and quit', () => {
  for (const page of ['board', 'detail', 'requests', 'help'] as const) {
    const hints = hintsFor(page, { started: true, moving: false, live: false, mark: true, command: true })
    assert.deepEqual(
      hints.slice(0, 2).map(({ keys }) => keys),
      ['?', 'q'],
    )
  }
})

test('every key in the help has an action', () => {
  for (const [words] of HELP.flatMap((group) => group.keys)) {
    for (const word of words.split(' '))
      if (/^[a-zA-Z<>/?:+-]$/.test(word)) assert.notEqual(actionOf(word), null, word)
  }
})
