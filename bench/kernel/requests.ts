/**
 * What a proxied request costs, and what recording does to nginx's throughput and latency.
 *
 * Every condition has an nginx, a backend and clients of its own and stays in force; only the load goes round, a quarter of a
 * second each, and a recorder rests while it is another's turn. What a virtual machine's cores give changes by half from one
 * moment to the next (whose sibling is busy?), and conditions that follow each other at once see the same of it. Trimmed
 * means, not medians: what a recorder does once a second falls into every fourth slice.
 */
import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cable } from '../../test/kernel/lab/network.ts'
import { startLabNginx } from '../../test/kernel/lab/nginx.ts'
import { sh } from '../../test/kernel/lab/system.ts'
import { conditions, scratch, type InForce } from './conditions.ts'
import { reportLatency, type PacedRound } from './latency.ts'
import { buildClient, Clients, CONNECTIONS, SLICE_MS, type Saturated } from './load.ts'
import { Machine } from './machine.ts'
import { mean, meanOf, median, print, repeated, shuffled, spread } from './numbers.ts'
import { ownCost } from './recorder.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 96)
const PACED_ROUNDS = Number(process.env.PACED_ROUNDS ?? 48)
const NOTHING = 'nothing attached'
const UNSTEADY = 0.1
const PAUSE_MS = 100

interface Sample {
  readonly speed: number
  readonly saturated: Saturated
  /** right before it and right after */
  readonly nothing: readonly [Saturated, Saturated]
}
/** By condition, all but nothing attached. */
type Round = Readonly<Record<string, Sample>>

/** An nginx with its backend and its clients, and what runs beside it. */
interface Leg {
  readonly name: string
  readonly namespace: string
  readonly clients: Clients
  readonly beside: InForce
}

export async function requests(): Promise<void> {
  await buildClient()
  const machine = new Machine()
  const laid: Removal[] = []
  try {
    const legs: Leg[] = []
    for (const name of Object.keys(conditions)) legs.push(await layLeg(name, machine, laid))
    for (const leg of legs) await alone(leg, () => leg.clients.saturate(1000))
    machine.speed() // compiled from now on
    const rounds = await repeated(ROUNDS, () => saturateRound(legs, machine))
    report(rounds)
    const paced = await repeated(PACED_ROUNDS, () => paceRound(legs))
    reportLatency(paced, NOTHING)
    sayForeignLoad(rounds, paced)
    await ownCost(legs[0]!)
  } finally {
    for (const remove of laid.reverse()) await remove()
    machine.remove()
    rmSync(scratch, { recursive: true })
  }
}

/** What was begun is to be removed, also when the next step fails. */
type Removal = () => Promise<void>

async function layLeg(name: string, machine: Machine, laid: Removal[]): Promise<Leg> {
  const cable = await Cable.create()
  laid.push(() => cable.remove())
  const { start, port } = conditions[name]!
  const { namespace } = cable.proxy
  const back = await startLabNginx(
    cable.far.namespace,
    'access_log off; server { listen 10.77.0.2:9000; return 200 "hello from the backend\\n"; }',
  )
  laid.push(() => back.stop())
  const front = await startLabNginx(
    namespace,
    `access_log off; keepalive_timeout 1h;
     upstream back { server 10.77.0.2:9000; keepalive 64; }
     server { listen 127.0.0.1:8081; location / { proxy_pass http://back; } }
     server { listen 127.0.0.1:8082; location / { access_log ${scratch}/access.log; proxy_pass http://back; } }`,
  )
  laid.push(() => front.stop())
  await pin(namespace, 0)
  await pin(cable.far.namespace, 1)
  const beside = await start(namespace)
  laid.push(() => beside.stop())
  const clients = new Clients(namespace, port, machine)
  laid.push(() => clients.stop())
  return { name, namespace, clients, beside }
}

/**
 * What runs beside this leg runs, and only that. All pause before: what a recorder has to write that waited is written then, and
 * CPUs that rested a moment answer differently at first than those that did not.
 */
async function alone<T>({ beside }: Leg, load: () => Promise<T>): Promise<T> {
  beside.wake?.()
  await sleep(PAUSE_MS)
  const result = await load()
  beside.rest?.()
  return result
}

/** Every condition once, in random order, each between two of nothing. */
async function saturateRound([nothing, ...others]: readonly Leg[], machine: Machine): Promise<Round> {
  const load = (leg: Leg): Promise<Saturated> => alone(leg, () => leg.clients.saturate())
  const round: Record<string, Sample> = {}
  let before = await load(nothing!)
  for (const leg of shuffled(others)) {
    const speed = machine.speed()
    const saturated = await load(leg)
    const after = await load(nothing!)
    round[leg.name] = { speed, saturated, nothing: [before, after] }
    before = after
  }
  return round
}

