import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, test } from 'node:test'
import { run } from '../../src/cli/run.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { META } from '../store/support.ts'
import { sampleFrames } from '../torture/sample.ts'
import { runCommand } from './run-command.ts'

const RECORDINGS = join(import.meta.dirname, '../../fixtures/recordings')
const INCIDENT = join(RECORDINGS, 'incident.db')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-replay-'))
after(() => rmSync(folder, { recursive: true }))

const printed = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCommand(['replay', INCIDENT, ...args])
  assert.equal(code, 0, stderr)
  return stdout
}

test('without a terminal, replay prints screens of the given size without escape sequences', async () => {
  const text = await printed('--at', '+70s', '--size', '80x24')
  assert.match(text, /^upstreamtop — nginx upstreams · /)
  assert.ok(!text.includes('\u001b'))
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
})

test('--ansi prints screens in colour, --plain does not', async () => {
  assert.match(await printed('--at', '+70s', '--ansi'), /\u001b\[1;31m/)
  assert.ok(!(await printed('--at', '+70s', '--ansi', '--plain')).includes('\u001b'))
})

test('a time in whole seconds is the tick that starts in that second', async () => {
  assert.match(await printed('--at', '15:01:10'), /2026-11-22 15:01:10 Europe\/Berlin/)
})

test('--follow without a terminal prints new ticks, from the newest one on, until the recorder ends', async (t) => {
  const own = mkdtempSync(join(tmpdir(), 'upstreamtop-growing-'))
  t.after(() => rmSync(own, { recursive: true }))
  const file = join(own, 'growing.db')
  const frames = [...sampleFrames({ secs: 6 })]
  const sink = createRecording(file, META)
  for (const frame of frames.slice(0, 3)) sink.append(frame)
  const stdout = new PassThrough()
  let text = ''
  stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  stdout.once('data', () => {
    for (const frame of frames.slice(3)) sink.append(frame)
    sink.close()
  })
  const args = ['replay', file, '--follow', '--print', '--size', '80x8']
  const [stdin, stderr] = [new PassThrough(), new PassThrough()]
  const { signal } = new AbortController()
  assert.equal(await run({ args, stdin, stdout, stderr, env: {}, now: Date.now, signal }), 0)
  const whole = await runCommand(['replay', file, '--print', '--size', '80x8'])
  const pictures = whole.stdout.split(/\n(?=upstreamtop )/)
  assert.equal(pictures.length, 6)
  assert.equal(text, pictures.slice(2).join('\n'))
})

test('--frames prints one screen per step', async () => {
  const text = await printed('--frames', '+10s..+30s/10s')
  assert.deepEqual(
    [...text.matchAll(/ (15:\d\d:\d\d) Europe/g)].map(([, clock]) => clock),
    ['15:00:10', '15:00:20', '15:00:30'],
  )
})

test('--json prints one object per line', async () => {
  const lines = (await printed('--frames', '+10s..+3s', '--json')).trimEnd().split('\n')
  assert.equal(lines.length, 3)
  for (const line of lines) assert.equal((JSON.parse(line) as { host: string }).host, 'web1')
})

test('the environment does not change the output', async () => {
  const usual = await printed('--at', '+70s')
  const env = { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', COLUMNS: '50', NO_COLOR: '1', TERM: 'vt100' }
  const words = ['--import', 'tsx', 'src/main.ts', 'replay', INCIDENT, '--at', '+70s']
  const cwd = join(import.meta.dirname, '../..')
  assert.equal(
    execFileSync('node', words, { cwd, encoding: 'utf8', env: { PATH: process.env.PATH, ...env } }),
    usual,
  )
})

test('a read-only copy in a read-only folder is shown, and no file is created beside it', async () => {
  const copy = join(folder, 'copy.db')
  copyFileSync(INCIDENT, copy)
  chmodSync(copy, 0o440)
  chmodSync(folder, 0o550)
  try {
    const { code } = await runCommand(['replay', copy, '--at', '+70s'])
    assert.equal(code, 0)
    assert.deepEqual(readdirSync(folder), ['copy.db'])
  } finally {
    chmodSync(folder, 0o750)
  }
})

for (const [args, message] of [
  [['--at', '99:00'], /"99:00" is not a time of day/],
  [['--at', '09:00'], /"09:00" lies outside the recording/],
  [['--frames', '14:00'], /"14:00" is not a range/],
  [['--frames', '+1s..+9s/x'], /"\+1s\.\.\+9s\/x" is not FROM\.\.TO\/STEP/],
  [['--speed', '100'], /--speed "100" is no speed/],
  [['--sort', 'colour'], /--sort "colour" is no column of the screen/],
  [['--size', 'big'], /--size "big" is no size/],
  [['--tz', 'Mars'], /--tz "Mars" is no time zone/],
  [['--window', '0'], /--window "0"/],
] as const) {
  test(`${args.join(' ')} is a usage error with the value and the next step`, async () => {
    const { code, stdout, stderr } = await runCommand(['replay', INCIDENT, ...args])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, message)
    assert.match(stderr, /\n {2}\S/)
  })
}

test('a missing file, a foreign file and a newer recording give different errors', async () => {
  const code = async (file: string): Promise<number> => (await runCommand(['replay', file])).code
  assert.equal(await code(join(folder, 'nothing.db')), 2)
  assert.equal(await code(join(RECORDINGS, 'foreign.db')), 5)
  assert.equal(await code(join(RECORDINGS, 'newer.db')), 5)
})

test('a recording without ticks is reported', async () => {
  const { code, stdout, stderr } = await runCommand(['replay', join(RECORDINGS, 'no-tick.db')])
  assert.deepEqual([code, stdout], [0, ''])
  assert.match(stderr, /no ticks/)
})

test('a range without ticks is reported', async () => {
  for (const args of [['--print'], ['--json'], ['--frames', '99.99%..100%']]) {
    const ran = await runCommand(['replay', INCIDENT, '--from', '99.99%', ...args])
    assert.deepEqual([ran.code, ran.stdout], [0, ''])
    assert.match(ran.stderr, /this range has no ticks/)
  }
})

test('the readable part of a damaged recording is shown, and the damage is reported', async () => {
  const { code, stdout, stderr } = await runCommand([
    'replay',
    join(RECORDINGS, 'truncated.db'),
    '--at',
    '10%',
  ])
  assert.equal(code, 0)
  assert.match(stdout, /coverage/)
  assert.notEqual(stderr, '')
})
