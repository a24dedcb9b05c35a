/**
 * What recording costs nginx. Three questions, answered by ratios where they can be:
 *   1. a packet: BPF_PROG_TEST_RUN over a null program (bench/kernel/testrun.c)
 *   2. a request: CPU of everything and nginx's throughput and p99 with a null program, the whole recorder, tcpdump, an access log
 *   3. the recorder itself: its two processes' CPU at 10,000 requests a second, and with nothing to record
 * ROUNDS=12 SECONDS=2 by default; every round runs every condition in a turned order, and medians are of ratios within a round.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cable } from '../test/kernel/lab/network.ts'
import { startLabNginx } from '../test/kernel/lab/nginx.ts'
import { inside, lacking, ROOT, sh } from '../test/kernel/lab/system.ts'
import { neighbour } from '../test/kernel/lab/trouble.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 12)
const SECONDS = Number(process.env.SECONDS ?? 2)
const CONNECTIONS = 32

/** Goals of TRUTH.md: ns over the null program. */
const GOALS = {
  ack: 5,
  not_http_ingress: 50,
  not_http_egress: 60,
  body_ingress: 90,
  request: 350,
  answer: 320,
} as const

interface Sample {
  readonly requests: number
  readonly perSecond: number
  readonly p99: number
  /** µs of CPU per request: nginx, backend, clients, recorder, and the kernel's work on their behalf */
  readonly cpu: number
}

/** Turns a condition on; the result turns it off. */
type Condition = (namespace: string) => Promise<() => Promise<void>>

const conditions: Readonly<Record<string, { readonly start: Condition; readonly port: number }>> = {
  'nothing attached': { start: () => Promise.resolve(() => Promise.resolve()), port: 8081 },
  'null program': { start: nullProgram, port: 8081 },
  recorder: { start: recorder, port: 8081 },
  tcpdump: { start: tcpdump, port: 8081 },
  'access log': { start: () => Promise.resolve(() => Promise.resolve()), port: 8082 },
}
const scratch = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))

async function main(): Promise<void> {
  const reason = lacking('wrk', 'tcpdump', 'gcc', 'clang')
  if (reason !== false) throw new Error(`bench-kernel ${reason}`)
  await packets()
  await requests()
}

/** 1. A packet. */
async function packets(): Promise<void> {
  mkdirSync(`${ROOT}build/lab`, { recursive: true })
  const program = `${ROOT}build/lab/testrun`
  await sh(
    'gcc',
    '-O2',
    '-Wall',
    '-Werror',
    `${ROOT}bench/kernel/testrun.c`,
    '-o',
    program,
    '-lbpf',
    '-lelf',
    '-lz',
  )
  const runs = await repeated(
    5,
    async () =>
      JSON.parse(await sh(program, `${ROOT}build/upstreamtop.bpf.o`, '100')) as Record<string, number>,
  )
  const of = (name: string): number =>
    median(runs.map((run) => run[name]! - (name === 'null' ? 0 : run.null!)))
  print(`a packet, BPF_PROG_TEST_RUN: null program ${of('null').toFixed(0)} ns`)
  for (const [name, goal] of Object.entries(GOALS)) {
    const cost = of(name)
    const ratio = (cost + of('null')) / of('null')
    print(
      `  ${name.padEnd(18)} +${cost.toFixed(0).padStart(4)} ns  ${ratio.toFixed(1).padStart(5)}×  goal +${goal}  ${cost <= goal ? 'met' : 'MISSED'}`,
    )
  }
}

/** 2. A request. */
async function requests(): Promise<void> {
  const cable = await Cable.lay()
  const group = new Group()
  const back = await startLabNginx(
    cable.far.namespace,
    'access_log off; server { listen 10.77.0.2:9000; return 200 "hello from the backend\\n"; }',
  )
  const front = await startLabNginx(
    cable.proxy.namespace,
    `access_log off; upstream back { server 10.77.0.2:9000; keepalive 64; }
     server { listen 127.0.0.1:8081; location / { proxy_pass http://back; } }
     server { listen 127.0.0.1:8082; location / { access_log ${scratch}/access.log; proxy_pass http://back; } }`,
  )
  try {
    await pin(cable.proxy.namespace, 0)
    await pin(cable.far.namespace, 1)
    await load(cable.proxy.namespace, 8081, group)
    const rounds = await repeated(ROUNDS, async (n) => round(cable.proxy.namespace, group, n))
    report(rounds)
    await ownCost(cable.proxy.namespace, group)
  } finally {
    await front.stop()
    await back.stop()
    await cable.remove()
    group.remove()
    rmSync(scratch, { recursive: true })
  }
}

/** 3. The recorder. */
async function ownCost(namespace: string, group: Group): Promise<void> {
  const child = await startRecorder(namespace)
  const cpu = (): number => processTree(child.pid!).reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  await load(namespace, 8081, group)
  await sleep(3000)
  const idleFrom = cpu()
  await sleep(20_000)
  const idle = (cpu() - idleFrom) / 20
  const busyFrom = cpu()
  const { requests } = await load(namespace, 8081, group, 10)
  const perRequest = (cpu() - busyFrom - idle * 10) / requests
  await ended(child, 'SIGINT')
  print('\nthe recorder, node and helper together')
  print(
    `  at 10,000 req/s    ${((idle + perRequest * 10_000) * 100).toFixed(1)} % of one core (${(perRequest * 1e6).toFixed(2)} µs a request)  goal ≤ 10 %`,
  )
  print(`  idle               ${(idle * 100).toFixed(2)} % of one core  goal ≤ 0.5 %`)
}

function processTree(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => processTree(Number(child))))]
}

