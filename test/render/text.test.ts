import assert from 'node:assert/strict'
import { test } from 'node:test'
import xterm from '@xterm/headless'
import fc from 'fast-check'
import { cellWidth, clip, left, right, visible } from '../../src/render/text.ts'

test('escape sequences, bidi marks, zero-width characters and lone surrogates are shown escaped', () => {
  assert.equal(visible('/\u001b[2J'), '/\\x1b[2J')
  assert.equal(visible('a\u007fb\u009bc\n'), 'a\\x7fb\\x9bc\\x0a')
  assert.equal(visible('\u202eevil\u200b\u2066\ufeff'), '\\u{202e}evil\\u{200b}\\u{2066}\\u{feff}')
  assert.equal(visible('\ud800x'), '\\u{d800}x')
  assert.equal(visible('👨\u200d👩 ❤\ufe0f'), '👨\\u{200d}👩 ❤\\u{fe0f}')
})

test('visible characters are not changed', () => {
  for (const text of ['/api/orders?', '/商品/一覧', '/café', '/日本語/😀', '/\\x1b'])
    assert.equal(visible(text), text)
})

test('wide characters take two cells and combining marks none', () => {
  assert.equal(cellWidth('/api'), 4)
  assert.equal(cellWidth('商品'), 4)
  assert.equal(cellWidth('😀'), 2)
  assert.equal(cellWidth('e\u0301'), 1)
  assert.equal(cellWidth('▁▂▃█…–→▾'), 8)
})

test('visible text has no control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(visible(text), /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u)
      assert.equal(visible(visible(text)), visible(text))
    }),
  )
})

test('a fitted text has exactly the requested width, whatever its content', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
      const shown = visible(text)
      assert.equal(cellWidth(left(shown, width)), width)
      assert.equal(cellWidth(right(shown, width)), width)
      assert.ok(cellWidth(clip(shown, width)) <= width)
    }),
  )
})

test('widths equal those of Unicode 15 in every block with wide characters', () => {
  for (const wide of '⌚⏰☔♈⚡⛄✅➕⬛⭐⺀、あア㈠中ꀀ가豈︰！￥𖿠𗀀𛀀🀄🃏🆎🈁🌀🍔😀🚀🟠🤖🫠𠀀𰀀')
    assert.equal(cellWidth(wide), 2, wide)
  for (const narrow of 'éß→…–▁█░│┼╭◆▾▸±µΩЖאعกⅧ①☀☎♥✓⁂ﬀｱ￮𝐀🌡🕊') assert.equal(cellWidth(narrow), 1, narrow)
})

test('a terminal gives the same widths for characters in paths', async () => {
  const terminal = new xterm.Terminal({ cols: 80, rows: 2, allowProposedApi: true })
  for (const text of ['商品/一覧', 'café', 'e\u0301a', '日本語テキスト', 'ＡＢＣ', '한국어', 'αβγ', 'عربى']) {
    await new Promise<void>((done) => terminal.write(`\u001b[2J\u001b[H${visible(text)}`, done))
    assert.equal(terminal.buffer.active.cursorX, cellWidth(visible(text)), text)
  }
  terminal.dispose()
})
