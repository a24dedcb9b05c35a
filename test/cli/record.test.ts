import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { WireLine } from '../../src/record/wire.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { PROGRAM, Tmux, WITHOUT_TMUX } from '../replay/tmux.ts'
import { runCommand } from './run-command.ts'
import type { TrafficColumns } from '../../src/record/rows.generated.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-record-'))
after(() => rmSync(folder, { recursive: true }))

const SECONDS = 12
const bye: WireLine = { type: 'bye', reason: 'stdin closed' }

const traffic = (slot: number, total: number): TrafficColumns => {
  const sum = String(total * 2000)
  return [slot, total, total, 0, 0, 0, 0, 0, 0, 0, 0, sum, total, sum, 0, [200, total], [], []]
}

const capture = written('capture.ndjson', [
  hello,
  snapshot(0),
  backend,
  route(7, '/api/orders'),
  route(8, '/\u001b[2J'),
  ...Array.from({ length: SECONDS }, (_, i) =>
    snapshot(i + 1, { traffic: [traffic(7, 10 * (i + 1)), traffic(8, i + 1)], final: i + 1 === SECONDS }),
  ),
  bye,
])

test('the sums of a recording equal the last totals of its capture', async () => {
  const file = join(folder, 'whole.db')
  const { code, stderr, stdout } = await runCommand(['record', '--out', file, '--probe', `cat ${capture}`])
  assert.equal(code, 0, stderr)
  assert.equal(stdout, '')
  assert.match(stderr, /^recording lo to .*whole\.db$/m)
  assert.equal(statSync(file).mode & 0o777, 0o640)
  const report = await runCommand(['report', file, '--format', 'json'])
  const { totals, recording } = JSON.parse(report.stdout) as {
    totals: { requests: number; codes: Record<string, number> }
    recording: { ticks: number; complete: boolean }[]
  }
  assert.deepEqual([totals.requests, totals.codes], [11 * SECONDS, { 200: 11 * SECONDS }])
  assert.deepEqual([recording[0]!.ticks, recording[0]!.complete], [SECONDS, true])
})

test('--quiet says the beginning, what is no progress, and the end', async () => {
  const stepped = written('stepped.ndjson', [
    hello,
    snapshot(0),
    backend,
    route(7, '/'),
    ...Array.from({ length: SECONDS }, (_, i) => {
      const one = snapshot(i + 1, { traffic: [traffic(7, i + 1)], final: i + 1 === SECONDS })
      return i < 6 ? one : { ...one, wall_us: one.wall_us + 5_000_000 }
    }),
    bye,
  ])
  const said = async (name: string, ...options: string[]): Promise<string[]> => {
    const file = join(folder, name)
    const words = ['record', '--out', file, '--probe', `cat ${stepped}`, ...options]
    const { code, stderr, stdout } = await runCommand(words)
    assert.deepEqual([code, stdout], [0, ''], stderr)
    const { ticks } = await ticksOf(file)
    assert.equal(ticks, SECONDS)
    return stderr.trimEnd().split('\n')
  }
  const lines = await said('quiet.db', '--quiet')
  assert.deepEqual(
    lines.map((line) => line.replace(/ to .*/, '')),
    ['recording lo', 'clock stepped by 5.0 s', '12 requests in 12 ticks, 0 failures'],
  )
  const usual = await said('usual.db')
  assert.equal(usual.length, 4)
  assert.deepEqual(
    usual.filter((line) => !/^2.*req.s, 1 backend/.test(line)).map((line) => line.replace(/ to .*/, '')),
    lines.map((line) => line.replace(/ to .*/, '')),
  )
})

test('--quiet opens no screen on a terminal', { skip: WITHOUT_TMUX }, async (t) => {
  const tmux = new Tmux(t)
  const file = join(folder, 'terminal.db')
  tmux.run(
    `${PROGRAM} record --quiet --out ${file} --probe "head -9 ${capture}; while [ ! -e ${file}.on ]; do sleep 0.05; done; tail -n +10 ${capture}"`,
  )
  await tmux.shows(/^recording lo to/m)
  assert.equal(tmux.is('alternate_on'), '0')
  writeFileSync(`${file}.on`, '')
  await tmux.shows(/^132 requests in 12 ticks, 0 failures$/m)
  assert.doesNotMatch(tmux.screen, /req.s/)
})

async function ticksOf(file: string): Promise<{ readonly ticks: number }> {
  const { stdout } = await runCommand(['info', file, '--format', 'json'])
  return (JSON.parse(stdout) as { recording: { ticks: number } }).recording
}

test('the same capture gives the same screens live and replayed', async () => {
  const file = join(folder, 'same.db')
  await runCommand(['record', '--out', file, '--probe', `cat ${capture}`])
  const live = await runCommand(['live', '--probe', `cat ${capture}`, '--tz', 'UTC'])
  const replayed = await runCommand(['replay', file, '--print', '--tz', 'UTC'])
  assert.equal(live.stdout.trimEnd(), replayed.stdout.trimEnd())
  assert.ok(replayed.stdout.includes('/\\x1b[2J'), 'a hostile path is escaped')
  assert.ok(!replayed.stdout.includes('\u001b'))
})

