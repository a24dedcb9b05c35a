/** What the helper says that it cannot see, such as upstreams on unix sockets, is in the recording, and each reader shows it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { HelloLine, WireLine } from '../../src/record/wire.ts'
import { hello, snapshot } from '../record/wire-lines.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-not-visible-'))
after(() => rmSync(folder, { recursive: true }))

const SOCKET = {
  what: 'upstreams on unix sockets are not visible: unix:/run/\u001b[2Jphp.sock',
  remedy: 'to record them, let them listen on a TCP port',
}
const RETRIES = { what: 'retries after a connect timeout are not recognised', remedy: 'let tracing attach' }
const SHOWN = 'upstreams on unix sockets are not visible: unix:/run/\\x1b[2Jphp.sock'

const NOTHING_LOST = { ...snapshot(0).loss, holes: 0 }

let files = 0

/** Records two ticks by a helper that says this. @returns the recording */
const recorded = (unseen: HelloLine['unseen'], ...more: readonly string[]): Promise<string> =>
  recordedLosing({}, unseen, more)

/** @param lost in the second of two ticks */
async function recordedLosing(
  lost: Readonly<Record<string, number>>,
  unseen?: HelloLine['unseen'],
  more: readonly string[] = [],
): Promise<string> {
  const file = more.includes('--append') ? `${folder}/${files}.db` : `${folder}/${++files}.db`
  const capture = `${file}.ndjson`
  const second = more.includes('--append') ? 100 : 0
  const lines: WireLine[] = [
    { ...(hello as HelloLine), ...(unseen === undefined ? {} : { unseen }) },
    snapshot(second, { loss: NOTHING_LOST }),
    snapshot(second + 1, { final: true, loss: { ...NOTHING_LOST, ...lost } }),
    { type: 'bye', reason: 'stdin closed' },
  ]
  writeFileSync(capture, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { code, stderr } = await runCommand(['record', ...more, '--out', file, '--probe', `cat ${capture}`])
  assert.equal(code, 0, stderr)
  return file
}

async function infoOf(file: string): Promise<unknown> {
  const { stdout } = await runCommand(['info', file, '--format', 'json'])
  return (JSON.parse(stdout) as { recording: { not_visible?: unknown } }).recording.not_visible
}

test('info and every report for people show it once, and JSON has it as data', async () => {
  const file = await recorded([SOCKET])
  for (const args of [
    ['info', file],
    ...['text', 'md', 'html'].map((format) => ['report', file, '--format', format]),
  ]) {
    const { stdout } = await runCommand(args)
    // What the page's script reads is not what is shown.
    const shown = stdout.replace(/<script[^]*<\/script>/, '')
    const plain = shown.replaceAll('\\\\', '\\').replaceAll('\\[', '[')
    assert.equal(plain.split('upstreams on unix sockets').length, 2, args.join(' '))
    assert.ok(plain.includes('php.sock') && plain.includes(SOCKET.remedy), stdout)
    assert.ok(!stdout.includes('\u001b'), 'control bytes of a socket’s name are escaped')
  }
  assert.deepEqual(await infoOf(file), [SOCKET])
  const { stdout } = await runCommand(['report', file, '--format', 'json'])
  const { recording } = JSON.parse(stdout) as { recording: { not_visible: unknown }[] }
  assert.deepEqual(recording[0]?.not_visible, [SOCKET])
})

test('record and replay --print say it on stderr', async () => {
  const { stderr } = await runCommand(['replay', await recorded([SOCKET]), '--print'])
  assert.ok(stderr.includes(SHOWN), stderr)
})

test('a recording that goes on lacks what either run lacks, each said once', async () => {
  const file = await recorded([SOCKET])
  await recorded([RETRIES, SOCKET], '--append')
  assert.deepEqual(await infoOf(file), [SOCKET, RETRIES])
})

test('a copy lacks the same, and one with pseudonyms names no sockets', async () => {
  const file = await recorded([SOCKET])
  for (const [name, options] of [
    ['cut', []],
    ['redacted', ['--redact', 'paths']],
  ] as const) {
    const { code, stderr } = await runCommand(['cut', file, '--out', `${file}.${name}.db`, ...options])
    assert.equal(code, 0, stderr)
  }
  assert.deepEqual(await infoOf(`${file}.cut.db`), [SOCKET])
  assert.equal(await infoOf(`${file}.redacted.db`), undefined)
})

test('nothing is said about a recording of an older helper, or one that lacks nothing', async () => {
  for (const unseen of [undefined, []]) {
    const file = await recorded(unseen)
    assert.equal(await infoOf(file), undefined)
    const { stdout } = await runCommand(['info', file])
    assert.doesNotMatch(stdout, /not seen/)
  }
})

test('connections that were not wholly seen are named by check, report and screen, and check promises no balance', async () => {
  const file = await recordedLosing({ half_seen: 2, holes: 1 })
  const said = async (...args: string[]): Promise<string> => (await runCommand(args)).stdout
  const checked = await said('check', file)
  assert.match(checked, /2 connections of which a direction, or both, was not seen; .*1 hole: bytes/)
  assert.match(checked, /what was seen is accounted for/)
  assert.ok(!checked.includes('books balance'), checked)
  assert.match(await said('report', file), /lost: half_seen 2, holes 1/)
  const screen = await said('replay', file, '--print')
  assert.match(screen, /lost: 2 connections of which a direction was not seen, 1 spans/)

  assert.match(await said('check', await recordedLosing({})), /the books balance/)
})
