/** Two recorders never write into one file: not in two pid namespaces, not beside a zombie, and no dead one holds it for ever. */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import type { WireLine } from '../../src/record/wire.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { silent } from '../torture/kit.ts'
import { runCommand, type Ran } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-lock-'))
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const capture = join(folder, 'capture.ndjson')
const whole = join(folder, 'whole.ndjson')
const lines: readonly WireLine[] = [hello, snapshot(0), backend, route(7, '/'), snapshot(1)]
const end: readonly WireLine[] = [snapshot(2, { final: true }), { type: 'bye', reason: 'stdin closed' }]
const text = (some: readonly WireLine[]): string => some.map((line) => `${JSON.stringify(line)}\n`).join('')
writeFileSync(capture, text(lines))
writeFileSync(whole, text([...lines, ...end]))

const UNSHARE = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child']
const unshared = spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), 'true'])
const skip = unshared.status === 0 ? false : 'needs user and pid namespaces'

const append = (file: string): Promise<Ran> =>
  runCommand(['record', '--append', '--out', file, '--probe', `cat ${whole}`])

/** A recorder that runs until its probe is ended: resolves when its file exists. @param around runs it, for example in a namespace */
async function recorder(file: string, around: readonly string[] = []): Promise<ChildProcess> {
  const record = ['record', '--append', '--out', file, '--probe', `cat ${capture}; exec cat`]
  const [command, ...words] = [...around, process.execPath, '--import', 'tsx', MAIN, ...record]
  const child = spawn(command!, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  for await (const text of child.stderr) if (String(text).includes('recording lo')) break
  return child
}

const ended = async (child: ChildProcess, signal: 'SIGINT' | 'SIGKILL'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const end = once(child, 'exit')
  child.kill(signal)
  await end
}

const files = (name: string): string[] => readdirSync(folder).filter((found) => found.startsWith(name))

test('a recorder of another pid namespace is seen, named, and never written beside', { skip }, async () => {
  const file = join(folder, 'n.db')
  const child = await recorder(file, UNSHARE)
  symlinkSync('n.db', join(folder, 'link.db'))
  for (const name of [file, join(folder, 'link.db')]) {
    const { code, stderr } = await append(name)
    assert.equal(code, 2, stderr)
    assert.match(stderr, /is being recorded by process 1 of another pid namespace/)
    const { stdout } = await runCommand(['info', name])
    assert.match(stdout, /^state +being recorded by process 1$/m)
  }
  await ended(child, 'SIGKILL')
  // The namespace ends with its first process, which the kernel ends with the one outside.
  let last = await append(file)
  while (last.code === 2) last = await append(file)
  assert.equal(last.code, 0, last.stderr)
  assert.equal((await checkRecording(file, silent)).state, 'whole')
  assert.deepEqual(files('n.db'), ['n.db'])
})

test('two recorders that begin at the same moment: one records, the other is told', async () => {
  const file = join(folder, 'two.db')
  const [a, b] = await Promise.all([recorder(file), append(file)])
  await ended(a, 'SIGINT')
  assert.ok(b.code === 2 || b.code === 0, b.stderr)
  assert.equal((await checkRecording(file, silent)).state, 'whole')
  assert.deepEqual(files('two.db'), ['two.db'])
})

test('while a recorder runs its lock lies beside the file, and is gone after an orderly end', async () => {
  const file = join(folder, 'tidy.db')
  const child = await recorder(file)
  assert.ok(existsSync(`${file}-lock`))
  const { code, stderr } = await append(file)
  assert.equal(code, 2)
  assert.match(stderr, new RegExp(`is being recorded by process ${child.pid}\\b`))
  assert.ok(existsSync(`${file}-lock`), 'who is refused leaves the lock')
  await ended(child, 'SIGINT')
  assert.deepEqual(files('tidy.db'), ['tidy.db'])
})

test('a killed recorder that nobody waits for holds nothing, and neither does one before the last boot', async () => {
  const file = join(folder, 'z.db')
  // The shell becomes another program, which never waits for the recorder.
  const words = [process.execPath, '--import', 'tsx', MAIN, 'record', '--append', '--out', file]
  const shell = `"$@" --probe 'cat ${capture}; exec cat' 2>"$0" & echo $!; exec sleep 60`
  const log = join(folder, 'z.log')
  const parent = spawn('/bin/sh', ['-c', shell, log, ...words], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [pid] = (await once(parent.stdout, 'data')) as [Buffer]
  while (!existsSync(log) || !readFileSync(log, 'utf8').includes('recording lo'))
    await new Promise((resolve) => setTimeout(resolve, 20))
  process.kill(Number(pid.toString()), 'SIGKILL')
  const proc = `/proc/${Number(pid.toString())}`
  // As long as one of its other threads has not ended, the process has its files and locks.
  const isDead = (): boolean =>
    readFileSync(`${proc}/stat`, 'utf8').includes(') Z ') && readdirSync(`${proc}/task`).length === 1
  while (!isDead()) await new Promise((resolve) => setTimeout(resolve, 20))
  const { stdout } = await runCommand(['info', file])
  assert.match(stdout, /^state +not ended cleanly/m)
  const { code, stderr } = await append(file)
  assert.equal(code, 0, stderr)
  await ended(parent, 'SIGKILL')
  const database = new Sqlite(file)
  const lock = { boot: 'another', pid: process.pid, started: '1', namespace: 'pid:[1]' }
  database.prepare("UPDATE meta SET value = ? WHERE key = 'lock'").run(JSON.stringify(lock))
  database.close()
  assert.equal((await append(file)).code, 0)
})

test('what is no lock of a recorder is not taken for one', async () => {
  const file = join(folder, 'odd.db')
  writeFileSync(`${file}-lock`, 'mine')
  const { code, stderr } = await append(file)
  assert.equal(code, 2)
  assert.match(stderr, /odd\.db-lock" is no lock of a recorder/)
  assert.equal(readFileSync(`${file}-lock`, 'utf8'), 'mine')
  assert.ok(!existsSync(file))
})