test('an existing file is never overwritten', async () => {
  const file = join(folder, 'precious.txt')
  writeFileSync(file, 'precious')
  const { code, stderr } = await runCommand(['record', '--out', file, '--probe', `cat ${capture}`])
  assert.equal(code, 2)
  assert.match(stderr, /precious\.txt" exists/)
  assert.equal(readFileSync(file, 'utf8'), 'precious')
})

test('a killed helper leaves a whole file, and its end is reported', async () => {
  const file = join(folder, 'killed.db')
  const { code, stderr } = await runCommand([
    'record',
    '--out',
    file,
    '--probe',
    `head -9 ${capture}; kill -9 $$`,
  ])
  assert.equal(code, 4)
  assert.match(stderr, /was killed by SIGKILL/)
  const { stdout } = await runCommand(['report', file, '--format', 'json'])
  assert.equal((JSON.parse(stdout) as { recording: { ticks: number }[] }).recording[0]!.ticks, 4)
})

test('a helper without output leaves no file', async () => {
  const file = join(folder, 'nothing.db')
  const { code, stderr } = await runCommand([
    'record',
    '--out',
    file,
    '--probe',
    'echo tcx needs Linux 6.6 >&2; exit 4',
  ])
  assert.equal(code, 4)
  assert.match(stderr, /tcx needs Linux 6\.6/)
  assert.throws(() => statSync(file), { code: 'ENOENT' })
})

test('a command that does not end is ended after --secs', async () => {
  const file = join(folder, 'endless.db')
  const { code, stderr } = await runCommand([
    'record',
    '--out',
    file,
    '--secs',
    '1',
    '--probe',
    `cat ${capture}; sleep 60`,
  ])
  assert.equal(code, 0, stderr)
  const { stdout } = await runCommand(['report', file, '--format', 'json'])
  assert.equal((JSON.parse(stdout) as { totals: { requests: number } }).totals.requests, 11 * SECONDS)
})

test('an appended recording continues after a gap', async () => {
  const file = join(folder, 'twice.db')
  const later = written('later.ndjson', [
    hello,
    backend,
    route(7, '/api/orders'),
    snapshot(60),
    snapshot(61, { traffic: [traffic(7, 5)], final: true }),
    bye,
  ])
  await runCommand(['record', '--out', file, '--probe', `cat ${capture}`])
  const { code, stderr } = await runCommand(['record', '--append', '--out', file, '--probe', `cat ${later}`])
  assert.equal(code, 0, stderr)
  const { stdout } = await runCommand(['report', file, '--format', 'json'])
  const { totals, coverage } = JSON.parse(stdout) as {
    totals: { requests: number }
    coverage: { gaps: { reason: string }[] }
  }
  assert.equal(totals.requests, 11 * SECONDS + 5)
  assert.deepEqual(
    coverage.gaps.map(({ reason }) => reason),
    ['stopped'],
  )
})

for (const [option, value, word] of [
  ['--iface', 'a/b', 'is no interface name'],
  ['--ignore', '70000', 'is neither PORT nor IP:PORT'],
  ['--only', '10.0.0.0/33', 'is no network'],
  ['--keep', 'soon', 'is no duration'],
  ['--max-size', 'big', 'is no size'],
  ['--routes-as', 'regex', 'Allowed choices are template, raw'],
] as const) {
  test(`${option} ${value} is a usage error`, async () => {
    const { code, stderr } = await runCommand(['record', '--out', join(folder, 'x.db'), option, value])
    assert.equal(code, 2)
    assert.ok(stderr.includes(word) && stderr.includes(value), stderr)
  })
}

function written(name: string, lines: readonly WireLine[]): string {
  const file = join(folder, name)
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return file
}

test('after recorder and helper were stopped for seven seconds there is a gap, all counts, and the right rate', async () => {
  // The output of the helper after a stop: one snapshot for the whole pause, then the next at the end of the second.
  const late = written('late.ndjson', [
    hello,
    snapshot(0),
    backend,
    route(7, '/'),
    ...[1, 2, 3, 10.2, 11, 12].map((at) =>
      snapshot(at, { traffic: [traffic(7, Math.round(at * 100))], final: at === 12 }),
    ),
    bye,
  ])
  const file = join(folder, 'late.db')
  await runCommand(['record', '--out', file, '--probe', `cat ${late}`])
  const { stdout } = await runCommand(['report', file, '--format', 'json'])
  const { coverage, totals } = JSON.parse(stdout) as {
    coverage: { gaps: { from: string; to: string; reason: string }[] }
    totals: { requests: number; rps: number }
  }
  assert.deepEqual([totals.requests, totals.rps], [1200, 100])
  const [gap, ...others] = coverage.gaps
  assert.deepEqual(others, [])
  assert.equal(gap!.reason, 'late')
  assert.equal(Date.parse(gap!.to) - Date.parse(gap!.from), 5700)
})

test('a helper with only invalid output leaves no recording, and the error promises none', async () => {
  const file = join(folder, 'garbage.db')
  const { code, stderr } = await runCommand(['record', '--out', file, '--probe', 'echo garbage'])
  assert.equal(code, 4)
  assert.match(stderr, /before it said hello/)
  assert.doesNotMatch(stderr, /is kept/)
  assert.equal(existsSync(file), false)
})