async function paceRound(legs: readonly Leg[]): Promise<PacedRound> {
  const round: Record<string, PacedRound[string]> = {}
  for (const leg of shuffled(legs)) round[leg.name] = await alone(leg, () => leg.clients.pace())
  return round
}

type Pick = (saturated: Saturated) => number

/** Over the mean of nothing before and after. */
const relative = ({ saturated, nothing }: Sample, pick: Pick): number =>
  pick(saturated) / mean(nothing.map(pick))

/** Whether the machine was the same before and after: decided by nothing alone, whatever stood between. */
const isSteady = ({ nothing: [before, after] }: Sample): boolean =>
  Math.abs(before.perSecond - after.perSecond) < UNSTEADY * Math.min(before.perSecond, after.perSecond)

function report(rounds: readonly Round[]): void {
  const perSecond: Pick = (saturated) => saturated.perSecond
  const p99: Pick = (saturated) => saturated.p99
  const cpu: Pick = (saturated) => saturated.cpu
  const ratios = (name: string, pick: Pick): number[] =>
    rounds
      .map((round) => round[name]!)
      .filter(isSteady)
      .map((sample) => relative(sample, pick))
  const between = (name: string, base: string, pick: Pick): number[] =>
    rounds
      .filter((round) => isSteady(round[name]!) && isSteady(round[base]!))
      .map((round) => relative(round[name]!, pick) / relative(round[base]!, pick))
  print(
    `\na request: nginx on CPU 0, clients and backend on CPU 1, ${CONNECTIONS} connections, ${rounds.length} rounds in random order`,
  )
  print(
    `at saturation, ${SLICE_MS} ms each, between two of nothing that differ by less than a tenth; trimmed means of ratios [90 %]`,
  )
  print(
    '  condition          req/s   throughput ÷ nothing   of   p99 µs   p99 ÷ nothing         CPU µs   CPU ÷ null program',
  )
  for (const name of Object.keys(conditions).filter((other) => other !== NOTHING)) {
    const middle = (pick: Pick): number => median(rounds.map((round) => pick(round[name]!.saturated)))
    print(
      `  ${name.padEnd(18)} ${middle(perSecond).toFixed(0).padStart(6)}  ${meanOf(ratios(name, perSecond)).padEnd(21)}  ${String(ratios(name, perSecond).length).padStart(2)}  ` +
        `${middle(p99).toFixed(0).padStart(6)}   ${meanOf(ratios(name, p99)).padEnd(21)} ` +
        `${middle(cpu).toFixed(1).padStart(6)}   ${meanOf(between(name, 'null program', cpu))}`,
    )
  }
  print(`  recorder ÷ tcpdump  throughput ${meanOf(between('recorder', 'tcpdump', perSecond))}`)
  print(
    'p99 of a closed load: whatever stops nginx delays 32 requests, and no more; the open load below shows it',
  )
  print('goals: recorder throughput ≥ 0.97 and ahead of tcpdump, p99 ≤ 1.15, CPU ≤ 1.05 of the null program')
}

/** Whoever else ran on this machine, or on the one beneath it, is in the figures too. */
function sayForeignLoad(rounds: readonly Round[], paced: readonly PacedRound[]): void {
  const shares = [
    ...rounds.map((round) => mean(Object.values(round).map(({ saturated }) => saturated.foreign))),
    ...paced.map((round) => mean(Object.values(round).map(({ foreign }) => foreign))),
  ]
  const speeds = rounds.flatMap((round) => Object.values(round).map(({ speed }) => speed))
  print(
    `speed of a CPU before each run, of its median: ${spread(speeds.map((speed) => speed / median(speeds)))}`,
  )
  const disturbed = shares.filter((share) => share > 0.05).length
  print(
    `foreign load: ${(median(shares) * 100).toFixed(1)} % of the CPUs in the median round, above 5 % in ${disturbed} of ${shares.length} rounds` +
      (disturbed > shares.length / 4 ? ': NOT A QUIET MACHINE, the figures above mean little' : ''),
  )
}

/** nginx's workers of a namespace on one CPU. */
async function pin(namespace: string, cpu: number): Promise<void> {
  const pids = (await sh('ip', 'netns', 'pids', namespace)).trim().split('\n')
  for (const pid of pids)
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('nginx'))
      await sh('taskset', '-cp', String(cpu), pid)
}
