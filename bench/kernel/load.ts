/** A closed load by wrk, and what all of us together spent on it. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inside } from '../../test/kernel/lab/system.ts'

export const SECONDS = Number(process.env.SECONDS ?? 2)
export const CONNECTIONS = 32

export interface Sample {
  readonly requests: number
  readonly perSecond: number
  readonly p99: number
  /** µs of CPU per request: nginx, backend, clients, recorder, and the kernel's work on their behalf */
  readonly cpu: number
}

export async function load(
  namespace: string,
  port: number,
  group: Group,
  seconds = SECONDS,
): Promise<Sample> {
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

/** A control group with all our processes, children that have ended included. */
export class Group {
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
