/** What a proxied request costs, and what recording does to nginx's throughput and latency. */
import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cable } from '../../test/kernel/lab/network.ts'
import { startLabNginx } from '../../test/kernel/lab/nginx.ts'
import { sh } from '../../test/kernel/lab/system.ts'
import { conditions, scratch } from './conditions.ts'
import { buildPaced, CONNECTIONS, PACE, pace, PACED_SECONDS, saturate, SECONDS } from './load.ts'
import type { Paced, Saturated } from './load.ts'
import { Machine } from './machine.ts'
import { mean, median, print, repeated, shuffled, spread } from './numbers.ts'
import { ownCost } from './recorder.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 12)
const NOTHING = 'nothing attached'

interface Sample {
  readonly speed: number
  readonly saturated: Saturated
  readonly paced: Paced
}
type Round = Readonly<Record<string, readonly Sample[]>>

export async function requests(): Promise<void> {
  await buildPaced()
  const cable = await Cable.lay()
  const machine = new Machine()
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
    const { namespace } = cable.proxy
    await pin(namespace, 0)
    await pin(cable.far.namespace, 1)
    await saturate(namespace, 8081, machine)
    machine.speed() // compiled from now on
    const full = await repeated(5, () => saturate(namespace, 8081, machine))
    const rate = Math.round(median(full.map(({ perSecond }) => perSecond)) * PACE)
    const rounds = await repeated(ROUNDS, () => measureRound(namespace, machine, rate))
    report(rounds, rate)
    await ownCost(namespace, machine)
  } finally {
    await front.stop()
    await back.stop()
    await cable.remove()
    machine.remove()
    rmSync(scratch, { recursive: true })
  }
}

/** Nothing attached first and last, so that a drift of the machine cancels; between them the others in random order. */
async function measureRound(namespace: string, machine: Machine, rate: number): Promise<Round> {
  const others = shuffled(Object.keys(conditions).filter((name) => name !== NOTHING))
  const round: Record<string, Sample[]> = {}
  for (const name of [NOTHING, ...others, NOTHING]) {
    const { start, port } = conditions[name]!
    const stop = await start(namespace)
    // A recorder's first second is that of its compiler, not of recording.
    await sleep(1500)
    const speed = machine.speed()
    const saturated = await saturate(namespace, port, machine)
    const paced = await pace(namespace, port, machine, rate)
    await stop()
    ;(round[name] ??= []).push({ speed, saturated, paced })
  }
  return round
}

function report(rounds: readonly Round[], rate: number): void {
  const ratios = (name: string, base: string, pick: (sample: Sample) => number): number[] =>
    rounds.map((round) => mean(round[name]!.map(pick)) / mean(round[base]!.map(pick)))
  const perSecond = ({ saturated }: Sample): number => saturated.perSecond
  const cpu = ({ saturated }: Sample): number => saturated.cpu
  const p99 = ({ paced }: Sample): number => paced.p99
  print(
    `\na request: nginx on CPU 0, clients and backend on CPU 1, ${CONNECTIONS} connections, ${rounds.length} rounds in random order`,
  )
  print(
    `throughput and CPU at saturation (${SECONDS} s each), p99 at ${rate} req/s (${PACED_SECONDS} s each); medians of ratios within a round [quartiles]`,
  )
  print(
    `  ${'condition'.padEnd(18)} req/s   throughput ÷ nothing   p99 µs   p99 ÷ nothing         CPU µs   CPU ÷ null program`,
  )
  for (const name of Object.keys(conditions)) {
    const middle = (pick: (sample: Sample) => number): number =>
      median(rounds.map((round) => mean(round[name]!.map(pick))))
    print(
      `  ${name.padEnd(18)} ${middle(perSecond).toFixed(0).padStart(6)}  ${spread(ratios(name, NOTHING, perSecond)).padEnd(21)}  ` +
        `${middle(p99).toFixed(0).padStart(6)}   ${spread(ratios(name, NOTHING, p99)).padEnd(21)} ` +
        `${middle(cpu).toFixed(1).padStart(6)}   ${spread(ratios(name, 'null program', cpu))}`,
    )
  }
  // Of two runs of the same: how far apart they are says what a ratio near 1 is worth.
  const apart = (pick: (sample: Sample) => number): number[] =>
    rounds.map((round) => pick(round[NOTHING]![1]!) / pick(round[NOTHING]![0]!))
  print(`  recorder ÷ tcpdump  throughput ${spread(ratios('recorder', 'tcpdump', perSecond))}`)
  print(`  nothing ÷ nothing   throughput ${spread(apart(perSecond))}, p99 ${spread(apart(p99))}: the noise`)
  print('goals: recorder throughput ≥ 0.97 and ahead of tcpdump, p99 ≤ 1.15, CPU ≤ 1.05 of the null program')
  sayForeignLoad(rounds)
}

/** Whoever else ran on this machine, or on the one beneath it, is in the figures too. */
function sayForeignLoad(rounds: readonly Round[]): void {
  const shares = rounds.map((round) =>
    mean(
      Object.values(round)
        .flat()
        .flatMap(({ saturated, paced }) => [saturated.foreign, paced.foreign]),
    ),
  )
  const speeds = rounds.flatMap((round) =>
    Object.values(round).flatMap((samples) => samples.map(({ speed }) => speed)),
  )
  print(
    `speed of a CPU before each run, of its median: ${spread(speeds.map((speed) => speed / median(speeds)))}`,
  )
  const disturbed = shares.filter((share) => share > 0.05).length
  print(
    `foreign load: ${(median(shares) * 100).toFixed(1)} % of the CPUs in the median round, above 5 % in ${disturbed} of ${rounds.length} rounds` +
      (disturbed > rounds.length / 4 ? ': NOT A QUIET MACHINE, the figures above mean little' : ''),
  )
}

/** nginx's workers of a namespace on one CPU. */
async function pin(namespace: string, cpu: number): Promise<void> {
  const pids = (await sh('ip', 'netns', 'pids', namespace)).trim().split('\n')
  for (const pid of pids)
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('nginx'))
      await sh('taskset', '-cp', String(cpu), pid)
}
