/** Runs inputs one after the other and writes the current one to a file. Started by harness.ts. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../src/errors.ts'
import { addFinding, findingOf, signatureOf } from './findings.ts'
import { beatOf, type WorkerJob } from './harness.ts'
import type { Target } from './target.ts'

const job = JSON.parse(process.argv[2] ?? '{}') as WorkerJob
const { target } = (await import(new URL(`${job.target}.ts`, import.meta.url).href)) as {
  readonly target: Target<unknown>
}
await target.prepare(job.scratch)
const heartbeat = openSync(job.heartbeat, 'r+')
/** inputs kept per kind of finding */
const MOST_KEPT = 3
const kept = new Map<string, number>()

let number = job.from
const step = (name: string): number => writeSync(heartbeat, beatOf(number, name), 0)
const parent = process.ppid
// Stops when the parent has ended.
for (; number < job.from + job.inputs && process.ppid === parent; number++) {
  step('')
  const input = target.make(job.seed, number)
  try {
    await target.run(input, step)
  } catch (error) {
    // A UserError is the expected result for bad input.
    if (!(error instanceof UserError)) keep(input, error)
  }
}
closeSync(heartbeat)
// Ends even if an input left timers or handles open.
process.exit(0)

function keep(input: unknown, error: unknown): void {
  const finding = findingOf(number, error)
  addFinding(job.findings, finding)
  const signature = signatureOf(finding)
  const times = kept.get(signature) ?? 0
  kept.set(signature, times + 1)
  if (times >= MOST_KEPT) return
  mkdirSync(job.out, { recursive: true })
  target.save(input, join(job.out, String(number)))
}
