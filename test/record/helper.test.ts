/** Commands behind `--probe` that are no helper, or one that went wrong: recording ends in words, with a whole file. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ExitCode, UserError } from '../../src/errors.ts'
import { startHelper } from '../../src/record/helper.ts'
import { record } from '../../src/record/recorder.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { runCommand } from '../cli/run-command.ts'
import { backend, hello, route, snapshot } from './wire-lines.ts'
import type { TrafficColumns } from '../../src/record/rows.generated.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-probe-'))
after(() => rmSync(folder, { recursive: true }))

const traffic = (total: number): TrafficColumns => {
  const sum = String(total * 2000)
  return [7, total, total, 0, 0, 0, 0, 0, 0, 0, 0, sum, total, sum, 0, [200, total], [], []]
}
const ticks = [1, 2, 3, 4].map((n) => snapshot(n, { traffic: [traffic(10 * n)], final: n === 4 }))
const bye: WireLine = { type: 'bye', reason: 'stdin closed' }

const start = written('start', [
  hello,
  snapshot(0),
  backend,
  route(7, '/\ud800\0\u001b[2J'),
  ...ticks.slice(0, 2),
])
const rest = written('rest', [...ticks.slice(2), bye])

interface Recorded {
  readonly code: number
  readonly stderr: string
  /** what `check` and `report` say of the file; null where there is none */
  readonly file: { readonly check: number; readonly said: string; readonly requests: number } | null
}

let files = 0

async function recorded(command: string, ...flags: readonly string[]): Promise<Recorded> {
  const file = join(folder, `${++files}.db`)
  const { code, stderr } = await runCommand(['record', '--out', file, '--probe', command, ...flags])
  if (!existsSync(file)) return { code, stderr, file: null }
  const check = await runCommand(['check', file])
  const report = await runCommand(['report', file, '--format', 'json'])
  const { totals } = JSON.parse(report.stdout) as { totals: { requests: number } }
  const info = await runCommand(['info', file])
  return { code, stderr, file: { check: check.code, said: info.stdout, requests: totals.requests } }
}

test('bad lines among good ones are skipped, and how many is said on stderr and in the file', async () => {
  const bad = `printf 'x\\n{"type":"snapshot"}\\n\\377\\376\\n{"type":"route","id":9,"backend":1,"method":"G","path":9}\\n'`
  const { code, stderr, file } = await recorded(`cat ${start}; ${bad}; cat ${rest}`)
  assert.equal(code, 0, stderr)
  assert.deepEqual([file?.check, file?.requests], [0, 40])
  assert.match(stderr, /skipped of the helper's lines: 4 not of the wire/)
  assert.match(file?.said ?? '', /marker .*skipped of the helper's lines: 4 not of the wire/)
})

test('names that no terminal and no UTF-8 can take are recorded, checked and listed', async () => {
  const { file } = await recorded(`cat ${start} ${rest}`)
  assert.deepEqual([file?.check, file?.requests], [0, 40])
})

test('a helper that ends in half a line, by a signal, or without a word leaves a whole file and exit code 4', async () => {
  for (const end of ['printf \'{"type":"snap\'', 'kill -11 $$', 'exit 0', 'exit 1']) {
    const { code, stderr, file } = await recorded(`cat ${start}; ${end}`)
    assert.equal(code, 4, stderr)
    assert.deepEqual([file?.check, file?.requests], [0, 20], end)
    assert.doesNotMatch(stderr, /this is a bug/)
  }
})

test('what is no helper is told so and leaves no file', async () => {
  for (const command of [
    'yes',
    'cat /dev/zero',
    'true',
    'printf x',
    'echo null',
    'head -c 100000 /dev/urandom',
  ]) {
    const { code, stderr, file } = await recorded(command)
    assert.deepEqual([code, file], [4, null], stderr)
    assert.doesNotMatch(stderr, /this is a bug/)
  }
})

test('a helper that turns to garbage and never stops is ended when the time is up', async () => {
  const { code, stderr, file } = await recorded(`cat ${start}; exec yes`, '--secs', '1')
  assert.equal(code, 4, stderr)
  assert.deepEqual([file?.check, file?.requests], [0, 20])
  assert.match(stderr, /skipped of the helper's lines: \d+ not of the wire/)
})

test('a helper that closes its stdout and lives on is ended, and so is what holds on to it', async () => {
  const closed = await recorded(`cat ${start} ${rest}; exec >&- sleep 600`)
  assert.deepEqual([closed.code, closed.file?.requests], [0, 40], closed.stderr)
  const held = await recorded(
    `cat ${start} ${rest}; trap '' TERM; sleep 600 & setsid sleep 5 & exit 0`,
    '--secs',
    '1',
  )
  assert.deepEqual([held.code, held.file?.requests], [0, 40], held.stderr)
})

test('a helper that says nothing is not waited for for ever', async () => {
  const helper = startHelper(
    {
      iface: [],
      ignore: null,
      only: null,
      routesAs: 'raw',
      requests: 1,
      probe: 'exec sleep 600',
    },
    {},
  )
  await assert.rejects(
    record(helper, () => assert.fail('it said hello'), 100),
    { exitCode: 4, message: 'the helper did not say hello within 0.1 s' },
  )
})

const endOf = async (probe: string): Promise<unknown> => {
  const options = { iface: [], ignore: null, only: null, routesAs: 'template', requests: 0, probe } as const
  return startHelper(options, {}).ended.catch((error: unknown) => error)
}

test('one that was interrupted before it attached is no failure of this system', async () => {
  const error = await endOf('exit 130')
  assert.ok(error instanceof UserError)
  assert.equal(error.exitCode, ExitCode.interrupted)
  assert.match(error.message, /"exit 130" was stopped/)
})

test('one that fails is, in its own words', async () => {
  const error = await endOf('echo no such device >&2; exit 4')
  assert.ok(error instanceof UserError)
  assert.deepEqual([error.exitCode, error.message], [ExitCode.system, 'no such device'])
})

function written(name: string, lines: readonly WireLine[]): string {
  const file = join(folder, `${name}.ndjson`)
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return file
}
