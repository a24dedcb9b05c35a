/** Runs a child process and measures wall time, CPU time and peak memory. */
import { spawnSync } from 'node:child_process'

export interface Cost {
  readonly seconds: number
  readonly cpu: number
  /** MB */
  readonly rss: number
  readonly stdout: string
}

/** Uses GNU time, for the peak memory. */
export function costOf(command: string, args: readonly string[]): Cost {
  const start = performance.now()
  const ran = spawnSync('/usr/bin/time', ['-f', '@%U %S %M', command, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  const seconds = (performance.now() - start) / 1000
  const [, user, system, kilobytes] = /@([\d.]+) ([\d.]+) (\d+)\s*$/.exec(ran.stderr) ?? []
  if (ran.status !== 0 || kilobytes === undefined) throw new Error(`${command} failed: ${ran.stderr}`)
  return { seconds, cpu: Number(user) + Number(system), rss: Number(kilobytes) / 1000, stdout: ran.stdout }
}

/** The fastest of several runs: other processes use this machine too. */
export function bestOf(times: number, run: () => Cost): Cost {
  return Array.from({ length: times }, run).reduce((best, cost) =>
    cost.seconds < best.seconds ? cost : best,
  )
}

export const shown = ({ seconds, cpu, rss }: Cost): string =>
  `${seconds.toFixed(2)} s, ${cpu.toFixed(2)} s of CPU, ${rss.toFixed(0)} MB`
