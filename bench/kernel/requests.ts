/** What a proxied request costs, and what recording does to nginx's throughput and latency. */
import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cable } from '../../test/kernel/lab/network.ts'
import { startLabNginx } from '../../test/kernel/lab/nginx.ts'
import { sh } from '../../test/kernel/lab/system.ts'
import { conditions, scratch } from './conditions.ts'
import { CONNECTIONS, Group, load, SECONDS, type Sample } from './load.ts'
import { median, print, quantile, repeated } from './numbers.ts'
import { ownCost } from './recorder.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 12)

export async function requests(): Promise<void> {
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

async function round(namespace: string, group: Group, n: number): Promise<Record<string, Sample>> {
  const names = Object.keys(conditions)
  const samples: Record<string, Sample> = {}
  for (let i = 0; i < names.length; i++) {
    const name = names[(i + n) % names.length]!
    const { start, port } = conditions[name]!
    const stop = await start(namespace)
    // A recorder's first second is that of its compiler, not of recording.
    await sleep(1500)
    samples[name] = await load(namespace, port, group)
    await stop()
  }
  return samples
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

/** nginx's workers of a namespace on one CPU. */
async function pin(namespace: string, cpu: number): Promise<void> {
  const pids = (await sh('ip', 'netns', 'pids', namespace)).trim().split('\n')
  for (const pid of pids)
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('nginx'))
      await sh('taskset', '-cp', String(cpu), pid)
}
