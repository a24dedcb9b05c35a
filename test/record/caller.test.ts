/** Under sudo only the helper is started as root; files and --probe commands of the user are opened and run as the user. */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Tmux, WITHOUT_TMUX } from '../replay/tmux.ts'
import { unreadableByNobody } from '../unprivileged.ts'

const ROOT = join(import.meta.dirname, '../..')
const CAPTURE = join(ROOT, 'fixtures/probe/simulated.ndjson')
const NOBODY = 65_534
const PROGRAM = ['--import', 'tsx', 'src/main.ts']
const SUDO = { SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY) }
/** Like Debian's node, which may use io_uring: process.setuid throws then. */
const REFUSES = { UV_USE_IO_URING: '1' }
const MODES = [
  ['node switches to the caller', {}],
  ['node refuses to', REFUSES],
] as const

const skip = process.getuid?.() !== 0 ? 'needs root' : unreadableByNobody()

describe('under sudo', { skip }, () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-caller-'))
    chmodSync(folder, 0o777)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const run = (words: readonly string[], env: NodeJS.ProcessEnv): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [...PROGRAM, ...words], {
      ...{ cwd: ROOT, env: { ...process.env, ...env }, encoding: 'utf8' },
    })

  for (const [mode, refusal] of MODES) {
    const env = { ...SUDO, ...refusal }

    for (const command of ['live', 'record', 'doctor']) {
      test(`a --probe command runs as the caller (${mode}): ${command}`, () => {
        const ids = join(folder, `${command} ${mode}`)
        const out = command === 'record' ? ['--out', `${ids}.db`] : []
        const probe = `{ id -u; id -g; id -G; } > '${ids}'; cat ${CAPTURE}`
        run([command, ...out, '--probe', probe], env)
        const groups = spawnSync('id', ['-G', String(NOBODY)], { encoding: 'utf8' }).stdout.trim()
        assert.deepEqual(readFileSync(ids, 'utf8').trim().split('\n'), ['65534', '65534', groups])
        assert.equal(statSync(ids).uid, NOBODY)
      })
    }

    test(`no root process has a file of the caller open (${mode})`, async () => {
      const file = join(folder, `open ${mode}.db`)
      const probe = `cat ${CAPTURE}; read -r _; true`
      const child = spawn(process.execPath, [...PROGRAM, 'record', '--out', file, '--probe', probe], {
        ...{ cwd: ROOT, env: { ...process.env, ...env }, stdio: 'ignore' },
      })
      while (child.exitCode === null && !existsSync(`${file}-wal`)) await pause(10)
      assert.deepEqual([...new Set(ownersOfOpen(file))], [NOBODY])
      child.kill('SIGINT')
      await once(child, 'exit')
      assert.equal(child.exitCode, 0)
      assert.equal(statSync(file).uid, NOBODY)
      assert.equal(run(['check', file], {}).status, 0)
    })

    test(`a command after -- runs as the caller, with the caller's home and none of the recorder's pipes (${mode})`, () => {
      const said = join(folder, `command ${mode}`)
      const script = `{ id -u; id -G; echo "$HOME $KEPT $UPSTREAMTOP_INHERITED_HELPER"; grep CapPrm /proc/self/status; ls /proc/$$/fd; } > '${said}'; exit 9`
      const words = ['record', '--out', `${said}.db`, '--probe', `cat ${CAPTURE}; read -r _; true`]
      const { status, stderr } = run([...words, '--', 'sh', '-c', script], {
        ...env,
        HOME: '/root',
        KEPT: 'kept',
      })
      assert.equal(status, 9, stderr)
      const groups = spawnSync('id', ['-G', String(NOBODY)], { encoding: 'utf8' }).stdout.trim()
      const home = spawnSync('getent', ['passwd', String(NOBODY)], { encoding: 'utf8' }).stdout.split(':')[5]
      const [uid, ids, environment, capabilities, ...descriptors] = readFileSync(said, 'utf8')
        .trim()
        .split('\n')
      assert.deepEqual([uid, ids, environment], ['65534', groups, `${home} kept `])
      assert.match(capabilities!, /^CapPrm:\t0+$/)
      // 1 while the script's output goes to the file; the shell keeps the old one at 10.
      assert.deepEqual(
        descriptors.filter((descriptor) => Number(descriptor) < 10),
        ['0', '1', '2'],
      )
      assert.equal(run(['check', `${said}.db`], {}).status, 0)
    })

    test(`the port of metrics is the caller's, who has no right to a low one (${mode})`, async () => {
      const file = join(folder, `port ${mode}.db`)
      const words = ['record', '--out', file, '--probe', `cat ${CAPTURE}; read -r _; true`]
      const child = spawn(process.execPath, [...PROGRAM, ...words, '--metrics', '127.0.0.1:0'], {
        ...{ cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] },
      })
      const port = await portOf(child.stderr)
      assert.equal(ownerOfPort(port), NOBODY)
      assert.match(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), /^upstreamtop_build_info/m)
      child.kill('SIGINT')
      await once(child, 'exit')
      assert.equal(child.exitCode, 0)
      if (Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) <= 81) return
      const low = run(['live', '--probe', `cat ${CAPTURE}`, '--metrics', '127.0.0.1:81'], env)
      assert.equal(low.status, 4)
      assert.match(low.stderr, /^upstreamtop: --metrics "127\.0\.0\.1:81": this user may not listen there$/m)
    })

    test(`the end of a helper is reported (${mode})`, () => {
      const ended = (probe: string): readonly [number | null, string] => {
        const { status, stderr } = run(['live', '--probe', probe], env)
        return [status, stderr.split('\n')[0]!]
      }
      assert.deepEqual(ended('echo "no such thing" >&2; exit 2'), [2, 'upstreamtop: no such thing'])
      assert.deepEqual(ended('exit 3'), [4, 'upstreamtop: the helper "exit 3" ended with exit code "3"'])
      const killed = 'the helper "kill -9 $$" was killed by SIGKILL; its programs are detached'
      assert.deepEqual(ended('kill -9 $$'), [4, `upstreamtop: ${killed}`])
    })

    test(`the umask of the caller is used (${mode})`, () => {
      const file = join(folder, `umask ${mode}.db`)
      const words = [process.execPath, ...PROGRAM, 'record', '--out', file, '--probe', `cat ${CAPTURE}`]
      const options = { cwd: ROOT, env: { ...process.env, ...env } }
      assert.equal(spawnSync('sh', ['-c', 'umask 077; exec "$@"', 'sh', ...words], options).status, 0)
      assert.equal(statSync(file).mode & 0o777, 0o600)
    })

    test(`Ctrl-Z stops it for the shell, and fg continues (${mode})`, { skip: WITHOUT_TMUX }, async (t) => {
      const tmux = new Tmux(t, 100, 30, env)
      tmux.run(`node ${PROGRAM.join(' ')} live --probe 'cat ${CAPTURE}; sleep 10'`)
      await tmux.shows(/coverage/)
      tmux.press('C-z')
      await tmux.shows(/Stopped/)
      assert.equal(tmux.is('alternate_on'), '0')
      tmux.run('fg')
      await tmux.shows(/coverage/)
      tmux.press('q')
      await tmux.shows(/[$#] *$/m)
    })
  }

  test('a command after -- has none of the capabilities of a unit', () => {
    const said = join(folder, 'ambient')
    const unit = [`--reuid=${NOBODY}`, '--inh-caps=+net_admin', '--ambient-caps=+net_admin', '--']
    const probe = `cat ${CAPTURE}; read -r _; true`
    const words = [...PROGRAM, 'record', '--out', `${said}.db`, '--probe', probe, '--']
    const script = `grep -E 'Cap(Prm|Amb|Inh)' /proc/self/status > '${said}'; exit 9`
    const command = [process.execPath, ...words, 'sh', '-c', script]
    const { status, stderr } = spawnSync('setpriv', [...unit, ...command], { cwd: ROOT, encoding: 'utf8' })
    assert.equal(status, 9, stderr)
    assert.match(readFileSync(said, 'utf8'), /^(Cap...:\t0+\n){3}$/)
  })

  for (const value of ['root', '-1', '4294967295', '99999999999999999999', '1.5', '0x10', '1000 ', '1\n0']) {
    test(`SUDO_UID ${JSON.stringify(value)} is refused with an error`, () => {
      const { status, stderr } = run(['live', '--probe', 'id >&2'], { ...SUDO, SUDO_UID: value })
      assert.equal(status, 2)
      assert.match(stderr, /^upstreamtop: SUDO_UID ".*" is not the number of a user or a group\n {2}.*\n$/)
    })
  }

  test('a caller without a group, and one unknown to the system, are refused with an error', () => {
    for (const refusal of [{}, REFUSES]) {
      const groupless = run(['live', '--probe', 'id'], { ...refusal, SUDO_UID: '1', SUDO_GID: '' })
      assert.match(groupless.stderr, /^upstreamtop: SUDO_GID "" is not the number/)
      const unknown = run(['live', '--probe', 'id'], { ...refusal, SUDO_UID: '4294967294', SUDO_GID: '1' })
      assert.equal(unknown.status, 4)
      assert.match(unknown.stderr, /^upstreamtop: .*4294967294/)
    }
  })

  test('a file that the caller cannot read is reported, if node refuses to switch users', () => {
    const home = join(folder, 'home')
    mkdirSync(home)
    for (const part of ['src', 'package.json'])
      cpSync(join(ROOT, part), join(home, part), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'))
    chmodSync(home, 0o700)
    const { status, stderr } = spawnSync(process.execPath, [...PROGRAM, 'live', '--probe', 'id'], {
      ...{ cwd: home, env: { ...process.env, ...SUDO, ...REFUSES }, encoding: 'utf8' },
    })
    assert.equal(status, 4)
    assert.match(
      stderr,
      /src\/main\.ts" or ".*" may not be read by user "65534", who called sudo\n {2}Install/,
    )
  })
})

/** The owners of the processes that have the file open. */
function ownersOfOpen(file: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === file)
      } catch {
        return false
      }
    })
    .map((pid) => statSync(`/proc/${pid}`).uid)
}

/** Of the line that says where the metrics are. */
async function portOf(stderr: Readable): Promise<number> {
  for await (const line of createInterface({ input: stderr })) {
    const [, port] = /^metrics at http:\/\/127\.0\.0\.1:(\d+)\/metrics$/.exec(line) ?? []
    if (port !== undefined) return Number(port)
  }
  throw new Error('it ended before its port was open')
}

/** The user whose socket listens there. */
function ownerOfPort(port: number): number | undefined {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const [, , , , , , , uid] = sockets.find(([, at, , state]) => at === local && state === '0A') ?? []
  return uid === undefined ? undefined : Number(uid)
}
