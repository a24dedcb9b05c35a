/** Progress of long work: updated in place on a terminal, a line now and then elsewhere. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { ioOf, type Io } from '../../src/cli/io.ts'
import { byteProgress, rowProgress, tickProgress } from '../../src/cli/progress.ts'

/** An Io whose clock advances by `step` at each call. */
function fakeIo(isTTY: boolean, step: number): { readonly io: Io; readonly said: () => string } {
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY })
  let now = 0
  const io = ioOf({
    args: [],
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr,
    env: {},
    now: () => (now += step),
    signal: new AbortController().signal,
  })
  return { io, said: () => (stderr.read() as string | null) ?? '' }
}

const inPlace = (text: string): string => `\r${text.padEnd(70)}\r`

test('on a terminal progress is updated in place, not at each report, and cleared at the end', () => {
  const { io, said } = fakeIo(true, 200)
  const ticks = tickProgress(io, 'checking')
  ticks.report(10, 100)
  assert.equal(said(), '')
  ticks.report(20, 100)
  assert.equal(said(), inPlace('checking: 20 of 100 ticks, 50/s, 2 s left'))
  ticks.done()
  assert.equal(said(), inPlace(''))

  const rows = rowProgress(fakeIo(true, 1000).io, 'rows')
  rows.done()
  const second = fakeIo(true, 1000)
  const written = rowProgress(second.io, 'rows')
  written.report(25, 100, 5000)
  assert.equal(second.said(), inPlace('25 %: 5,000 rows, 5,000 per second, 3s left'))
  written.done()
  assert.equal(second.said(), inPlace(''))
})

test('elsewhere row progress is a line every five seconds, and tick progress is not shown', () => {
  const { io, said } = fakeIo(false, 1000)
  const rows = rowProgress(io, 'rows')
  for (let done = 1; done <= 10; done++) rows.report(done, 20, 100 * done)
  rows.done()
  assert.equal(
    said(),
    '25 %: 500 rows, 100 per second, 15s left\n50 %: 1,000 rows, 100 per second, 10s left\n',
  )
  const ticks = tickProgress(io, 'checking')
  for (let done = 1; done <= 10; done++) ticks.report(done, 20)
  ticks.done()
  assert.equal(said(), '')
})

test('bytes of a capture: how many packets, and how long the rest will take when a second has told', () => {
  const { io, said } = fakeIo(true, 400)
  const bytes = byteProgress(io)
  bytes.report(1e6, 100e6, 1000)
  assert.equal(said(), inPlace('1 %: 1,000 packets, 2,500 per second'))
  bytes.report(2e6, 100e6, 2000)
  said()
  bytes.report(30e6, 100e6, 30_000)
  assert.equal(said(), inPlace('30 %: 30,000 packets, 25,000 per second, 3s left'))
  bytes.report(31e6, null, 32_000)
  assert.equal(said(), inPlace('32,000 packets, 20,000 per second'))
  bytes.done()
  assert.equal(said(), inPlace(''))
})
