/** Signals sent to real processes: they end at any point, and no partial file is left. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { runCommand } from './run-command.ts'

const ROOT = join(import.meta.dirname, '../..')
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Kills a process that hangs, ms. */
const HANGS = 60_000

let folder = ''
before(() => void (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-signals-'))))
after(() => rmSync(folder, { recursive: true, force: true }))

function start(...words: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', ...words], { cwd: ROOT, stdio: 'pipe' })
  const given = setTimeout(() => child.kill('SIGKILL'), HANGS)
  child.once('exit', () => clearTimeout(given))
  child.stderr.resume()
  child.stdin.on('error', () => undefined)
  return child
}

/** The exit code, or the signal that ended the process. */
async function endOf(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode ?? child.signalCode
}

async function until(child: ChildProcess, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    if (child.exitCode !== null || child.signalCode !== null) assert.fail('it ended before it was stopped')
    await pause(2)
  }
}

const files = (under: string): readonly string[] =>
  readdirSync(under, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)

const openFiles = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return 'closed meanwhile'
    }
  })

for (const signal of SIGNALS) {
  for (const what of ['deaf', 'deaf again']) {
    test(`${signal} ends a loop that never yields: ${what}`, async () => {
      const child = start('test/cli/stopping.ts', what)
      await once(child.stdout!, 'data')
      child.kill(signal)
      assert.equal(await endOf(child), signal)
    })
  }

  test(`a second ${signal} ends a process that is slow to end; the same signal passed on again at once does not`, async () => {
    const child = start('test/cli/stopping.ts', 'slow to end')
    let said = ''
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text))
    await until(child, () => said === 'begun\n')
    child.kill(signal)
    await until(child, () => said === `begun\nheard ${signal}\n`)
    child.kill(signal)
    await pause(400)
    assert.equal(child.signalCode, null)
    child.kill(signal)
    assert.equal(await endOf(child), signal)
    assert.equal(said, `begun\nheard ${signal}\n`)
  })

  test(`${signal} ends a report that waits for its standard input`, async () => {
    const child = start('src/main.ts', 'report', '-')
    // Starts like a gzip file, and is larger than a pipe's buffer: the report is reading.
    await new Promise((resolve) => child.stdin!.write(Buffer.alloc(8 << 20, '\x1f\x8b', 'latin1'), resolve))
    child.kill(signal)
    assert.equal(await endOf(child), signal)
  })
}

for (const signal of ['SIGUSR1', 'SIGQUIT'] as const) {
  test(`${signal} is ignored by a recorder, which says so once, and no debugger opens`, async () => {
    const file = join(folder, `${signal}.db`)
    const child = start(
      'src/main.ts',
      'record',
      '--out',
      file,
      '--probe',
      'cat fixtures/probe/simulated.ndjson; sleep 60',
    )
    let said = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text))
    await until(child, () => said.includes('recording '))
    for (let times = 0; times < 3; times++) {
      child.kill(signal)
      await until(child, () => said.includes(`upstreamtop: ${signal} is ignored: SIGTERM,`))
    }
    child.kill('SIGTERM')
    assert.equal(await endOf(child), 0)
    assert.equal(said.split(`${signal} is ignored`).length, 2, said)
    assert.doesNotMatch(said, /[Dd]ebugger|nodejs/)
  })
}

test('no command opens the debugger at SIGUSR1', async () => {
  const child = start('src/main.ts', 'live', '--probe', 'cat fixtures/probe/simulated.ndjson; sleep 60')
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child.stdout!, 'data')
  child.stdout!.resume()
  child.kill('SIGUSR1')
  child.kill('SIGTERM')
  await endOf(child)
  assert.doesNotMatch(said, /[Dd]ebugger|nodejs/)
})

test('a signal ends a report that waits for the reader of a pipe', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const child = start('src/main.ts', 'report', 'fixtures/recordings/incident.db', '--out', pipe)
  // Only opening the pipe is left, in a separate thread.
  await until(child, () => waitsForPipe(child.pid!))
  child.kill('SIGTERM')
  assert.equal(await endOf(child), 'SIGTERM')
})

const waitsForPipe = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/task`).some((task) =>
    readFileSync(`/proc/${pid}/task/${task}/wchan`, 'utf8').includes('wait_for_partner'),
  )

describe('long work', () => {
  let recording = ''
  before(async () => {
    recording = join(folder, 'long.db')
    const made = await runCommand(['synth', '-o', recording, '--secs', '7200', '--backends', '20'])
    assert.equal(made.code, 0, made.stderr)
  })

  const outputs: Readonly<Record<string, (out: string) => readonly string[]>> = {
    synth: (out) => ['synth', '-o', join(out, 'x.db'), '--secs', '2000000'],
    cut: (out) => ['cut', recording, '-o', join(out, 'x.db')],
    repair: (out) => ['repair', recording, '-o', join(out, 'x.db')],
    'report --parquet': (out) => ['report', recording, '--parquet', join(out, 'lake')],
  }
  for (const [name, words] of Object.entries(outputs)) {
    for (const signal of SIGNALS) {
      test(`${signal} ends ${name} with 130, and no partial file is left`, async () => {
        const out = join(folder, `${name} ${signal}`)
        mkdirSync(out)
        const child = start('src/main.ts', ...words(out))
        await until(child, () => files(out).length > 0)
        child.kill(signal)
        assert.equal(await endOf(child), 130)
        assert.deepEqual(files(out), [])
      })
    }
  }

  test('what a killed export leaves is read by no engine, and cleared by the next', async () => {
    const out = join(folder, 'killed')
    mkdirSync(out)
    const part = [...outputs['report --parquet']!(out), '--to', '+60s']
    const child = start('src/main.ts', ...outputs['report --parquet']!(out))
    await until(child, () => files(out).length > 0)
    child.kill('SIGKILL')
    assert.equal(await endOf(child), 'SIGKILL')
    const left = files(out)
    assert.ok(left.length > 0 && left.every((name) => /^[.].*[.]tmp$/.test(name)), left.join(' '))
    assert.equal((await runCommand(part)).code, 0)
    assert.ok(
      files(out).every((name) => name.endsWith('.parquet')),
      files(out).join(' '),
    )
  })

  test('check has nothing to clean up: a signal ends it like any program', async () => {
    const child = start('src/main.ts', 'check', recording)
    await until(child, () => openFiles(child.pid!).includes(recording))
    child.kill('SIGTERM')
    assert.equal(await endOf(child), 'SIGTERM')
  })
})
