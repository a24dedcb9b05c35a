/**
 * The cost of a proxied request, and the effect of recording on nginx's throughput and latency.
 *
 * Every condition has its own nginx, backend and clients and stays active; the load goes from one to the next, 250 ms each, and
 * recorders are paused during the load of others. The speed of a virtual CPU can change by half within moments (a busy sibling),
 * and consecutive conditions see the same speed. Trimmed means, not medians: the recorder's work per second falls into every
 * fourth slice.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cable } from '../../test/kernel/lab/network.ts'
import { startLabNginx } from '../../test/kernel/lab/nginx.ts'
import { sh } from '../../test/kernel/lab/system.ts'
import { conditions, scratch, type Condition } from './conditions.ts'
import { reportLatency, type PacedRound } from './latency.ts'
import { buildClient, Clients, CONNECTIONS, SLICE_MS, type Saturated } from './load.ts'
import { Machine } from './machine.ts'
import { mean, meanOf, median, print, repeated, shuffled, spread } from './numbers.ts'
import { ownCost } from './recorder.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 96)
const CONNECT_ROUNDS = Number(process.env.CONNECT_ROUNDS ?? 32)
const PACED_ROUNDS = Number(process.env.PACED_ROUNDS ?? 48)
const NOTHING = 'nothing attached'
/** What is compared where every request has a connection of its own. */
const CONNECTING = [NOTHING, 'null program', 'recorder']
const UNSTEADY = 0.1
const PAUSE_MS = 100

interface Sample {
  readonly speed: number
  readonly saturated: Saturated
  /** directly before and after */
  readonly nothing: readonly [Saturated, Saturated]
}
/** By condition, without "nothing attached". */
type Round = Readonly<Record<string, Sample>>

/** An nginx with its backend, its clients and its condition. */
interface Setup {
  readonly name: string
  readonly namespace: string
  readonly clients: Clients
  readonly beside: Condition
}

export async function requests(): Promise<void> {
  await buildClient()
  const machine = new Machine()
  machine.speed() // so that it is compiled before the first round
  try {
    await withSetups(Object.keys(conditions), 'keepalive 64;', machine, async (setups) => {
      const rounds = await repeated(ROUNDS, () => saturateRound(setups, machine))
      report(rounds)
      const paced = await repeated(PACED_ROUNDS, () => paceRound(setups))
      reportLatency(paced, NOTHING)
      reportForeignLoad(rounds, paced)
      await ownCost(setups[0]!)
    })
    await withSetups(CONNECTING, '', machine, async (setups) =>
      reportConnects(await repeated(CONNECT_ROUNDS, () => saturateRound(setups, machine))),
    )
  } finally {
    machine.remove()
  }
}

/** `keepalive`: the directive of the upstream block, empty for a connection per request. */
async function withSetups(
  names: readonly string[],
  keepalive: string,
  machine: Machine,
  measure: (setups: readonly Setup[]) => Promise<void>,
): Promise<void> {
  const removals: Removal[] = []
  try {
    const setups: Setup[] = []
    for (const name of names) setups.push(await createSetup(name, keepalive, machine, removals))
    for (const setup of setups) await runAlone(setup, () => setup.clients.saturate(1000))
    await measure(setups)
  } finally {
    for (const remove of removals.reverse()) await remove()
  }
}

/** Removes what was created, also if a later step fails. */
export type Removal = () => Promise<void>

export async function createSetup(
  name: string,
  keepalive: string,
  machine: Machine,
  removals: Removal[],
  { start, port } = conditions[name]!,
): Promise<Setup> {
  const cable = await Cable.create()
  removals.push(() => cable.remove())
  const { namespace } = cable.proxy
  const back = await startLabNginx(
    cable.far.namespace,
    'access_log off; server { listen 10.77.0.2:9000; return 200 "hello from the backend\\n"; }',
  )
  removals.push(() => back.stop())
  const front = await startLabNginx(
    namespace,
    `access_log off; keepalive_timeout 1h;
     upstream back { server 10.77.0.2:9000; ${keepalive} }
     server { listen 127.0.0.1:8081; location / { proxy_pass http://back; } }
     server { listen 127.0.0.1:8082; location / { access_log ${scratch}/access.log; proxy_pass http://back; } }`,
  )
  removals.push(() => front.stop())
  await pin(namespace, 0)
  await pin(cable.far.namespace, 1)
  const beside = await start(namespace)
  removals.push(() => beside.stop())
  const clients = new Clients(namespace, port, machine)
  removals.push(() => clients.stop())
  return { name, namespace, clients, beside }
}

