/** bpf/kernel/parser/h2.h on the host, with sanitizers: no root, no kernel. bpf/h2.c reads a direction as the kernel does. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc, { type Arbitrary } from 'fast-check'
import { framesOf, PREFACE } from './h2/frames.ts'
import { lineOf, Reader } from './h2/reader.ts'
import { answers, requests } from './h2/streams.ts'
import { eventsOf, type Direction, type Event } from './h2/twin.ts'
import { lacksCompiler } from './lab/compiler.ts'
import { LONG, mutantsUnlessLong, ROOT, sh } from './lab/system.ts'

/** For other inputs: H2_SEED=$RANDOM. */
const SEED = Number(process.env.H2_SEED ?? '1')
const RUNS = LONG ? 4000 : 500
const MUTATIONS = LONG ? 1_000_000 : 50_000

const LIMIT_MS = LONG ? 300_000 : 100_000

/** fixtures/h2/README.md */
const CORPUS = join(ROOT, 'fixtures/h2')
const SOURCE = fileURLToPath(new URL('bpf/h2.c', import.meta.url))

describe('the reader of HTTP/2', { skip: lacksCompiler() }, () => {
  let folder: string
  let program: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-h2-'))
    program = await compile(folder)
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
  /** A line for each. */
  function inputs(): readonly string[] {
    const made = directions.flatMap(([direction, streams]) =>
      fc
        .sample(streams, { seed: SEED, numRuns: 300 })
        .filter((bytes) => bytes.length < 2000)
        .map((bytes) => lineOf(bytes, direction)),
    )
    return [...made, ...corpus.map(({ bytes, direction }) => lineOf(bytes, direction))]
  }
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

  test('tells what its twin tells of bytes that were changed, where both can read them', async () => {
    const reader = new Reader(program)
    const changes = fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { minLength: 1, maxLength: 3 })
    let read = 0
    try {
      for (const [direction, streams] of directions)
        for (const [original, changed] of fc.sample(fc.tuple(streams, changes), {
          seed: SEED,
          numRuns: RUNS,
        })) {
          const bytes = Buffer.from(original)
          for (const [at, byte] of changed) bytes[at % bytes.length] = byte
          const expected = wholeEvents(bytes, direction)
          const events = await reader.read(bytes, direction, [])
          if (expected === null || events.some(({ is }) => is === 'invalid' || is === 'other')) continue
          read++
          assert.deepEqual(events, expected, lineOf(bytes, direction))
        }
    } finally {
      reader.stop()
    }
    assert.ok(read > RUNS / 2, `only ${read} could be read`)
  })

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
    const input = inputs()
    const args = ['fuzz', String(SEED), String(MUTATIONS)]
    const ran = spawnSync(program, args, { input: input.join(''), encoding: 'utf8' })
    assert.equal(ran.stderr, '')
    assert.match(ran.stdout, new RegExp(`^${input.length} inputs, ${MUTATIONS} mutations$`, 'm'))
  })

  test('fails the checks with any of these bugs in it', { skip: mutantsUnlessLong }, async () => {
    const made = directions.map(([direction, streams]) => {
      const bytes = fc.sample(streams, { seed: SEED, numRuns: 300 })
      return { direction, bytes: bytes.filter(({ length }) => length < 4000) }
    })
    for (const bug of BUGS) {
      const reader = new Reader(await compile(folder, bug))
      try {
        await assert.rejects(async () => {
          for (const { direction, bytes } of made)
            for (const one of bytes)
              assert.deepEqual(await reader.read(one, direction, [one.length >> 1]), eventsOf(one, direction))
        }, `"${bug[1]}" instead of "${bug[0]}" goes unnoticed`)
      } finally {
        reader.stop()
      }
    }
  })
})

/** null where the twin cannot read all of it. */
function wholeEvents(bytes: Buffer, direction: Direction): readonly Event[] | null {
  const begin = direction === 'requests' ? PREFACE.length : 0
  if ((framesOf(bytes, begin).at(-1)?.end ?? begin) < bytes.length) return null
  try {
    return eventsOf(bytes, direction)
  } catch {
    return null
  }
}

/** A piece of the parser, and what is wrong instead of it. */
type Bug = readonly [right: string, wrong: string]
const BUGS: readonly Bug[] = [
  ['h->step = H2_FRAME;\n\tswitch', 'h->step = H2_FRAME;\n\th->filled = 0;\n\tswitch'],
  ['h->left -= h->padding;', ''],
  ['h2_gather(r, b, 5)', 'h2_gather(r, b, 4)'],
  ['(h->flags & H2_END_STREAM) | (flags & H2_END_HEADERS)', 'flags & H2_END_HEADERS'],
  ['six >= 0x19 && six <= 0x1f', 'six >= 0x19 && six <= 0x1e'],
  ['digits != 3 || number < 100', 'digits != 3'],
  ['number <= GRPC_HIGHEST', 'number <= 999'],
  ['w == 0xe4395349b9ULL', 'w == 0xe4395349b8ULL'],
  ['first & 0x40 ? 0x3f : 0x0f', 'first & 0x40 ? 0x3f : 0x1f'],
  ['h2_name_at(15 + more)', 'h2_name_at(16 + more)'],
  ['h->bits += 7', 'h->bits += 8'],
  ['bits > 32 ||', 'bits > 80 ||'],
  ['h->length && h->length <= h2_there(r) &&', 'h->length &&'],
  ['0x6c6d74', '0x6c6d'],
]

/** @returns the checks with the parser, or with one that has a bug */
async function compile(folder: string, bug?: Bug): Promise<string> {
  const parser = join(folder, bug === undefined ? 'parser' : 'mistaken')
  cpSync(join(ROOT, 'bpf/kernel/parser'), parser, { recursive: true })
  if (bug !== undefined) makeMistake(parser, bug)
  const source = readFileSync(SOURCE, 'utf8').replace('../../../bpf/kernel/parser/', `${parser}/`)
  writeFileSync(join(parser, 'h2.c'), source)
  const flags = bug === undefined ? ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover'] : []
  const program = join(parser, 'h2')
  await sh('cc', '-g', '-Wall', '-Wextra', '-Werror', ...flags, `${program}.c`, '-o', program)
  return program
}

function makeMistake(parser: string, [right, wrong]: Bug): void {
  const files = readdirSync(parser).map((name) => join(parser, name))
  const found = files.find((file) => /h2[a-z-]*\.h$/.test(file) && readFileSync(file, 'utf8').includes(right))
  assert.notEqual(found, undefined, `"${right}" is no longer in the parser`)
  writeFileSync(found!, readFileSync(found!, 'utf8').replace(right, wrong))
}
