/** The whole program on real traffic: simulate → kernel → helper → recorder → file → replay and report. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { samplesIn, sumOf, type Sample } from '../metrics/parse.ts'
import { unreadableByNobody } from '../unprivileged.ts'
import { makeNamespace, removeNamespace } from './lab/network.ts'
import { lacking, ROOT, sh } from './lab/system.ts'

const MAIN = join(ROOT, 'dist/main.js')
const NOBODY = 65_534
interface Entity {
  readonly requests: number
  readonly codes: Readonly<Record<string, number>>
  readonly grpc: Readonly<Record<string, number>> | null
}
interface Summary {
  readonly recording: readonly { readonly ticks: number; readonly complete: boolean }[]
  readonly coverage: {
    readonly loss: Readonly<Record<string, number>>
    readonly excluded: Readonly<Record<string, number>>
  }
  readonly totals: Entity
  readonly backends: readonly (Entity & {
    readonly backend: string
    readonly routes: readonly (Entity & { readonly method: string; readonly route: string })[]
  })[]
}

/** The namespace has a loopback of its own. */
const SCRAPE =
  "fetch('http://127.0.0.1:9465/metrics').then((of) => of.text()).then((text) => process.stdout.write(text))"

describe('the whole program', { skip: lacking() }, () => {
  let namespace: string
  let folder: string
  before(async () => {
    namespace = await makeNamespace('w')
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-whole-'))
    chmodSync(folder, 0o777)
  })
  after(async () => {
    await removeNamespace(namespace)
    rmSync(folder, { recursive: true, force: true })
  })

  const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}, main = MAIN): Running =>
    new Running(
      spawn('ip', ['netns', 'exec', namespace, process.execPath, main, ...args], {
        env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, SUDO_UID: '', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )

  const record = async (file: string, ...options: readonly string[]): Promise<Running> => {
    const recorder = start(['record', '--out', file, ...options])
    await recorder.says(/^recording /m)
    return recorder
  }

  const simulate = async (seconds: number, workers: number): Promise<Summary> => {
    const ledger = join(folder, 'ledger.json')
    const simulator = start([
      'simulate',
      '--workers',
      String(workers),
      '--duration',
      String(seconds),
      '--ledger',
      ledger,
    ])
    assert.equal(await simulator.ends(), 0, simulator.stderr)
    return JSON.parse(readFileSync(ledger, 'utf8')) as Summary
  }

  const report = async (file: string): Promise<Summary> =>
    JSON.parse(await sh(process.execPath, MAIN, 'report', file, '--format', 'json')) as Summary

  test('a recording of nginx equals the ledger of its backends exactly', async () => {
    const file = join(folder, 'equal.db')
    const recorder = await record(file)
    const truth = await simulate(8, 24)
    recorder.signal('SIGINT')
    assert.equal(await recorder.ends(), 0, recorder.stderr)
    const seen = await report(file)
    assert.deepEqual(counted(seen), counted(truth))
    assert.deepEqual(
      Object.values(seen.coverage.loss).filter((n) => n > 0),
      [],
    )
    assert.equal(seen.recording[0]!.complete, true)
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('equal.db')),
      ['equal.db'],
    )
    assert.match(await sh(process.execPath, MAIN, 'check', file), /whole/)
  })

  test('metrics are scraped while it records, and equal the ledger exactly', async () => {
    const recorder = await record(join(folder, 'scraped.db'), '--metrics', '9465', '--metrics-routes')
    const truth = await simulate(3, 8)
    const scrape = (): Promise<string> => sh('ip', 'netns', 'exec', namespace, process.execPath, '-e', SCRAPE)
    const lastTick = (samples: readonly Sample[]): number =>
      sumOf(samples, 'upstreamtop_last_tick_timestamp_seconds')
    const first = lastTick(samplesIn(await scrape()))
    let samples: readonly Sample[]
    do samples = samplesIn(await scrape())
    while (lastTick(samples) < first + 2)
    recorder.signal('SIGINT')
    assert.equal(await recorder.ends(), 0, recorder.stderr)
    for (const { backend, requests, codes } of truth.backends) {
      const [server_address, server_port] = backend.split(':') as [string, string]
      const labels = { server_address, server_port }
      assert.equal(sumOf(samples, 'upstreamtop_requests_total', labels), requests)
      for (const [http_response_status_code, answers] of Object.entries(codes))
        assert.equal(
          sumOf(samples, 'upstreamtop_responses_total', { ...labels, http_response_status_code }),
          answers,
        )
    }
    assert.equal(sumOf(samples, 'upstreamtop_coverage_ratio') > 0.9, true)
  })

  test('the control totals reconcile when recording starts and ends during traffic', async () => {
    const simulator = start(['simulate', '--workers', '24', '--duration', '600'])
    await simulator.says(/^simulating /m)
    for (const name of ['midst1.db', 'midst2.db', 'midst3.db']) {
      const file = join(folder, name)
      const recorder = await record(file, '--secs', '1')
      assert.equal(await recorder.ends(), 0, recorder.stderr)
      assert.ok((await report(file)).totals.requests > 0)
      assert.match(await sh(process.execPath, MAIN, 'check', file), /the books balance/)
    }
    simulator.signal('SIGTERM')
    await simulator.ends()
  })

  test('the frames of a recording add up to the last totals of the kernel', async () => {
    const wire = join(folder, 'wire.ndjson')
    const file = join(folder, 'wire.db')
    const helper = join(ROOT, 'build/upstreamtop-probe')
    // SIGTERM would end the command early, and the helper needs time to detach.
    const recorder = await record(file, '--probe', `trap '' TERM; ${helper} | tee ${wire}`)
    await simulate(3, 8)
    recorder.signal('SIGTERM')
    assert.equal(await recorder.ends(), 0, recorder.stderr)
    assert.equal((await report(file)).totals.requests, lastTotalOf(wire))
    const again = join(folder, 'again.db')
    await sh(process.execPath, MAIN, 'record', '--out', again, '--probe', `cat ${wire}`)
    assert.deepEqual(counted(await report(again)), counted(await report(file)))
    const [live, replayed] = await Promise.all([
      sh(process.execPath, MAIN, 'live', '--probe', `cat ${wire}`, '--tz', 'UTC'),
      sh(process.execPath, MAIN, 'replay', file, '--print', '--tz', 'UTC'),
    ])
    assert.equal(live.trimEnd(), replayed.trimEnd(), 'live and replay print the same bytes')
  })

  test('a killed helper ends the recorder with an error and a whole file', async () => {
    const file = join(folder, 'helper-killed.db')
    const recorder = await record(file)
    await sleep(2500)
    process.kill(await helperOf(recorder.pid), 'SIGKILL')
    assert.equal(await recorder.ends(), 4)
    assert.match(recorder.stderr, /was killed by SIGKILL/)
    assert.match(await sh(process.execPath, MAIN, 'check', file), /whole/)
    assert.equal((await report(file)).recording[0]!.ticks >= 2, true)
  })

  test('a killed recorder ends the helper and loses no written tick', async () => {
    const file = join(folder, 'recorder-killed.db')
    const recorder = await record(file)
    const helper = await helperOf(recorder.pid)
    const ticks = async (): Promise<number> => (await report(file)).recording[0]!.ticks
    while ((await ticks()) < 3) await sleep(200)
    const before = await ticks()
    process.kill(recorder.pid, 'SIGKILL')
    await recorder.ends()
    await gone(helper)
    const kept = await ticks()
    assert.ok(kept >= before, `${kept} ticks, there were ${before}`)
  })

  test('the running helper has no capability and runs as a separate user', async () => {
    const recorder = await record(join(folder, 'rights.db'), '--secs', '2')
    const status = readFileSync(`/proc/${await helperOf(recorder.pid)}/status`, 'utf8')
    assert.match(status, /^CapEff:\t0{16}$/m)
    assert.match(status, /^CapPrm:\t0{16}$/m)
    assert.match(status, /^Uid:\t(?!0\t|65534\t)(\d+)\t\1\t\1\t\1$/m)
    assert.match(status, /^NoNewPrivs:\t1$/m)
    assert.equal(await recorder.ends(), 0, recorder.stderr)
  })

  test('under sudo the file belongs to the caller', async () => {
    const file = join(folder, 'sudo.db')
    const recorder = start(['record', '--out', file, '--secs', '1'], {
      SUDO_UID: String(NOBODY),
      SUDO_GID: String(NOBODY),
    })
    assert.equal(await recorder.ends(), 0, recorder.stderr)
    const { uid, gid, mode } = statSync(file)
    assert.deepEqual([uid, gid, mode & 0o777], [NOBODY, NOBODY, 0o640])
  })

  test('under sudo the file belongs to the caller, also where node does not change users', async () => {
    const file = join(folder, 'uring.db')
    const caller = { SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY), UV_USE_IO_URING: '1' }
    const recorder = start(['record', '--out', file], caller)
    await recorder.says(/^recording /m)
    for (const ending of ['', '-wal', '-shm']) assert.equal(statSync(file + ending).uid, NOBODY, ending)
    recorder.signal('SIGINT')
    assert.equal(await recorder.ends(), 0, recorder.stderr)
    const { uid, gid, mode } = statSync(file)
    assert.deepEqual([uid, gid, mode & 0o777], [NOBODY, NOBODY, 0o640])
  })

  test('under sudo it records from a folder that the caller cannot read', async () => {
    const home = join(folder, 'root-only')
    mkdirSync(join(home, 'build'), { recursive: true })
    for (const part of ['dist', 'package.json', 'build/upstreamtop-probe', ...runtimePackages()])
      cpSync(join(ROOT, part), join(home, part), { recursive: true })
    chmodSync(home, 0o700)
    const file = join(folder, 'unreadable.db')
    const caller = { SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY) }
    const recorder = start(['record', '--out', file, '--secs', '1'], caller, join(home, 'dist/main.js'))
    assert.equal(await recorder.ends(), 0, recorder.stderr)
    assert.equal(statSync(file).uid, NOBODY)
  })

  const skip = unreadableByNobody()
  test(
    'an unprivileged user replays and reports a read-only copy in a read-only folder',
    { skip },
    async () => {
      for (const name of ['sudo.db', 'recorder-killed.db']) {
        const place = join(folder, `read-only-${name}`)
        mkdirSync(place)
        const copies = readdirSync(folder).filter((entry) => entry === name || entry === `${name}-wal`)
        for (const entry of copies) {
          copyFileSync(join(folder, entry), join(place, entry))
          chownSync(join(place, entry), NOBODY, NOBODY)
          chmodSync(join(place, entry), 0o400)
        }
        chownSync(place, NOBODY, NOBODY)
        chmodSync(place, 0o500)
        const as = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] as const
        assert.match(
          await sh(...as, process.execPath, MAIN, 'replay', join(place, name), '--print', '--at', '50%'),
          /upstreamtop/,
        )
        assert.match(
          await sh(...as, process.execPath, MAIN, 'report', join(place, name)),
          /upstreamtop report/,
        )
        assert.deepEqual(readdirSync(place).sort(), copies.sort())
      }
    },
  )
})

