/** CPU time of a measurement, and the CPU time of other processes meanwhile. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { GROUPS } from '../../test/kernel/lab/groups.ts'

interface Spent {
  /** CPU time of all our processes */
  readonly micros: number
  /** share of all CPUs: 0 on an idle machine. The kernel counts in ticks of 10 ms: a few percent are noise */
  readonly foreign: number
}

const TICK_MICROS = 10_000
const SPIN = 30_000_000

/**
 * A control group for all our processes, ended children included. The group has the highest weight: other processes get the
 * rest, and our processes share the CPU as they would on an idle machine.
 */
export class Machine {
  readonly #folder: string
  /** groups to leave and remove */
  readonly #groups: { readonly root: string; readonly folder: string }[] = []

  constructor() {
    const mounts = readFileSync('/proc/mounts', 'utf8')
    this.#folder = this.#enter(GROUPS ?? '/sys/fs/cgroup')
    const version1 = /^\S+ (\S+) cgroup \S*\bcpu\b(?!acct|set)/m.exec(mounts)?.[1]
    try {
      if (version1 !== undefined) writeFileSync(join(this.#enter(version1), 'cpu.shares'), '262144')
      else this.#weigh(this.#groups[0]!)
    } catch {
      // A container may not set it: the machine must then be idle.
    }
  }

  #enter(root: string): string {
    const folder = join(root, `upstreamtop-bench-${process.pid}`)
    mkdirSync(folder)
    writeFileSync(join(folder, 'cgroup.procs'), String(process.pid))
    this.#groups.push({ root, folder })
    return folder
  }

  #weigh({ root, folder }: { readonly root: string; readonly folder: string }): void {
    writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu')
    writeFileSync(join(folder, 'cpu.weight'), '10000')
  }

  async during<T>(action: () => Promise<T>): Promise<{ readonly result: T; readonly spent: Spent }> {
    const [ours, all, start] = [this.#ours(), busyMicros(), performance.now()]
    const result = await action()
    const micros = this.#ours() - ours
    const capacity = (performance.now() - start) * 1000 * cpus().length
    return { result, spent: { micros, foreign: Math.max(0, (busyMicros() - all - micros) / capacity) } }
  }

  /** The current speed of a CPU: steps of a fixed loop per µs. A virtual CPU shares its core with other machines. */
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
    for (const { root, folder } of this.#groups) {
      writeFileSync(join(root, 'cgroup.procs'), String(process.pid))
      rmdirSync(folder)
    }
  }
}

/** user, nice, system and steal of proc(5). Interrupts are left out: no control group accounts for them. */
function busyMicros(): number {
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = /^cpu +(.*)$/m
    .exec(readFileSync('/proc/stat', 'utf8'))![1]!
    .split(' ')
    .map(Number)
  return (user + nice + system + steal) * TICK_MICROS
}
