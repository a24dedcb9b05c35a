import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { actionOf, HELP, hintsFor } from '../../../src/replay/player/bindings.ts'
import { decodeKeys } from '../../../src/replay/terminal/keys.ts'

const keys = (input: string, final = true): readonly string[] => decodeKeys(input, final).keys

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
  assert.deepEqual(decodeKeys('\u001b', false), { keys: [], rest: '\u001b' })
  assert.deepEqual(keys('\u001b'), ['escape'])
  assert.deepEqual(decodeKeys('q\u001b[1;', false), { keys: ['q'], rest: '\u001b[1;' })
})

test('unknown sequences are ignored and never become letters', () => {
  assert.deepEqual(keys('\u001b[200~\u001b[<0;1;2M\u001b[?1;2cq').at(-1), 'q')
  assert.ok(!keys('\u001b[99;99~').some((key) => /^[0-9~;]$/.test(key)))
})

test('keys do not depend on how the bytes are split', () => {
  const part = fc.constantFrom('q', ' ', '\u001b[A', '\u001b[1;5C', '\u001bOB', '\u001b[5~', '商', '\r')
  fc.assert(
    fc.property(fc.array(part), fc.nat(), (parts, cut) => {
      const input = parts.join('')
      const at = input.length === 0 ? 0 : cut % input.length
      const first = decodeKeys(input.slice(0, at), false)
      const second = decodeKeys(first.rest + input.slice(at), true)
      assert.deepEqual([...first.keys, ...second.keys], keys(input))
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
