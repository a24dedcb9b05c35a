/** Synthetic hosts, and their data sets, made by the built program: it is the program's users who load them. */
import { execFile } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const PROGRAM = join(import.meta.dirname, '../../dist/main.js')
const run = promisify(execFile)

export const upstreamtop = (...args: readonly string[]): Promise<{ readonly stdout: string }> =>
  run(process.execPath, [PROGRAM, ...args])

const INCIDENTS = [
  '5xx:1@30m..40m',
  'slow:2@40m..50m',
  'refused:3@70m..75m',
  'gap@80m..82m',
  'vanish:1@90m..95m',
]

/** Two hours of each. @returns the recordings by host */
export async function makeHosts(folder: string, count: number): Promise<ReadonlyMap<string, string>> {
  const hosts = new Map(
    Array.from({ length: count }, (_, i) => [`web${i + 1}`, join(folder, `web${i + 1}.db`)]),
  )
  await inTurns([...hosts], async ([host, file], i) => {
    const incidents = [INCIDENTS[i % INCIDENTS.length]!, INCIDENTS[(i + 2) % INCIDENTS.length]!]
    await upstreamtop(
      ...['synth', '--out', file, '--host', host, '--seed', String(i + 1), '--secs', '7200'],
      ...['--rps', '1', '--requests', '1', '--backends', '4'],
      ...incidents.flatMap((incident) => ['--incident', incident]),
    )
  })
  return hosts
}

/** As many at a time as there are processors. */
export async function inTurns<T>(
  items: readonly T[],
  work: (item: T, i: number) => Promise<void>,
): Promise<void> {
  const queue = [...items.entries()]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next[1], next[0])
  }
  await Promise.all(Array.from({ length: Math.max(2, cpus().length) }, worker))
}
