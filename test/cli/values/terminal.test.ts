import assert from 'node:assert/strict'
import { test } from 'node:test'
import { depthOf } from '../../../src/cli/values/terminal.ts'

const depth = (env: Readonly<Record<string, string>>): string => depthOf(env, false)

test('256 colours are used only where the terminal says that it has them', () => {
  for (const TERM of ['xterm-256color', 'tmux-256color', 'xterm-direct'])
    assert.equal(depth({ TERM }), 'palette')
  assert.equal(depth({ TERM: 'xterm', COLORTERM: 'truecolor' }), 'palette')
  assert.equal(depth({ TERM: 'alacritty', COLORTERM: '24bit' }), 'palette')
  for (const TERM of ['xterm', 'screen', 'linux', 'xterm-16color', 'rxvt'])
    assert.equal(depth({ TERM }), 'colour')
})

test('a terminal of fewer colours has them also beside the variable of another one around it', () => {
  assert.equal(depth({ TERM: 'linux', COLORTERM: 'truecolor' }), 'colour')
  assert.equal(depth({ TERM: 'xterm-16color', COLORTERM: 'truecolor' }), 'colour')
})

test('NO_COLOR, monochrome terminals and --plain have none', () => {
  assert.equal(depth({ TERM: 'xterm-256color', COLORTERM: 'truecolor', NO_COLOR: '1' }), 'mono')
  assert.equal(depth({ TERM: 'vt100', COLORTERM: 'truecolor' }), 'mono')
  assert.equal(depthOf({ TERM: 'xterm-256color' }, true), 'none')
})
