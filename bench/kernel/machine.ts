/** What a measurement spent, and what others took of the machine meanwhile. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'

interface Spent {
  /** of CPU, all processes of ours together */
  readonly micros: number
  /** of all CPUs: 0 is a quiet machine. The kernel counts in ticks of 10 ms, so a few percent are noise */
  readonly foreign: number
}

const TICK_MICROS = 10_000
const SPIN = 30_000_000

/** All our processes in a control group, children that have ended included. */
export class Machine {
  readonly #folder: string
  readonly #root: string

  constructor() {
    this.#root = /cgroup2? (\S+) cgroup2 /.exec(readFileSync('/proc/mounts', 'utf8'))?.[1] ?? '/sys/fs/cgroup'
    this.#folder = join(this.#root, `upstreamtop-bench-${process.pid}`)
    mkdirSync(this.#folder)
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(process.pid))
  }

  async during<T>(action: () => Promise<T>): Promise<{ readonly result: T; readonly spent: Spent }> {
    const [ours, all, start] = [this.#ours(), busyMicros(), performance.now()]
    const result = await action()
    const micros = this.#ours() - ours
    const capacity = (performance.now() - start) * 1000 * cpus().length
    return { result, spent: { micros, foreign: Math.max(0, (busyMicros() - all - micros) / capacity) } }
  }

  /** How fast a CPU is right now: what is virtual shares its cores with who knows whom. Steps of a fixed loop per µs. */
  speed(): number {
    const start = performance.now()
    let x = 1
    for (let i = 0; i < SPIN; i++) x = (x * 31 + i) | 0
    return SPIN / ((performance.now() - start) * 1000) + (x === 0.5 ? 1 : 0)
  }

  #ours(): number {
    return Number(/usage_usec (\d+)/.exec(readFileSync(join(this.#folder, 'cpu.stat'), 'utf8'))?.[1])
  }

  remove(): void {
    writeFileSync(join(this.#root, 'cgroup.procs'), String(process.pid))
    rmdirSync(this.#folder)
  }
}

/** user, nice, system and steal of proc(5): interrupts are on somebody's behalf, and not in a control group's account. */
function busyMicros(): number {
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = /^cpu +(.*)$/m
    .exec(readFileSync('/proc/stat', 'utf8'))![1]!
    .split(' ')
    .map(Number)
  return (user + nice + system + steal) * TICK_MICROS
}