/** utime and stime of proc(5), in ticks of 10 ms. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function round(namespace: string, group: Group, n: number): Promise<Record<string, Sample>> {
  const names = Object.keys(conditions)
  const samples: Record<string, Sample> = {}
  for (let i = 0; i < names.length; i++) {
    const name = names[(i + n) % names.length]!
    const { start, port } = conditions[name]!
    const stop = await start(namespace)
    await sleep(100)
    samples[name] = await load(namespace, port, group)
    await stop()
  }
  return samples
}

async function load(namespace: string, port: number, group: Group, seconds = SECONDS): Promise<Sample> {
  const before = group.cpuMicros()
  const output = await inside(
    namespace,
    'taskset',
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${seconds}s`,
    '--latency',
    `http://127.0.0.1:${port}/api/orders`,
  )
  const cpu = group.cpuMicros() - before
  const requests = Number(/(\d+) requests in/.exec(output)?.[1])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1])
  const [, amount = '0', unit = 'ms'] = /99%\s+([\d.]+)(us|ms|s)/.exec(output) ?? []
  const p99 = Number(amount) * { us: 0.001, ms: 1, s: 1000 }[unit]!
  return { requests, perSecond, p99, cpu: cpu / requests }
}

function report(rounds: readonly Record<string, Sample>[]): void {
  print(
    `\na request: nginx on CPU 0, clients and backend on CPU 1, ${CONNECTIONS} connections, ${rounds.length} rounds of ${SECONDS} s, medians (p99 of rounds)`,
  )
  print(`  ${'condition'.padEnd(18)} req/s     throughput       p99 latency      CPU µs/request`)
  for (const name of Object.keys(conditions)) {
    const over = (pick: (sample: Sample) => number, base: string): string => {
      const ratios = rounds.map((samples) => pick(samples[name]!) / pick(samples[base]!))
      return `${median(ratios).toFixed(3)}× (${quantile(ratios, 0.99).toFixed(2)})`
    }
    const perSecond = median(rounds.map((samples) => samples[name]!.perSecond))
    const cpu = median(rounds.map((samples) => samples[name]!.cpu))
    print(
      `  ${name.padEnd(18)} ${perSecond.toFixed(0).padStart(6)}  ${over(({ perSecond }) => perSecond, 'nothing attached')}` +
        `  ${over(({ p99 }) => p99, 'nothing attached')}  ${cpu.toFixed(1)} = ${over(({ cpu }) => cpu, 'null program')} of the null program`,
    )
  }
  print(
    'goals: recorder throughput ≥ 0.97 and ahead of tcpdump, p99 ≤ 1.15×, CPU ≤ 1.05× of the null program',
  )
}

async function nullProgram(namespace: string): Promise<() => Promise<void>> {
  const object = `${ROOT}build/lab/null.o`
  await sh(
    'clang',
    '-O2',
    '-g',
    '-target',
    'bpf',
    '-mcpu=v3',
    '-I/usr/include/x86_64-linux-gnu',
    '-I/usr/include/aarch64-linux-gnu',
    '-c',
    `${ROOT}bench/kernel/null.bpf.c`,
    '-o',
    object,
  )
  const attached: Awaited<ReturnType<typeof neighbour>>[] = []
  for (const device of ['lo', 'leg'])
    for (const hook of ['ingress', 'egress'] as const)
      attached.push(await neighbour(namespace, device, hook, object))
  return async () => {
    for (const program of attached) await program.stop()
  }
}

async function recorder(namespace: string): Promise<() => Promise<void>> {
  const child = await startRecorder(namespace)
  return () => ended(child, 'SIGINT')
}

async function startRecorder(namespace: string): Promise<ChildProcess> {
  const file = join(scratch, `${performance.now()}.db`)
  const words = ['netns', 'exec', namespace, process.execPath, `${ROOT}dist/main.js`, 'record', '--out', file]
  const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  await said(child, 'recording')
  return child
}

async function tcpdump(namespace: string): Promise<() => Promise<void>> {
  const child = spawn('ip', ['netns', 'exec', namespace, 'tcpdump', '-i', 'any', '-w', '/dev/null'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await said(child, 'listening')
  return () => ended(child, 'SIGINT')
}

async function said(child: ChildProcess, word: string): Promise<void> {
  let talk = ''
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    talk += String(chunk)
    if (talk.includes(word)) return void child.stderr!.resume()
  }
  throw new Error(`did not start: ${talk}`)
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

/** nginx's workers of a namespace on one CPU. */
async function pin(namespace: string, cpu: number): Promise<void> {
  const pids = (await sh('ip', 'netns', 'pids', namespace)).trim().split('\n')
  for (const pid of pids)
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('nginx'))
      await sh('taskset', '-cp', String(cpu), pid)
}

/** A control group with all our processes, children that have ended included. */
class Group {
  readonly #folder: string
  readonly #root: string

  constructor() {
    this.#root = /cgroup2? (\S+) cgroup2 /.exec(readFileSync('/proc/mounts', 'utf8'))?.[1] ?? '/sys/fs/cgroup'
    this.#folder = join(this.#root, `upstreamtop-bench-${process.pid}`)
    mkdirSync(this.#folder)
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(process.pid))
  }

  cpuMicros(): number {
    return Number(/usage_usec (\d+)/.exec(readFileSync(join(this.#folder, 'cpu.stat'), 'utf8'))?.[1])
  }

  remove(): void {
    writeFileSync(join(this.#root, 'cgroup.procs'), String(process.pid))
    rmdirSync(this.#folder)
  }
}

async function repeated<T>(times: number, action: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let n = 0; n < times; n++) results.push(await action(n))
  return results
}

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(q * values.length) - 1)]!
const median = (values: readonly number[]): number => quantile(values, 0.5)

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

await main()
