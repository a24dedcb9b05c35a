/** --probe commands that are no helper, or a broken one: recording ends with an error and a whole file. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { ExitCode, UserError } from '../../src/errors.ts'
import { helperArguments, startHelper } from '../../src/record/helper.ts'
import { listenOption, withoutScrapes } from '../../src/cli/values/metrics.ts'
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
  /** results of `check` and `report` for the file; null without a file */
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

test('invalid lines are skipped, and their number is reported on stderr and in the file', async () => {
  const bad = `printf 'x\\n{"type":"snapshot"}\\n\\377\\376\\n{"type":"route","id":9,"backend":1,"method":"G","path":9}\\n'`
  const { code, stderr, file } = await recorded(`cat ${start}; ${bad}; cat ${rest}`)
  assert.equal(code, 0, stderr)
  assert.deepEqual([file?.check, file?.requests], [0, 40])
  assert.match(stderr, /skipped of the helper's lines: 4 not of the wire/)
  assert.match(file?.said ?? '', /marker .*skipped of the helper's lines: 4 not of the wire/)
})

test('names with control characters and lone surrogates are recorded and checked', async () => {
  const { file } = await recorded(`cat ${start} ${rest}`)
  assert.deepEqual([file?.check, file?.requests], [0, 40])
})

test('a helper that ends within a line, by a signal, or without a message leaves a whole file and exit code 4', async () => {
  for (const end of ['printf \'{"type":"snap\'', 'kill -11 $$', 'exit 0', 'exit 1']) {
    const { code, stderr, file } = await recorded(`cat ${start}; ${end}`)
    assert.equal(code, 4, stderr)
    assert.deepEqual([file?.check, file?.requests], [0, 20], end)
    assert.doesNotMatch(stderr, /this is a bug/)
  }
})

test('a command that is no helper is an error and leaves no file', async () => {
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

test('a helper with endless invalid output is ended after --secs', async () => {
  const { code, stderr, file } = await recorded(`cat ${start}; exec yes`, '--secs', '1')
  assert.equal(code, 4, stderr)
  assert.deepEqual([file?.check, file?.requests], [0, 20])
  assert.match(stderr, /skipped of the helper's lines: \d+ not of the wire/)
})

test('a helper that closes its stdout and goes on is ended, with processes that hold its stdout', async () => {
  const closed = await recorded(`cat ${start} ${rest}; exec >&- sleep 600`)
  assert.deepEqual([closed.code, closed.file?.requests], [0, 40], closed.stderr)
  const held = await recorded(
    `cat ${start} ${rest}; trap '' TERM; sleep 600 & setsid sleep 5 & exit 0`,
    '--secs',
    '1',
  )
  assert.deepEqual([held.code, held.file?.requests], [0, 40], held.stderr)
})

test('a helper without output is given up after a timeout', async () => {
  const helper = startHelper(
    {
      iface: [],
      attach: null,
      cgroup: null,
      ignore: null,
      only: null,
      nginxOnly: false,
      routesAs: 'raw',
      requests: 1,
      names: new Map(),
      probe: 'exec sleep 600',
    },
    {},
  )
  await assert.rejects(
    record(helper, () => assert.fail('it said hello'), { helloTimeoutMs: 100 }),
    { exitCode: 4, message: 'the helper did not say hello within 0.1 s' },
  )
})

/** What a command line without options gives. */
const OPTIONS = {
  iface: [],
  attach: null,
  cgroup: null,
  ignore: null,
  only: null,
  nginxOnly: false,
  routesAs: 'template',
  requests: 0,
} as const
const WHOLE = { ...OPTIONS, names: new Map<string, readonly string[]>(), probe: null }

const endOf = async (probe: string): Promise<unknown> => {
  return startHelper({ ...WHOLE, probe }, {}).ended.catch((error: unknown) => error)
}

test('a helper interrupted before it attached is reported as interrupted', async () => {
  const error = await endOf('exit 130')
  assert.ok(error instanceof UserError)
  assert.equal(error.exitCode, ExitCode.interrupted)
  assert.match(error.message, /"exit 130" was stopped/)
})

test('the message of a failed helper is the error', async () => {
  const error = await endOf('echo no such device >&2; exit 4')
  assert.ok(error instanceof UserError)
  assert.deepEqual([error.exitCode, error.message], [ExitCode.system, 'no such device'])
})

test('what a helper that has ended has written is there for who reads it later', async () => {
  const helper = startHelper({ ...WHOLE, probe: `cat ${start} ${rest}` }, {})
  // It has ended by then; node would empty its pipe.
  await pause(500)
  let lines = 0
  for await (const line of helper.lines) lines += line === '' ? 0 : 1
  assert.equal(lines, 9)
})

test('requests to the port of our own metrics are ignored, whatever else is', () => {
  const ignored = (metrics: string, ignore: string | null = null): string | null =>
    withoutScrapes({ ...WHOLE, ignore }, { metrics: listenOption(metrics) }).ignore
  assert.equal(ignored('9465'), '127.0.0.1:9465')
  assert.equal(ignored('[::1]:9465', '8080'), '8080,[::1]:9465')
  assert.equal(ignored('10.0.0.7:9465'), '10.0.0.7:9465')
  // On all addresses: a backend may listen on that port of another one. By name, and on any port: not known yet.
  for (const metrics of ['0.0.0.0:9465', '[::]:9465', 'localhost:9465', '0'])
    assert.equal(ignored(metrics), null)
  assert.equal(withoutScrapes(WHOLE, {}), WHOLE)
})

function written(name: string, lines: readonly WireLine[]): string {
  const file = join(folder, `${name}.ndjson`)
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return file
}

test('--nginx-only is passed to the helper, and only where it is asked for', () => {
  assert.ok(helperArguments({ ...OPTIONS, nginxOnly: true }).includes('--nginx-only'))
  assert.ok(!helperArguments(OPTIONS).includes('--nginx-only'))
})

test('--tls is passed to the helper, and how', () => {
  const tlsOf = (tls?: true | 'force'): string[] =>
    helperArguments({ ...OPTIONS, tls }).filter((word) => word.startsWith('--tls'))
  assert.deepEqual([tlsOf(), tlsOf(true), tlsOf('force')], [[], ['--tls'], ['--tls=force']])
})
