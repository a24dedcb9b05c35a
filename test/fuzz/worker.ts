/** Runs inputs one after the other, and says in a file which one is at work. Started by harness.ts. */
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
/** so many inputs of each kind of finding are kept */
const KEPT = 3
const kept = new Map<string, number>()

let number = job.from
const step = (name: string): number => writeSync(heartbeat, beatOf(number, name), 0)
const parent = process.ppid
// Nobody watches an orphan.
for (; number < job.from + job.inputs && process.ppid === parent; number++) {
  step('')
  const input = target.make(job.seed, number)
  try {
    await target.run(input, step)
  } catch (error) {
    // What the user is told in words is what must happen.
    if (!(error instanceof UserError)) keep(input, error)
  }
}
closeSync(heartbeat)
// Whatever an input left running is no reason to stay.
process.exit(0)

function keep(input: unknown, error: unknown): void {
  const finding = findingOf(number, error)
  addFinding(job.findings, finding)
  const signature = signatureOf(finding)
  const times = kept.get(signature) ?? 0
  kept.set(signature, times + 1)
  if (times >= KEPT) return
  mkdirSync(job.out, { recursive: true })
  target.save(input, join(job.out, String(number)))
}
