import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyName, PAGE_HELP, pageActionOf } from '../../../../src/report/page/state/keys.ts'
import { actionOf } from '../../../../src/replay/player/bindings.ts'

const pressed = (key: string, more: Partial<Parameters<typeof keyName>[0]> = {}): string | null =>
  keyName({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more })

/** Where a terminal changes its speed, a page zooms; it moves by rows of its table. */
const OTHERWISE = ['+', '=', '-', 'up', 'down', 'j', 'k', '/']

test('keys of the page do what they do in replay', () => {
  const keys = 'e E s S d D x X n N g G [ ] { } o h ? < > 0 5 9 space left right S-left S-right escape enter'
  for (const key of keys.split(' ')) assert.deepEqual(pageActionOf(key), actionOf(key), key)
  for (const key of OTHERWISE) assert.notEqual(pageActionOf(key), null, key)
})

test("the browser's own keys stay the browser's", () => {
  assert.equal(pressed('r', { ctrlKey: true }), null)
  assert.equal(pressed('ArrowLeft', { altKey: true }), null)
  assert.equal(pageActionOf('Tab'), null)
  assert.equal(pageActionOf('__proto__'), null)
})

test('the names of the browser are those of the terminal', () => {
  assert.equal(pressed(' '), 'space')
  assert.equal(pressed('ArrowLeft', { shiftKey: true }), 'S-left')
  assert.equal(pressed('G', { shiftKey: true }), 'G')
})

test('the help has all keys', () => {
  const said = PAGE_HELP.map(([keys, does]) => `${keys} ${does}`).join(' ')
  for (const key of [
    'Space',
    '←',
    '[',
    '{',
    'g',
    '0',
    '+',
    'a',
    'e',
    's',
    'd',
    'x',
    'n',
    '↑',
    'Enter',
    'Esc',
    '/',
    'o',
    '?',
  ])
    assert.ok(said.includes(key), key)
})
