/**
 * node --import tsx test/fuzz/run.ts lines|files [--inputs N] [--seed N] [--from N] [--only N] [--out DIR]
 * node --import tsx test/fuzz/run.ts stream|port [--inputs N] [--seed N] [--out DIR]
 *
 * `stream` is one recorder that gets N spoilt lines, `port` one whose metrics get N hostile requests; what it recorded is kept if it fails.
 * --only runs one input in this process, prints its stack, and keeps the input.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzz, LIMITS, scratchFolder } from './harness.ts'
import { attackPort } from './port.ts'
import { recordStream } from './stream.ts'
import type { Target } from './target.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    inputs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    only: { type: 'string' },
    out: { type: 'string' },
  },
})
const name = positionals[0] ?? 'lines'
const seed = Number(values.seed)
const out = resolve(values.out ?? join(tmpdir(), `upstreamtop-fuzz-${name}-${seed}`))
const say = (text: string): boolean => process.stdout.write(`${text}\n`)

if (name === 'stream') await recorder('spoilt lines', recordStream)
else if (name === 'port') await recorder('hostile requests', attackPort)
else if (values.only === undefined) await many()
else await one(Number(values.only))

async function many(): Promise<void> {
  const job = { target: name, seed, from: Number(values.from), inputs: Number(values.inputs), out, ...LIMITS }
  say(`${name}: ${job.inputs} inputs from ${job.from}, seed ${seed}; what fails is kept in ${out}`)
  const { inputs, seconds, kinds } = await fuzz(job, (done) => say(`${done} of ${job.inputs}`))
  for (const { kind, text, where, times, number } of kinds)
    say(
      `${times} × ${kind}: ${text}\n    first: --seed ${seed} --only ${number}\n    ${where.join('\n    ')}`,
    )
  say(`${name}: ${inputs} inputs in ${seconds.toFixed(0)} s, ${kinds.length} kinds of findings`)
  if (kinds.length > 0) process.exitCode = 1
}

async function recorder(what: string, attack: typeof recordStream): Promise<void> {
  mkdirSync(out, { recursive: true })
  const file = join(out, `${name}.db`)
  rmSync(file, { force: true })
  say(`${name}: ${values.inputs} ${what}, seed ${seed}, recorded in ${file}`)
  await attack(seed, Number(values.inputs), file)
  rmSync(out, { recursive: true })
  say('nothing found')
}

async function one(number: number): Promise<void> {
  const { target } = (await import(`./${name}.ts`)) as { readonly target: Target<unknown> }
  const scratch = scratchFolder()
  try {
    await target.prepare(scratch)
    const input = target.make(seed, number)
    mkdirSync(out, { recursive: true })
    target.save(input, join(out, String(number)))
    say(`kept as ${join(out, String(number))}…`)
    await target.run(input, (name) => say(name))
    say('nothing found')
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
