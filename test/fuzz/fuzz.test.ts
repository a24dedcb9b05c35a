/** The harness finds each kind of failure, and a short run of each fuzzer finds nothing. `make fuzz` is the long run. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fuzz, LIMITS, type FuzzRun } from './harness.ts'
import { attackPort } from './port.ts'
import { recordStream } from './stream.ts'

const out = mkdtempSync(join(tmpdir(), 'upstreamtop-fuzz-test-'))
after(() => rmSync(out, { recursive: true }))

const words = ({ kinds }: FuzzRun): string[] =>
  kinds.map(({ kind, text, number, where }) => `${kind} at ${number}: ${text}\n${where.join('\n')}`)

test('the harness reports and keeps inputs that throw, hang, never resolve, use too much memory or crash, and goes on', async () => {
  const job = { target: 'faulty', seed: 5, from: 0, inputs: 15, out: join(out, 'faulty') }
  const { kinds } = await fuzz({ ...job, limitMs: 1500, limitBytes: 200 * 2 ** 20 })
  const found = kinds.map(({ kind, number, times, text }) => [kind, number, times, text] as const)
  assert.deepEqual(
    found.sort(([, a], [, b]) => a - b),
    [
      ['exception', 3, 2, 'Broken: law 503 of "503"'],
      ['hang', 6, 2, 'faulty: more than 1500 ms'],
      ['memory', 10, 1, 'faulty: more than 209715200 bytes'],
      ['died', 12, 1, 'faulty: SIGSEGV'],
    ],
  )
  const kept = readdirSync(job.out).filter((name) => name.endsWith('.txt'))
  assert.deepEqual(kept.sort(), ['10.txt', '12.txt', '3.txt', '4.txt', '6.txt', '8.txt'])
  assert.equal(readFileSync(join(job.out, '6.txt'), 'utf8'), '506')
})

test('3,000 mutated captures cause no exception, no hang and no invalid frame, and change no other rows', async () => {
  const run = await fuzz({
    target: 'lines',
    seed: 1,
    from: 0,
    inputs: 3000,
    out: join(out, 'lines'),
    ...LIMITS,
  })
  assert.deepEqual(words(run), [])
})

test('5,000 spoilt lines into a recorder: it ends well, without a stack, and has every tick', async () => {
  await recordStream(1, 5000, join(out, 'stream.db'))
})

test('2,000 hostile requests to the port of the metrics: the recorder goes on and has every tick', async () => {
  await attackPort(1, 2000, join(out, 'port.db'))
})
