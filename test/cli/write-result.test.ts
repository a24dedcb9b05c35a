/** A result is produced only as far as its reader reads. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { ioOf, type Io } from '../../src/cli/io.ts'
import { writePictures, writeResult } from '../../src/cli/write-result.ts'

const fakeIo = (stdout: PassThrough): Io =>
  ioOf({
    args: [],
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    env: {},
    now: () => 0,
    signal: new AbortController().signal,
  })

const WAYS = {
  'a plain result': (chunks: Iterable<string>, io: Io) => writeResult(chunks, undefined, io),
  pictures: (chunks: Iterable<string>, io: Io) => writePictures(chunks, 'text', io),
}

for (const [name, write] of Object.entries(WAYS)) {
  test(`${name} waits for a slow reader, and ends when the reader closes`, async () => {
    const stdout = new PassThrough()
    let made = 0
    function* chunks(): Iterable<string> {
      for (; made < 1000; made++) yield 'x'.repeat(100_000)
    }
    const writing = write(chunks(), fakeIo(stdout))
    await new Promise(setImmediate)
    assert.ok(made < 5, `${made} pieces were made, and nobody reads`)
    stdout.on('error', () => undefined)
    stdout.destroy(new Error('nobody reads any more'))
    await writing
    assert.ok(made < 5, `${made} pieces were made, and nobody reads any more`)
  })

  test(`${name} is not produced if the reader has closed before`, async () => {
    const stdout = new PassThrough()
    stdout.destroy()
    let made = 0
    function* chunks(): Iterable<string> {
      for (; made < 1000; made++) yield 'x'.repeat(100_000)
    }
    await write(chunks(), fakeIo(stdout))
    assert.ok(made < 5, `${made} pieces were made`)
  })

  test(`${name} of many small pieces is written completely`, async () => {
    const stdout = new PassThrough({ encoding: 'utf8' })
    const pieces = Array.from({ length: 50_000 }, (_, i) => `${i}\n`)
    const read = (async () => {
      let text = ''
      for await (const chunk of stdout) text += chunk as string
      return text
    })()
    await write(pieces, fakeIo(stdout))
    stdout.end()
    assert.equal(await read, pieces.join(''))
  })
}
