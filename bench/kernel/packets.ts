/** The cost of a packet in the kernel, over a null program. */
import { mkdirSync } from 'node:fs'
import { ROOT, sh } from '../../test/kernel/lab/system.ts'
import { median, print, repeated, spread } from './numbers.ts'

const RUNS = 15

/** Goals, ns per packet over the null program. */
const GOALS = {
  ack_ingress: 5,
  ack_egress: 5,
  not_http_ingress: 50,
  not_http_egress: 60,
  beside_ingress: 50,
  beside_egress: 60,
  door_ingress: 50,
  door_egress: 60,
  body_ingress: 90,
  request: 350,
  answer: 320,
} as const

export async function packets(): Promise<void> {
  mkdirSync(`${ROOT}build/lab`, { recursive: true })
  const program = `${ROOT}build/lab/testrun`
  await sh(
    'gcc',
    '-O2',
    '-Wall',
    '-Werror',
    `${ROOT}bench/kernel/testrun.c`,
    '-o',
    program,
    '-lbpf',
    '-lelf',
    '-lz',
  )
  // Each run loads the programs again: the cost of a branch depends on their addresses.
  const runs = await repeated(
    RUNS,
    async () =>
      JSON.parse(await sh(program, `${ROOT}build/upstreamtop.bpf.o`, '50')) as Record<string, number>,
  )
  const empty = median(runs.map((run) => run.null!))
  print(
    `per packet, BPF_PROG_TEST_RUN: null program ${empty.toFixed(0)} ns; medians of ${RUNS} loads [quartiles]`,
  )
  for (const [name, goal] of Object.entries(GOALS)) {
    const over = (what: string, base: string): number[] => runs.map((run) => run[what]! - run[base]!)
    const costs = over(name, 'null')
    const cost = median(costs)
    const ratio = (cost + empty) / empty
    const isAlone = runs[0]![`${name}_mixed`] === undefined
    print(
      `  ${name.padEnd(17)} +${spread(costs, 0).padEnd(14)} ns ${ratio.toFixed(1).padStart(5)}×  goal +${String(goal).padEnd(3)}  ${cost <= goal ? 'met   ' : 'MISSED'}` +
        (isAlone ? '' : `  mixed +${spread(over(`${name}_mixed`, 'null_mixed'), 0)}`),
    )
  }
  print('  packets in trains of one kind; mixed: after another kind, with mispredicted branches')
}
