/** The harness finds what it is for, and a short run of each fuzzer finds nothing. `make fuzz` is the long one. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fuzz, LIMITS, type FuzzRun } from './harness.ts'

const out = mkdtempSync(join(tmpdir(), 'upstreamtop-fuzz-test-'))
after(() => rmSync(out, { recursive: true }))

const words = ({ kinds }: FuzzRun): string[] =>
  kinds.map(({ kind, text, number, where }) => `${kind} at ${number}: ${text}\n${where.join('\n')}`)

test('what throws, hangs, waits for ever, eats memory or dies is found by its number, kept, and gone on from', async () => {
  const job = { target: 'faulty', seed: 5, from: 0, inputs: 15, out: join(out, 'faulty') }
  const { kinds } = await fuzz({ ...job, limitMs: 300, limitBytes: 200 * 2 ** 20 })
  const found = kinds.map(({ kind, number, times, text }) => [kind, number, times, text] as const)
  assert.deepEqual(
    found.sort(([, a], [, b]) => a - b),
    [
      ['exception', 3, 2, 'Broken: law 503 of "503"'],
      ['hang', 6, 2, 'faulty: more than 300 ms'],
      ['memory', 10, 1, 'faulty: more than 209715200 bytes'],
      ['died', 12, 1, 'faulty: SIGSEGV'],
    ],
  )
  const kept = readdirSync(job.out).filter((name) => name.endsWith('.txt'))
  assert.deepEqual(kept.sort(), ['10.txt', '12.txt', '3.txt', '4.txt', '6.txt', '8.txt'])
  assert.equal(readFileSync(join(job.out, '6.txt'), 'utf8'), '506')
})

test('three thousand spoilt captures: no exception, no hang, no impossible frame, no neighbour that changed', async () => {
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
