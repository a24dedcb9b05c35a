import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { asciiCells, asciiText } from '../../src/render/ascii.ts'
import { latency } from '../../src/render/quantities.ts'
import { bar, sparkline } from '../../src/render/sparkline.ts'
import { cellWidth, visible } from '../../src/render/text.ts'
import { micros } from '../../src/frame/model/units.ts'

const GOLDEN = join(import.meta.dirname, '../../fixtures/golden')
const NOT_ASCII = /[^\0-\x7f]/

test('whatever the text, the result is ASCII; of a picture it has as many cells', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (any) => {
      const text = visible(any)
      assert.doesNotMatch(asciiText(text), NOT_ASCII)
      assert.doesNotMatch(asciiCells(text), NOT_ASCII)
      assert.equal(asciiCells(text).length, cellWidth(text))
    }),
  )
})

test('every sign that screens, reports and help show has one of its own: none is escaped or a question mark', () => {
  const texts = readdirSync(GOLDEN, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(txt|md)$/.test(name),
  )
  assert.notEqual(texts.length, 0)
  for (const name of texts) {
    const text = readFileSync(join(GOLDEN, name), 'utf8')
    // The footer says Enter instead (keysInAscii), and an emoji is of the traffic.
    const drawn = [...new Set(text.replace(/⏎|\p{Emoji_Presentation}/gu, '').match(/[^\0-\x7f]/gu))]
    const signs = drawn.filter((sign) => !/\p{L}/u.test(sign) || 'µμ'.includes(sign))
    assert.deepEqual(
      signs.filter((sign) => asciiText(sign).startsWith('\\u') || asciiCells(sign) === '?'),
      [],
      name,
    )
  }
})

test('heights stay distinct, bars grow, gaps and units are legible', () => {
  assert.equal(asciiCells(sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8, null], 10)), '_..:-=+*#/')
  assert.deepEqual(
    [0, 0.01, 0.4, 0.7, 1].map((ratio) => asciiCells(bar(ratio, 5))),
    ['', '.', '##', '###:', '#####'],
  )
  assert.equal(asciiText(latency(micros(850))), '850us')
})