function runtimePackages(): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, { dev?: boolean }>>
  }
  return Object.keys(packages).filter((path) => path !== '' && packages[path]?.dev !== true)
}

/** A child process and its stderr. */
class Running {
  stderr = ''
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>

  constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = once(child, 'exit')
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    child.stdout!.resume()
  }

  /** `ip netns exec` replaces itself by the program: same pid. */
  get pid(): number {
    return this.#child.pid!
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  async ends(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }

  async says(words: RegExp): Promise<void> {
    for (let i = 0; i < 1200 && !words.test(this.stderr); i++) {
      if (this.#child.exitCode !== null) break
      await sleep(50)
    }
    if (!words.test(this.stderr)) this.#child.kill('SIGKILL')
    assert.match(this.stderr, words)
  }
}

async function helperOf(recorder: number): Promise<number> {
  const children = readFileSync(`/proc/${recorder}/task/${recorder}/children`, 'utf8').trim().split(' ')
  assert.equal(children.length, 1)
  return await Promise.resolve(Number(children[0]))
}

async function gone(pid: number): Promise<void> {
  for (let i = 0; i < 100; i++) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(50)
  }
  assert.fail(`the helper ${pid} is still there`)
}

/** Only the fields that both the ledger and the report have. */
const counted = ({ backends }: Summary): unknown =>
  backends
    .map(({ backend, requests, codes, grpc, routes }) => ({
      backend,
      requests,
      codes,
      grpc,
      routes: routes
        .map(({ method, route, requests: n, codes: answers, grpc: statuses }) => ({
          method,
          route,
          requests: n,
          codes: answers,
          grpc: statuses,
        }))
        .sort((a, b) => (`${a.method} ${a.route}` < `${b.method} ${b.route}` ? -1 : 1)),
    }))
    .sort((a, b) => (a.backend < b.backend ? -1 : 1))

/** The last total of every slot, read from the wire without our decoder. */
function lastTotalOf(wire: string): number {
  const totals = new Map<number, number>()
  for (const line of readFileSync(wire, 'utf8').split('\n')) {
    if (!line.startsWith('{"type":"snapshot"')) continue
    const { traffic } = JSON.parse(line) as { traffic: readonly (readonly [number, number])[] }
    for (const [slot, requests] of traffic) totals.set(slot, requests)
  }
  return [...totals.values()].reduce((sum, requests) => sum + requests, 0)
}
