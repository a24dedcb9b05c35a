/** The command line of contrib/systemd/upstreamtop@.service with the rights that the unit grants, on real traffic. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { unreadableByNobody } from '../unprivileged.ts'
import { makeNamespace, removeNamespace } from './lab/network.ts'
import { lacking, PROBE, ROOT, sh } from './lab/system.ts'

const MAIN = join(ROOT, 'dist/main.js')
const UNIT = readFileSync(join(ROOT, 'contrib/systemd/upstreamtop@.service'), 'utf8')
const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(UNIT)?.[1] ?? ''
/** Anybody may send to it; node has no sockets for datagrams between processes. */
const LISTENER = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
print('listening')
while True: print(listener.recv(100).decode())`
const NO_CAPABILITY = '0000000000000000'

describe('the unit of the recorder', { skip: lacking('setpriv', 'python3') || unreadableByNobody() }, () => {
  let namespace: string
  let folder: string
  before(async () => {
    namespace = await makeNamespace('u')
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-unit-'))
    chmodSync(folder, 0o777)
  })
  after(async () => {
    await removeNamespace(namespace)
    rmSync(folder, { recursive: true, force: true })
  })

  const asGranted = (): readonly string[] => {
    const granted = setting('AmbientCapabilities').toLowerCase().replace(/cap_/g, '+').replace(/ /g, ',')
    return [
      ...['ip', 'netns', 'exec', namespace, 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
      ...[`--inh-caps=-all,${granted}`, `--ambient-caps=-all,${granted}`, `--bounding-set=-all,${granted}`],
      '--no-new-privs',
    ]
  }

  /** As systemd starts it, for another user and folder. */
  const start = async (name: string, env: NodeJS.ProcessEnv = {}): Promise<Recorder> => {
    const line = setting('ExecStart')
      .replace('@PREFIX@/lib/upstreamtop/build/upstreamtop-probe', PROBE)
      .replace('@PREFIX@/bin/upstreamtop', `${process.execPath} ${MAIN}`)
      .replace('/var/lib/upstreamtop/%i', join(folder, name))
      .replace(' $OPTIONS', '')
      .replace(/ --metrics \S+/, ' --metrics 127.0.0.1:0')
    const words = [...asGranted(), ...line.split(' ')]
    const recorder = new Recorder(
      spawn(words[0]!, words.slice(1), {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    )
    await recorder.says(/^recording /m)
    return recorder
  }

  test('no process of it has a capability while it records, nor can get one', async () => {
    const recorder = await start('rights')
    const processes = recorder.processes()
    // The program, what started its helper, the helper; its readers, where there is an nginx.
    assert.ok(processes.length >= 3, JSON.stringify(processes))
    for (const { command, status } of processes) {
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
        assert.equal(status(set), NO_CAPABILITY, `${command} ${set}`)
      assert.equal(status('NoNewPrivs'), '1', command)
      assert.equal(status('Uid'), '65534\t65534\t65534\t65534', command)
    }
    assert.equal(await recorder.endsBy('SIGTERM'), 0, recorder.stderr)
  })

  test('it records what nginx does, to the last second, and goes on with it when it is started again', async () => {
    const ledger = join(folder, 'ledger.json')
    let requests = 0
    for (let times = 0; times < 2; times++) {
      const recorder = await start('again')
      const simulate = ['simulate', '--workers', '4', '--duration', '2', '--ledger', ledger]
      await sh('ip', 'netns', 'exec', namespace, process.execPath, MAIN, ...simulate)
      requests += (JSON.parse(readFileSync(ledger, 'utf8')) as Report).totals.requests
      assert.equal(await recorder.endsBy('SIGTERM'), 0, recorder.stderr)
    }
    const file = join(folder, 'again.db')
    const { coverage, recording, totals } = await report(file)
    assert.deepEqual(
      coverage.gaps.map(({ reason }) => reason),
      ['stopped'],
    )
    assert.equal(recording[0]!.complete, true)
    assert.equal(totals.requests, requests)
  })

  test('when the program is killed the helper ends, and when the helper is killed the program says so', async () => {
    const first = await start('killed')
    const left = first.processes().slice(1)
    await first.endsBy('SIGKILL')
    for (let i = 0; i < 100 && left.some(({ lives }) => lives()); i++) await sleep(100)
    assert.deepEqual(
      left.filter(({ lives }) => lives()).map(({ command }) => command),
      [],
    )
    const second = await start('killed')
    const helper = second.processes().find(({ command }) => command.startsWith('upstreamtop-probe'))!
    process.kill(helper.pid, 'SIGKILL')
    assert.equal(await second.ends(), 4, second.stderr)
    assert.match(second.stderr, /was killed by SIGKILL/)
  })

  test('systemd hears of it while it records', async () => {
    const address = join(folder, 'notify')
    const listener = spawn('python3', ['-uc', LISTENER, address], { stdio: ['ignore', 'pipe', 'inherit'] })
    let heard = ''
    listener.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text))
    while (!heard.includes('listening')) await sleep(20)
    const recorder = await start('heard', { NOTIFY_SOCKET: address })
    while (heard.split('WATCHDOG=1').length < 4) await sleep(100)
    assert.equal(await recorder.endsBy('SIGTERM'), 0, recorder.stderr)
    listener.kill()
    assert.match(heard, /^listening\n(WATCHDOG=1\n)+$/)
  })

  test('a recorder that a command of it starts does not get its rights', async () => {
    const inner = `${process.execPath} ${MAIN} record --out ${join(folder, 'inner.db')} --secs 1 --quiet`
    await assert.rejects(
      sh(...asGranted(), PROBE, '--launch', '/bin/sh', '-c', `${inner}; exit $?`),
      /needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON/,
    )
  })

  test('what is wrong in its options is said, with exit code 2', async () => {
    const words = ['--launch', process.execPath, MAIN, 'record', '--out', join(folder, 'x.db')]
    await assert.rejects(sh(PROBE, ...words, '--iface', 'nowhere'), (error: NodeJS.ErrnoException) => {
      assert.match(String(error), /there is no interface "nowhere"/)
      assert.equal(error.code, 2)
      return true
    })
    await assert.rejects(sh(PROBE, ...words, '--no-such-option'), { code: 2 })
  })

  const report = async (file: string): Promise<Report> =>
    JSON.parse(await sh(process.execPath, MAIN, 'report', file, '--format', 'json')) as Report
})

interface Report {
  readonly recording: readonly { readonly complete: boolean }[]
  readonly coverage: { readonly gaps: readonly { readonly reason: string }[] }
  readonly totals: { readonly requests: number }
}

interface Process {
  readonly pid: number
  readonly command: string
  readonly status: (field: string) => string | undefined
  readonly lives: () => boolean
}

class Recorder {
  stderr = ''
  readonly #process: ChildProcess
  readonly #end: Promise<unknown[]>

  constructor(process: ChildProcess) {
    this.#process = process
    process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#end = once(process, 'close')
  }

  async says(what: RegExp): Promise<void> {
    for (let i = 0; i < 600 && !what.test(this.stderr); i++) {
      assert.equal(this.#process.exitCode, null, this.stderr)
      await sleep(100)
    }
    assert.match(this.stderr, what)
  }

  async ends(): Promise<unknown> {
    const [code] = await this.#end
    return code
  }

  endsBy(signal: NodeJS.Signals): Promise<unknown> {
    this.#process.kill(signal)
    return this.ends()
  }

  /** Itself, and all below it. */
  processes(): readonly Process[] {
    const below = (pid: number): readonly Process[] => [
      processOf(pid),
      ...childrenOf(pid).flatMap((child) => below(child)),
    ]
    return below(this.#process.pid!)
  }
}

const childrenOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )

function processOf(pid: number): Process {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    pid,
    command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' '),
    status: (field) => new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1],
    lives: () => {
      try {
        return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
      } catch {
        return false
      }
    },
  }
}
