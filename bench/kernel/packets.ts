/** The cost of a packet in the kernel, over a null program. */
import { mkdirSync } from 'node:fs'
import { ROOT, sh } from '../../test/kernel/lab/system.ts'
import { median, print, repeated, spread } from './numbers.ts'

const RUNS = 15

/** Goals, as multiples of the null program in the same run: absolute nanoseconds depend on the machine. */
const GOALS = {
  ack_ingress: 1.12,
  ack_egress: 1.12,
  not_http_ingress: 1.8,
  not_http_egress: 1.8,
  beside_ingress: 2.1,
  beside_egress: 2.1,
  door_ingress: 2.1,
  door_egress: 2.1,
  body_ingress: 2.2,
  request: 5.5,
  answer: 6.5,
} as const

/** HTTP/2 beside HTTP/1 in the same run, both less the null program. The new path of a request is decoded, the others are known. */
const BESIDE_HTTP1 = [
  ['h2_request', 'request', 1.5],
  ['grpc_request', 'request', null],
  ['grpc_request_new', 'request', null],
  ['h2_answer', 'answer', null],
  ['grpc_answer', 'answer', 2],
  ['grpc_trailers_only', 'answer', null],
] as const

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
    const ratios = (what: string, base: string): number[] => runs.map((run) => run[what]! / run[base]!)
    const alone = ratios(name, 'null')
    const cost = median(runs.map((run) => run[name]! - run.null!))
    const hasMixed = runs[0]![`${name}_mixed`] !== undefined
    print(
      `  ${name.padEnd(17)} ${spread(alone, 2).padEnd(17)}×  goal ≤ ${goal.toFixed(2)}×  ${median(alone) <= goal ? 'met   ' : 'MISSED'}  (+${cost.toFixed(0)} ns)` +
        (hasMixed ? `  mixed ${spread(ratios(`${name}_mixed`, 'null_mixed'), 2)}×` : ''),
    )
  }
  for (const [name, base, goal] of BESIDE_HTTP1) {
    const ratios = runs.map((run) => (run[name]! - run.null!) / (run[base]! - run.null!))
    const judged =
      goal === null ? '' : `  goal ≤ ${goal.toFixed(2)}×  ${median(ratios) <= goal ? 'met   ' : 'MISSED'}`
    print(`  ${name.padEnd(18)} ${spread(ratios, 2).padEnd(17)}× HTTP/1's ${base}, both over null${judged}`)
  }
  print('  packets in trains of one kind; mixed: after another kind, with mispredicted branches')
}
