import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { linesOf } from '../../src/record/lines.ts'

async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part)
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = []
  for await (const line of lines) list.push(line)
  return list
}

test('lines do not depend on how their bytes are split', async () => {
  const text = fc.array(fc.constantFrom('a', '\n', 'ä', '€', '😀', '\r')).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(120), { maxLength: 5 }), async (whole, cuts) => {
      const bytes = Buffer.from(whole)
      const places = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
        bytes.length,
      ]
      const parts = places.slice(1).map((end, i) => bytes.subarray(places[i], end))
      const expected = whole.split('\n')
      if (expected.at(-1) === '') expected.pop()
      assert.deepEqual(await all(linesOf(chunks(...parts))), expected)
    }),
  )
})

test('a gigabyte without a line end is returned in pieces, and the next line is whole', async () => {
  const part = Buffer.alloc(2 ** 20, 'x')
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 1024; i++) yield await Promise.resolve(part)
    yield Buffer.from('\ngood\n')
  }
  const lines = await all(linesOf(endless()))
  assert.equal(lines.at(-1), 'good')
  assert.ok(
    lines.length < 20 &&
      lines.every((line) => line.length <= 2 ** 26 && (line === 'good' || !line.includes('g'))),
  )
  assert.ok(process.memoryUsage().rss < 700e6, `${process.memoryUsage().rss} bytes`)
})

test('a destroyed stream ends the lines', async () => {
  const stream = new PassThrough()
  stream.write('a\nb')
  setImmediate(() => stream.destroy())
  assert.deepEqual(await all(linesOf(stream)), ['a', 'b'])
})
