/** upstreamtop in a namespace: a recorder whose helper is measured once per second, and commands that must end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../../kernel/lab/system.ts'

export const MAIN = join(ROOT, 'dist/main.js')
/** Only ends a run that hangs. */
const PATIENCE_MS = 60_000
const TICKS_PER_SECOND = 100

export interface Ended {
  readonly code: number | null
  readonly seconds: number
  readonly said: string
}

/** Runs a command. A command that does not end is killed, and has no exit code. */
export async function run(namespace: string, ...args: readonly string[]): Promise<Ended> {
  const from = performance.now()
  const child = start(namespace, args)
  const said = listen(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await once(child, 'close')
  clearTimeout(timer)
  return { code: child.exitCode, seconds: (performance.now() - from) / 1000, said: said.text }
}

export interface Recorder {
  /** CPU in % of one core from the first sample to the last, memory in MB */
  readonly cost: () => Cost
  /** ids of its BPF links */
  readonly links: readonly number[]
  /** sends SIGINT; resolves at its end */
  stop(): Promise<Ended>
}

export interface Cost {
  readonly seconds: number
  /** % of a core: the helper itself */
  readonly cpu: number
  /** % of a core: its waited-for children, which inspect processes named nginx */
  readonly childrenCpu: number
  /** MB, the maximum of all samples */
  readonly rss: number
  readonly samples: number
}

export async function record(namespace: string, file: string): Promise<Recorder> {
  const from = performance.now()
  const child = start(namespace, ['record', '--out', file])
  const said = listen(child)
  while (!/^recording /m.test(said.text)) {
    if (child.exitCode !== null) throw new Error(`record ended with ${child.exitCode}: ${said.text}`)
    await sleep(50)
  }
  const helper = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim())
  const samples = [measure(helper)]
  const timer = setInterval(() => samples.push(measure(helper)), 1000)
  return {
    cost: () => costOf(samples),
    links: linksOf(helper),
    async stop() {
      clearInterval(timer)
      samples.push(measure(helper))
      child.kill('SIGINT')
      if (child.exitCode === null) await once(child, 'close')
      return { code: child.exitCode, seconds: (performance.now() - from) / 1000, said: said.text }
    },
  }
}

function start(namespace: string, args: readonly string[]): ChildProcess {
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, SUDO_UID: '' },
  })
  const end = (): boolean => child.kill('SIGTERM')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  return child
}

function listen(child: ChildProcess): { text: string } {
  const said = { text: '' }
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (said.text = (said.text + text).slice(-20_000)))
  return said
}

interface Sample {
  readonly at: number
  readonly ticks: number
  readonly childTicks: number
  readonly rss: number
}

/** @throws when the process has ended */
function measure(pid: number): Sample {
  const [, words = ''] = /^\d+ \(.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
  const [utime, stime, cutime, cstime] = words.split(' ').slice(11, 15).map(Number)
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return {
    at: performance.now(),
    ticks: utime! + stime!,
    childTicks: cutime! + cstime!,
    rss: (Number(kilobytes) * 1024) / 1e6,
  }
}

function costOf(samples: readonly Sample[]): Cost {
  const [first, last] = [samples[0]!, samples.at(-1)!]
  const seconds = (last.at - first.at) / 1000
  return {
    seconds,
    cpu: ((last.ticks - first.ticks) / TICKS_PER_SECOND / seconds) * 100,
    childrenCpu: (last.childTicks / TICKS_PER_SECOND / seconds) * 100,
    rss: samples.reduce((most, { rss }) => Math.max(most, rss), 0),
    samples: samples.length,
  }
}

const linksOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/fdinfo`)
    .map((fd) => /^link_id:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1])
    .filter((id) => id !== undefined)
    .map(Number)
