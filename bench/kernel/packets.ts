/** What a packet costs in the kernel, over a program that does nothing. */
import { mkdirSync } from 'node:fs'
import { ROOT, sh } from '../../test/kernel/lab/system.ts'
import { median, print, repeated } from './numbers.ts'

/** Goals of TRUTH.md: ns over the null program. */
const GOALS = {
  ack: 5,
  not_http_ingress: 50,
  not_http_egress: 60,
  beside_ingress: 50,
  beside_egress: 60,
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
  const runs = await repeated(
    5,
    async () =>
      JSON.parse(await sh(program, `${ROOT}build/upstreamtop.bpf.o`, '100')) as Record<string, number>,
  )
  const of = (name: string): number =>
    median(runs.map((run) => run[name]! - (name === 'null' ? 0 : run.null!)))
  print(`a packet, BPF_PROG_TEST_RUN: null program ${of('null').toFixed(0)} ns`)
  for (const [name, goal] of Object.entries(GOALS)) {
    const cost = of(name)
    const ratio = (cost + of('null')) / of('null')
    print(
      `  ${name.padEnd(18)} +${cost.toFixed(0).padStart(4)} ns  ${ratio.toFixed(1).padStart(5)}×  goal +${goal}  ${cost <= goal ? 'met' : 'MISSED'}`,
    )
  }
}
