import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { run } from '../../src/cli/run.ts'
import type { TrafficColumns } from '../../src/record/rows.generated.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { runCommand } from './run-command.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-json-'))
after(() => rmSync(folder, { recursive: true }))

const traffic = (slot: number, total: number): TrafficColumns => {
  const sum = String(total * 2000)
  return [slot, total, total, 0, 0, 0, 0, 0, 0, 0, 0, sum, total, sum, 0, [200, total], [], []]
}

/** A helper's lines: snapshots at these seconds, with ten requests per second on each of the routes. */
function written(name: string, at: readonly number[], routes = 1): string {
  const slots = Array.from({ length: routes }, (_, i) => 7 + i)
  const lines: readonly WireLine[] = [
    hello,
    backend,
    ...slots.map((slot) => route(slot, `/route/${slot}`)),
    ...at.map((second, i) =>
      snapshot(second, {
        traffic: second === 0 ? [] : slots.map((slot) => traffic(slot, Math.round(second * 10))),
        final: i === at.length - 1,
      }),
    ),
    { type: 'bye', reason: 'stdin closed' },
  ]
  const file = join(folder, name)
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return file
}

const seconds = (n: number): number[] => Array.from({ length: n + 1 }, (_, i) => i)

test('live, record and replay print the same JSON, gaps included', async () => {
  const capture = written('late.ndjson', [0, 1, 2, 3, 10.2, 11, 12, 13])
  const file = join(folder, 'same.db')
  const probe = ['--probe', `cat ${capture}`]
  for (const view of [[], ['--routes', '0', '--window', '5', '--sort', 'p99']]) {
    rmSync(file, { force: true })
    const recorded = await runCommand(['record', '--out', file, '--json', ...view, ...probe])
    assert.equal(recorded.code, 0, recorded.stderr)
    const { stdout: replayed } = await runCommand(['replay', file, '--json', ...view])
    assert.equal(replayed.trimEnd().split('\n').length, 8)
    assert.match(replayed, /"reason":"late"/)
    assert.equal(recorded.stdout, replayed)
    const live = await runCommand(['live', '--json', ...view, ...probe])
    assert.equal(live.stdout, replayed)
    assert.equal(live.stderr, '')
    // stderr is talk: the beginning and the end, no progress
    assert.equal(recorded.stderr.trimEnd().split('\n').length, 2, recorded.stderr)
  }
})

test('a reader that reads nothing costs a bounded memory, no tick of the file, and one line of talk', async () => {
  const file = join(folder, 'slow.db')
  const capture = written('wide.ndjson', seconds(60), 1000)
  const stdout = new StuckStream()
  const stderr = new PassThrough()
  const code = await run({
    args: ['record', '--out', file, '--json', '--routes', '1000', '--probe', `cat ${capture}`],
    stdin: new PassThrough(),
    stdout,
    stderr,
    env: {},
    now: Date.now,
    signal: new AbortController().signal,
  })
  assert.equal(code, 0)
  assert.ok(stdout.writableLength > 16e6 && stdout.writableLength < 18e6, String(stdout.writableLength))
  stdout.release()
  const lines = stdout.text.trimEnd().split('\n')
  for (const line of lines) JSON.parse(line)
  const said = String(stderr.read())
  assert.equal(said.match(/is too slow/g)?.length, 1)
  assert.match(said, new RegExp(`^upstreamtop: ${60 - lines.length} seconds were left out of --json`, 'm'))
  const { stdout: info } = await runCommand(['info', file, '--format', 'json'])
  assert.equal((JSON.parse(info) as { recording: { ticks: number } }).recording.ticks, 60)
})

test('a reader that never reads does not keep a recorder that has ended', async () => {
  const file = join(folder, 'stuck.db')
  const capture = written('stuck.ndjson', seconds(12), 1000)
  const words = ['record', '--out', file, '--json', '--routes', '1000', '--probe', `cat ${capture}`]
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'src/main.ts'), ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stderr = text(child.stderr)
  const [code] = (await once(child, 'exit')) as [number]
  assert.equal(code, 0)
  child.stdout.destroy()
  assert.match(await stderr, /^upstreamtop: the reader of --json has left .* unread; the recording has all$/m)
  assert.deepEqual(await whole(file), [12, true])
})

/** Keeps what is written until it is released. */
class StuckStream extends Writable {
  text = ''
  #waiting: (() => void) | null = null
  #released = false

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString()
    if (this.#released) done()
    else this.#waiting = done
  }

  release(): void {
    this.#released = true
    // The next ones are written within this call.
    this.cork()
    this.#waiting?.()
    this.uncork()
  }
}

/** The program in a shell. @returns its exit code, whatever comes after it in the pipe */
function inShell(words: string, after: string): { readonly status: number; readonly stderr: string } {
  const program = `node --import tsx ${join(root, 'src/main.ts')}`
  const { stderr, stdout } = spawnSync(
    'bash',
    ['-c', `${program} ${words} ${after}; echo "\${PIPESTATUS[0]}"`],
    {
      encoding: 'utf8',
      cwd: root,
    },
  )
  return { status: Number(stdout.trim().split('\n').at(-1)), stderr }
}

const whole = async (file: string): Promise<unknown[]> => {
  const { stdout } = await runCommand(['info', file, '--format', 'json'])
  const { recording } = JSON.parse(stdout) as { recording: { ticks: number; complete: boolean } }
  return [recording.ticks, recording.complete]
}

/** The first second, and the rest when the reader has had the time to go. */
const slowly = (capture: string): string => `'head -5 ${capture}; sleep 1; tail -n +6 ${capture}'`

test('a reader that goes ends live, and no recording', async () => {
  const capture = written('gone.ndjson', seconds(12))
  const file = join(folder, 'gone.db')
  const recorded = inShell(`record --out ${file} --json --probe ${slowly(capture)}`, '| head -1')
  assert.equal(recorded.status, 0, recorded.stderr)
  assert.equal(recorded.stderr.match(/the reader of --json has gone; the recording goes on$/gm)?.length, 1)
  assert.deepEqual(await whole(file), [12, true])
  const live = inShell(`live --json --probe ${slowly(capture)}`, '| head -1')
  assert.deepEqual(live, { status: 0, stderr: '' })
})

test('a full disk behind stdout is a failure at the end of a whole recording', async () => {
  const capture = written('full.ndjson', seconds(12))
  const file = join(folder, 'full.db')
  const { status, stderr } = inShell(`record --out ${file} --json --probe ${slowly(capture)}`, '> /dev/full')
  assert.equal(status, 4, stderr)
  assert.equal(stderr.match(/--json ends here: .*ENOSPC.*; the recording goes on/g)?.length, 1, stderr)
  assert.deepEqual(await whole(file), [12, true])
})
