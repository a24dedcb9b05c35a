/** `record --max-cpu --max-memory`, the real program under a load of a helper's lines. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TrafficColumns } from '../../src/record/rows.generated.ts'
import type { SnapshotLine, WireLine } from '../../src/record/wire.ts'
import { samplesIn, sumOf, type Sample } from '../metrics/parse.ts'
import { scrape, startScraped } from '../metrics/scraped.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { runCommand } from './run-command.ts'

const ROOT = join(import.meta.dirname, '../..')
const TICKS = 60
const ROWS = 200
const FAILED = 5

const traffic = (total: number): TrafficColumns => {
  const sum = String(total * 2000)
  return [7, total, total, 0, 0, 0, 0, 0, 0, 0, 0, sum, total, sum, 0, [200, total], [], []]
}

/** Of a tick: the failed ones first, as the helper sends them. */
const requests = (tick: number): SnapshotLine['requests'] =>
  Array.from({ length: ROWS }, (_, i) => {
    const at = 1_763_800_000_000_000 + tick * 1_000_000 + i
    return i < FAILED ? [7, at, 503, 9, 9] : [7, at, 200, i, i]
  })

let folder = ''
let capture = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'upstreamtop-ceiling-'))
  capture = join(folder, 'capture.ndjson')
  const lines: readonly WireLine[] = [
    hello,
    snapshot(0),
    backend,
    route(7, '/'),
    ...Array.from({ length: TICKS }, (_, i) =>
      snapshot(i + 1, { traffic: [traffic(ROWS * (i + 1))], requests: requests(i), final: i + 1 === TICKS }),
    ),
    { type: 'bye', reason: 'stdin closed' },
  ]
  writeFileSync(capture, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
})
after(() => rmSync(folder, { recursive: true, force: true }))

function recorded(file: string, ...options: readonly string[]): { status: number | null; stderr: string } {
  const words = ['src/main.ts', 'record', '--out', join(folder, file), '--probe', `cat ${capture}`]
  return spawnSync(process.execPath, ['--import', 'tsx', ...words, ...options], {
    ...{ cwd: ROOT, encoding: 'utf8' },
  })
}

interface Listed {
  readonly rows: readonly number[]
  readonly failed: readonly number[]
}

/** Per tick. */
async function listed(file: string): Promise<Listed> {
  const { stdout } = await runCommand(['requests', join(folder, file), '--format', 'ndjson'])
  const rows = Array<number>(TICKS).fill(0)
  const failed = Array<number>(TICKS).fill(0)
  for (const line of stdout.trimEnd().split('\n')) {
    const { at, status } = JSON.parse(line) as { at: string; status: number }
    const tick = Math.floor((Date.parse(at) - 1_763_800_000_000) / 1000)
    rows[tick]!++
    if (status === 503) failed[tick]!++
  }
  return { rows, failed }
}

const numbers = async (file: string): Promise<unknown> => {
  const { stdout } = await runCommand(['report', join(folder, file), '--format', 'json'])
  const { totals, backends, coverage } = JSON.parse(stdout) as Record<string, unknown>
  return { totals, backends, coverage }
}

test('beyond the ceiling fewer requests are listed, failures last; counts are those of a recording without one', async () => {
  const free = recorded('free.db')
  assert.equal(free.status, 0, free.stderr)
  // No node is that small: it is beyond the bound from the first tick.
  const bound = recorded('bound.db', '--max-memory', '1MB', '--quiet')
  assert.equal(bound.status, 0, bound.stderr)
  assert.deepEqual(await numbers('bound.db'), await numbers('free.db'))
  assert.deepEqual(new Set((await listed('free.db')).rows), new Set([ROWS]))
  const { rows, failed } = await listed('bound.db')
  const inTens = [0, 10, 20, 30, 40, 50].map((from) => [...new Set(rows.slice(from, from + 10))])
  // Of at most 100: 5 failed, 20 slowest, every third of 175.
  assert.deepEqual(inTens, [[200], [84], [50], [25], [0], [0]])
  assert.deepEqual(new Set(failed.slice(0, 40)), new Set([FAILED]))
  assert.equal(bound.stderr.match(/fewer requests are listed from here/g)?.length, 1, bound.stderr)
  const page = await runCommand(['report', join(folder, 'bound.db')])
  assert.match(page.stdout, /fewer requests are listed from here/)
})

test('the metrics tell how many requests were left out, and only where there is a ceiling', async () => {
  const scraped = async (name: string, ...options: readonly string[]): Promise<readonly Sample[]> => {
    const end = join(folder, `${name}.end`)
    const probe = `head -n -1 ${capture}; while [ ! -e ${end} ]; do sleep 0.05; done; tail -n 1 ${capture}`
    const words = [
      '--out',
      join(folder, `${name}.db`),
      '--quiet',
      '--metrics',
      '127.0.0.1:0',
      '--probe',
      probe,
    ]
    const { url, ended } = await startScraped('record', ...words, ...options)
    let samples: readonly Sample[]
    do samples = samplesIn(await scrape(url))
    while (sumOf(samples, 'upstreamtop_requests_total') < ROWS * TICKS)
    writeFileSync(end, '')
    assert.equal(await ended, 0)
    return samples.filter(({ name: metric }) => metric === 'upstreamtop_requests_thinned_total')
  }
  const left = 10 * (0 + 116 + 150 + 175 + 200 + 200)
  const thinned = await scraped('thinned', '--max-memory', '1MB')
  assert.deepEqual(
    thinned.map(({ value }) => value),
    [left],
  )
  assert.deepEqual(await scraped('whole'), [])
})

test('requests says where fewer are listed, in the range of an episode alone', async () => {
  const said = async (...range: readonly string[]): Promise<boolean> => {
    const { code, stderr } = await runCommand(['requests', join(folder, 'bound.db'), ...range])
    assert.equal(code, 0, stderr)
    return /^upstreamtop: in a part of this range fewer requests were listed/m.test(stderr)
  }
  assert.equal(await said(), true)
  assert.equal(await said('--from', '+30s', '--to', '+10s'), true)
  assert.equal(await said('--to', '+9s'), false)
})

test('below the ceiling nothing changes', async () => {
  const { status, stderr } = recorded('below.db', '--max-cpu', '10000%', '--max-memory', '100GB')
  assert.equal(status, 0, stderr)
  assert.deepEqual(new Set((await listed('below.db')).rows), new Set([ROWS]))
  assert.doesNotMatch(stderr, /fewer/)
})

for (const given of [
  ['--max-cpu', '0%'],
  ['--max-cpu', 'much'],
  ['--max-memory', '0'],
  ['--max-memory', 'all'],
]) {
  test(`${given.join(' ')} is wrong use`, async () => {
    const { code, stderr } = await runCommand(['record', '--out', join(folder, 'wrong.db'), ...given])
    assert.equal(code, 2)
    assert.ok(stderr.includes(`"${given[1]!}"`), stderr)
  })
}
