/**
 * The cost of the helper's lines: checking, decoding and subtracting snapshots, relative to JSON.parse of the same lines in the
 * same run. Inputs: a capture of a real nginx, and a host with 5,000 active routes.
 *
 *   node --import tsx bench/decode.ts
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Differ } from '../src/frame/sum/diff.ts'
import { Decoder } from '../src/record/decoder.ts'

const ROUNDS = 30
const root = join(import.meta.dirname, '..')

report(
  'fixtures/probe/simulated.ndjson',
  readFileSync(join(root, 'fixtures/probe/simulated.ndjson'), 'utf8'),
  40,
)
report('5,000 rows per snapshot', wireOf(5000, 8), 1)

function wireOf(routes: number, seconds: number): string {
  const script = join(root, 'bench/store-wire.ts')
  const args = ['--import', 'tsx', script, String(routes), String(seconds), '/dev/null']
  return spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 30 }).stdout
}

/** @param times passes per round: a round that is too short measures the clock */
function report(name: string, text: string, times: number): void {
  const lines = text.trimEnd().split('\n')
  const ratios: number[] = []
  let rows = 0
  for (let round = 0; round < ROUNDS; round++) {
    const parsed = timed(times, () => lines.forEach((line) => void JSON.parse(line)))
    const decoded = timed(times, () => (rows = decode(lines)))
    ratios.push(decoded / parsed)
  }
  ratios.sort((a, b) => a - b)
  const [low, median, high] = [0.1, 0.5, 0.9].map((q) => ratios[Math.floor(q * ROUNDS)]!.toFixed(2))
  process.stdout.write(`${name}: ${rows} rows, decode and diff / JSON.parse = ${median} (${low}–${high})\n`)
}

function timed(times: number, work: () => void): number {
  const started = performance.now()
  for (let i = 0; i < times; i++) work()
  return performance.now() - started
}

function decode(lines: readonly string[]): number {
  const decoder = new Decoder()
  let differ: Differ | null = null
  let rows = 0
  for (const line of lines) {
    const decoded = decoder.decode(line)
    if (decoded.kind !== 'snapshot') continue
    if (differ === null) differ = new Differ(decoded.snapshot)
    else rows += differ.next(decoded.snapshot)?.traffic.length ?? 0
  }
  return rows
}
