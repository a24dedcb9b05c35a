/** bpf/kernel/parser/h2.h on the host, with sanitizers: no root, no kernel. bpf/h2.c reads a direction as the kernel does. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc, { type Arbitrary } from 'fast-check'
import { lineOf, Reader } from './h2/reader.ts'
import { answers, requests } from './h2/streams.ts'
import { eventsOf, type Direction } from './h2/twin.ts'
import { lacksCompiler } from './lab/compiler.ts'
import { LONG, ROOT, sh } from './lab/system.ts'

/** For other inputs: H2_SEED=$RANDOM. */
const SEED = Number(process.env.H2_SEED ?? '1')
const RUNS = LONG ? 20_000 : 500
const MUTATIONS = LONG ? 1_000_000 : 50_000

const LIMIT_MS = LONG ? 3_000_000 : 100_000

/** fixtures/h2/README.md */
const CORPUS = join(ROOT, 'fixtures/h2')
const SOURCE = fileURLToPath(new URL('bpf/h2.c', import.meta.url))

describe('the reader of HTTP/2', { skip: lacksCompiler() }, () => {
  let folder: string
  let program: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-h2-'))
    program = join(folder, 'h2')
    const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover']
    await sh('cc', '-g', '-O1', '-Wall', '-Wextra', '-Werror', ...sanitizers, SOURCE, '-o', program)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const directions: readonly [Direction, Arbitrary<Buffer>][] = [
    ['requests', requests],
    ['answers', answers],
  ]
  const corpus = readdirSync(CORPUS)
    .filter((name) => name !== 'README.md')
    .map((name) => ({
      name,
      bytes: readFileSync(join(CORPUS, name)),
      direction: name.split('.').at(-1) as Direction,
    }))
  for (const [direction, streams] of directions) {
    test(`tells of ${direction} what its twin tells, in any segments`, async () => {
      const reader = new Reader(program)
      const cuts = fc.oneof(fc.constant([]), fc.array(fc.nat(4000), { maxLength: 12 }))
      try {
        await fc.assert(
          fc.asyncProperty(streams, cuts, async (bytes, at) => {
            const sorted = at.toSorted((a, b) => a - b)
            assert.deepEqual(await reader.read(bytes, direction, sorted), eventsOf(bytes, direction))
          }),
          // what fails is made smaller only for so long
          { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: true },
        )
      } finally {
        reader.stop()
      }
    })
  }

  test('tells what real nginx and a real backend said to each other, wherever a segment ends', async () => {
    const reader = new Reader(program)
    try {
      for (const { name, bytes, direction } of corpus)
        assert.deepEqual(await reader.read(bytes, direction, []), eventsOf(bytes, direction), name)
    } finally {
      reader.stop()
    }
    const input = corpus.map(({ bytes, direction }) => lineOf(bytes, direction)).join('')
    const { stderr, stdout, status } = spawnSync(program, ['cuts'], { input, encoding: 'utf8' })
    assert.deepEqual({ stderr, stdout, status }, { stderr: '', stdout: '', status: 0 })
  })

  test('tells the same of mutated bytes whole, in pieces, byte by byte and with known paths, without an error in memory', () => {
    const made = directions.flatMap(([direction, streams]) =>
      fc
        .sample(streams, { seed: SEED, numRuns: 300 })
        .filter((bytes) => bytes.length < 2000)
        .map((bytes) => lineOf(bytes, direction)),
    )
    const input = [...made, ...corpus.map(({ bytes, direction }) => lineOf(bytes, direction))]
    const args = ['fuzz', String(SEED), String(MUTATIONS)]
    const ran = spawnSync(program, args, { input: input.join(''), encoding: 'utf8' })
    assert.equal(ran.stderr, '')
    assert.match(ran.stdout, new RegExp(`^${input.length} inputs, ${MUTATIONS} mutations$`, 'm'))
  })
})
