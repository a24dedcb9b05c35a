/**
 * The two ways of attaching beside each other: at the interfaces of nginx's namespace, and at the root of cgroup2. What is attached
 * at the root runs for every socket of the machine, so one condition is active at a time, and each load has its own start.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { sh } from '../../test/kernel/lab/system.ts'
import { beside, ways } from './conditions.ts'
import { buildClient, type Saturated } from './load.ts'
import { Machine } from './machine.ts'
import { meanOf, median, print, shuffled } from './numbers.ts'
import { createSetup, type Removal } from './requests.ts'

const ROUNDS = Number(process.env.WAY_ROUNDS ?? 24)
const STATS = '/proc/sys/kernel/bpf_stats_enabled'

type Round = Readonly<Record<string, Saturated>>

export async function compareWays(): Promise<void> {
  await buildClient()
  const machine = new Machine()
  const removals: Removal[] = []
  try {
    const nothing = { start: ways.nothing!, port: 8081 }
    const setup = await createSetup('nothing', 'keepalive 64;', machine, removals, nothing)
    const rounds: Round[] = []
    for (let n = 0; n < ROUNDS; n++) {
      const round: Record<string, Saturated> = {}
      for (const name of shuffled(Object.keys(ways)))
        round[name] = await beside(ways[name]!, setup.namespace, () => setup.clients.saturate(500))
      rounds.push(round)
    }
    report(rounds)
    await reportPackets(setup.namespace, () => setup.clients.saturate(2000))
  } finally {
    for (const remove of removals.reverse()) await remove()
    machine.remove()
  }
}

function report(rounds: readonly Round[]): void {
  print(`\nboth ways of attaching, ${rounds.length} rounds in random order: trimmed means of ratios [90 %]`)
  print('  condition          req/s   throughput ÷ nothing   CPU ÷ nothing          CPU ÷ null of its way')
  const ratios = (name: string, base: string, of: 'perSecond' | 'cpu'): string =>
    meanOf(rounds.map((round) => round[name]![of] / round[base]![of]))
  for (const name of Object.keys(ways).filter((other) => other !== 'nothing')) {
    const rate = median(rounds.map((round) => round[name]!.perSecond))
    const own = name.replace(/^recorder|^null/, 'null')
    print(
      `  ${name.padEnd(18)} ${rate.toFixed(0).padStart(6)}  ${ratios(name, 'nothing', 'perSecond').padEnd(21)}  ` +
        `${ratios(name, 'nothing', 'cpu').padEnd(21)}  ${name === own ? '' : ratios(name, own, 'cpu')}`,
    )
  }
}

interface Program {
  readonly name: string
  readonly attach_type?: string
  readonly run_time_ns?: number
  readonly run_cnt?: number
}

/** The mean time of a program over all packets of a load, as the kernel measures it (it adds two readings of a clock to each). */
async function reportPackets(namespace: string, load: () => Promise<unknown>): Promise<void> {
  const before = readFileSync(STATS, 'utf8')
  writeFileSync(STATS, '1')
  try {
    const means = new Map<string, number>()
    for (const way of ['tcx', 'cgroup'])
      for (const what of ['null', 'recorder'])
        await beside(ways[`${what}, ${way}`]!, namespace, async () => {
          await load()
          const programs = JSON.parse(await sh('bpftool', '-j', 'prog', 'show')) as readonly Program[]
          const ours = programs.filter(({ name }) => /^(null|upstreamtop_(in|e)gress)$/.test(name))
          const sum = (of: 'run_time_ns' | 'run_cnt'): number =>
            ours.reduce((all, program) => all + (program[of] ?? 0), 0)
          means.set(`${what}, ${way}`, sum('run_time_ns') / sum('run_cnt'))
        })
    for (const way of ['tcx', 'cgroup']) {
      const [recorder, empty] = [means.get(`recorder, ${way}`)!, means.get(`null, ${way}`)!]
      print(
        `  per packet of a load, ${way}: null ${empty.toFixed(0)} ns, recorder ${recorder.toFixed(0)} ns: ${(recorder / empty).toFixed(2)}×`,
      )
    }
  } finally {
    writeFileSync(STATS, before)
  }
}
