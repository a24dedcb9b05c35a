/** The CPU time of the recorder's two processes. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ended, processTree, startRecorder } from './conditions.ts'
import type { Clients } from './load.ts'
import { print } from './numbers.ts'

/** @param setup with nothing attached */
export async function ownCost({
  namespace,
  clients,
}: {
  readonly namespace: string
  readonly clients: Clients
}): Promise<void> {
  const child = await startRecorder(namespace)
  const cpu = (): number => processTree(child.pid!).reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  await clients.saturate(1000)
  await sleep(3000)
  const idleFrom = cpu()
  await sleep(20_000)
  const idle = (cpu() - idleFrom) / 20
  const busyFrom = cpu()
  const { requests } = await clients.saturate(10_000)
  const perRequest = (cpu() - busyFrom - idle * 10) / requests
  await ended(child, 'SIGINT')
  print('\nthe recorder, node and helper together')
  print(
    `  at 10,000 req/s    ${((idle + perRequest * 10_000) * 100).toFixed(1)} % of one core (${(perRequest * 1e6).toFixed(2)} µs per request)  goal ≤ 10 %`,
  )
  print(`  idle               ${(idle * 100).toFixed(2)} % of one core  goal ≤ 0.5 %`)
}

/** utime and stime of proc(5), in ticks of 10 ms. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
