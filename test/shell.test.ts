/** Users paste remedies into a shell: a quoted name must be one word there, whatever it contains. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { visible } from '../src/render/text.ts'
import { quoted, quotedFile } from '../src/shell.ts'

const bash = (command: string): readonly string[] =>
  execFileSync('bash', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1)

test('a shell reads back the quoted text, and a terminal shows all of it', () => {
  const sign = fc.oneof(
    fc.constantFrom(...Array.from('\'"\\$`!;|&<>(){}[]*?~#= \t\n\r\u001b\u007f\u009b\u202e\u200b\ufeff😀é-')),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
  )
  const word = fc.array(sign, { maxLength: 12 }).map((signs) => signs.join('').replaceAll('\0', ''))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      const line = words.map(quoted).join(' ')
      assert.equal(visible(line), line)
      assert.deepEqual(
        bash(line),
        words.map((text) => Buffer.from(text).toString()),
      )
    }),
    { numRuns: 60 },
  )
})

test('plain words get no quotes, and a file name that begins with a dash is not taken for an option', () => {
  assert.equal(quoted('/var/lib/upstreamtop/web-1.db'), '/var/lib/upstreamtop/web-1.db')
  assert.equal(quotedFile('-rf.db'), './-rf.db')
  assert.equal(quotedFile('-'), '-')
  assert.equal(quotedFile('db/z;id;.db'), "'db/z;id;.db'")
  assert.equal(quotedFile('a\nb'), "$'a\\012b'")
})