/**
 * Runs a load with the condition of this setup only. A pause before lets a recorder write what it had buffered, and gives all
 * CPUs the same idle time.
 */
async function runAlone<T>({ beside }: Setup, load: () => Promise<T>): Promise<T> {
  beside.resume?.()
  await sleep(PAUSE_MS)
  const result = await load()
  beside.pause?.()
  return result
}

/** Every condition once, in random order, each between two loads with nothing attached. */
async function saturateRound([nothing, ...others]: readonly Setup[], machine: Machine): Promise<Round> {
  const load = (setup: Setup): Promise<Saturated> => runAlone(setup, () => setup.clients.saturate())
  const round: Record<string, Sample> = {}
  let before = await load(nothing!)
  for (const setup of shuffled(others)) {
    const speed = machine.speed()
    const saturated = await load(setup)
    const after = await load(nothing!)
    round[setup.name] = { speed, saturated, nothing: [before, after] }
    before = after
  }
  return round
}

async function paceRound(setups: readonly Setup[]): Promise<PacedRound> {
  const round: Record<string, PacedRound[string]> = {}
  for (const setup of shuffled(setups)) round[setup.name] = await runAlone(setup, () => setup.clients.pace())
  return round
}

type Pick = (saturated: Saturated) => number

/** Relative to the mean of the loads with nothing before and after. */
const relative = ({ saturated, nothing }: Sample, pick: Pick): number =>
  pick(saturated) / mean(nothing.map(pick))

/** Whether the speed of the machine was the same before and after: decided only by the loads with nothing. */
const isSteady = ({ nothing: [before, after] }: Sample): boolean =>
  Math.abs(before.perSecond - after.perSecond) < UNSTEADY * Math.min(before.perSecond, after.perSecond)

const perSecond: Pick = (saturated) => saturated.perSecond
const p99: Pick = (saturated) => saturated.p99
const cpu: Pick = (saturated) => saturated.cpu

/**
 * The packet programs and the hooks on sockets, where each request connects. Only the null program is compared: "nothing" has twice
 * the loads, and so twice the closed connections that wait in its namespace, which slow it down.
 */
function reportConnects(rounds: readonly Round[]): void {
  const ratios = (pick: Pick): string =>
    meanOf(rounds.map((round) => pick(round.recorder!.saturated) / pick(round['null program']!.saturated)))
  print(`\na request with a connection of its own, ${rounds.length} rounds: trimmed means of ratios [90 %]`)
  print(`  recorder ÷ null program  throughput ${ratios(perSecond)}, CPU ${ratios(cpu)}`)
}

function report(rounds: readonly Round[]): void {
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
    `at saturation, ${SLICE_MS} ms each, between two loads of nothing that differ by less than 10 %; trimmed means of ratios [90 %]`,
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
  print('p99 of a closed load: if nginx stops, only 32 requests are delayed; the open load below shows stops')
  print('goals: recorder throughput ≥ 0.97 and ahead of tcpdump, p99 ≤ 1.15, CPU ≤ 1.05 of the null program')
}

/** Reports the load of other processes and of the hypervisor: it affects the figures, too. */
function reportForeignLoad(rounds: readonly Round[], paced: readonly PacedRound[]): void {
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

/** Pins nginx's processes of a namespace to one CPU. */
async function pin(namespace: string, cpu: number): Promise<void> {
  const pids = (await sh('ip', 'netns', 'pids', namespace)).trim().split('\n')
  for (const pid of pids)
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('nginx'))
      await sh('taskset', '-cp', String(cpu), pid)
}
