import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, existsSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { TerminalOutput } from '../../../src/replay/terminal/terminal-output.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { pause } from '../fake-terminal.ts'
import { PROGRAM, ROOT } from '../tmux.ts'

/** A pipe without a reader takes 64 KiB and is then full, like a stopped terminal. */
function stopped(t: TestContext): { output: TerminalOutput; read: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-output-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  const output = new TerminalOutput(writer, new PassThrough())
  t.after(() => {
    output.end()
    closeSync(reader)
    closeSync(writer)
    rmSync(folder, { recursive: true })
  })
  const buffer = Buffer.alloc(1 << 20)
  const read = (): string => {
    try {
      return buffer.toString('utf8', 0, readSync(reader, buffer))
    } catch {
      return '' // EAGAIN: empty
    }
  }
  return { output, read }
}

const LONG = Array.from({ length: 30_000 }, (_, i) => `${i} `).join('')

test('output that a terminal does not take at once is written later, complete and in order', async (t) => {
  const { output, read } = stopped(t)
  output.write(LONG)
  output.write('the end')
  assert.ok(output.writableLength > 0)
  let text = ''
  while (!text.endsWith('the end')) {
    text += read()
    await pause(1)
  }
  assert.equal(text, `${LONG}the end`)
  assert.equal(output.writableLength, 0)
})

test('urgent output is written to a terminal that takes it, and buffered output is dropped', async (t) => {
  const { output, read } = stopped(t)
  output.write(LONG)
  const before = read()
  output.urgent('the screen that was there before')
  assert.equal(output.writableLength, 0)
  await pause(20)
  const text = before + read()
  assert.ok(text.length < LONG.length)
  assert.ok(text.endsWith('the screen that was there before'))
})

test('urgent output to a blocked terminal is dropped', (t) => {
  const { output } = stopped(t)
  output.write(LONG)
  output.urgent('nobody reads this')
  assert.equal(output.writableLength, 0)
})

const hasScript = spawnSync('script', ['--version']).status === 0

test(
  'a stopped terminal does not delay the recorder',
  { skip: hasScript ? false : 'needs script: apt-get install bsdutils' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-stopped-'))
    const file = join(folder, 'recorded.db')
    const record = `${PROGRAM} record --out ${file} --probe 'cat fixtures/probe/simulated.ndjson'`
    // The reader of the terminal is stopped before the first picture; twenty pictures of this size exceed the terminal's
    // buffer.
    const command = `stty rows 100 cols 250; kill -STOP $PPID; exec ${record}`
    const terminal = spawn('script', ['-qc', command, '/dev/null'], {
      cwd: ROOT,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh' },
    })
    t.after(() => {
      terminal.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    })
    const until = Date.now() + 60_000
    while (!isComplete(file) && Date.now() < until) await pause(100)
    assert.ok(isComplete(file), 'the recording has no end')
  },
)

function isComplete(file: string): boolean {
  if (!existsSync(file)) return false
  try {
    const recording = openRecording(file)
    recording.close()
    return recording.info.complete
  } catch {
    return false // not yet a recording
  }
}
