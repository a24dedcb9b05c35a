/**
 * Runs many inputs in a worker process and kills it when an input takes too long or too much memory. The parent reads the
 * current input from a file (one write per input: a busy worker could delay a message), and its cost from /proc. Linux only.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { addFinding, kindsOf, readFindings, type Finding, type FindingKind } from './findings.ts'
import type { Target } from './target.ts'

export interface Job {
  /** a module of this folder that exports `target` */
  readonly target: string
  readonly seed: number
  readonly from: number
  readonly inputs: number
  /** folder for failed inputs; created if missing */
  readonly out: string
  /** CPU time limit per input; the wall clock limit is ten times as long, so that a busy machine is no finding */
  readonly limitMs: number
  /** limit for the growth of the worker's RSS */
  readonly limitBytes: number
}

export const LIMITS = { limitMs: 2000, limitBytes: 512 * 2 ** 20 } as const

export interface FuzzRun {
  readonly inputs: number
  readonly seconds: number
  readonly kinds: readonly FindingKind[]
}

/** The job of a worker, as JSON in its argument. */
export interface WorkerJob extends Job {
  readonly heartbeat: string
  readonly findings: string
  /** folder for files, on tmpfs if there is one */
  readonly scratch: string
}

/** Inputs per worker: a new process limits the effect of one input on later ones. */
const BATCH = 20_000

export async function fuzz(job: Job, progress: (done: number) => void = () => undefined): Promise<FuzzRun> {
  mkdirSync(job.out, { recursive: true })
  const findings = join(job.out, 'findings.ndjson')
  rmSync(findings, { force: true })
  const scratch = scratchFolder()
  const started = performance.now()
  const end = job.from + job.inputs
  try {
    let next = job.from
    while (next < end) {
      const batch = Math.min(BATCH, end - next)
      const heartbeat = join(scratch, 'heartbeat')
      const worker = { ...job, from: next, inputs: batch, heartbeat, findings, scratch }
      const stopped = await runBatch(worker)
      if (stopped !== null) {
        addFinding(findings, stopped)
        await keep(job, stopped.number, scratch)
      }
      next = stopped === null ? next + batch : stopped.number + 1
      progress(next - job.from)
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  const seconds = (performance.now() - started) / 1000
  return { inputs: job.inputs, seconds, kinds: kindsOf(readFindings(findings)) }
}

/** On tmpfs if there is one. */
export const scratchFolder = (): string =>
  mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'upstreamtop-fuzz-'))

/** Saves the input that killed the worker. */
async function keep({ target: name, seed, out }: Job, number: number, scratch: string): Promise<void> {
  const { target } = (await import(`./${name}.ts`)) as { readonly target: Target<unknown> }
  await target.prepare(scratch)
  target.save(target.make(seed, number), join(out, String(number)))
}

/** null when all inputs ran; otherwise the finding for the input that ended the worker. */
async function runBatch(job: WorkerJob): Promise<Finding | null> {
  writeFileSync(job.heartbeat, beatOf(-1, ''))
  const worker = startWorker(job)
  const ended = endOf(worker)
  const watcher = new AbortController()
  const verdict = watch(job, worker, watcher.signal)
  const first = await Promise.race([ended, verdict])
  if (first !== null && typeof first === 'object') {
    worker.kill('SIGKILL')
    await ended
    return first
  }
  watcher.abort()
  if (first === 'done') return null
  const { number, step } = readBeat(job.heartbeat)
  if (number < 0) throw new Error(`the worker did not start: ${first ?? ''}`)
  return { number, kind: 'died', text: `${step}: ${first ?? ''}`, where: [] }
}

function startWorker(job: WorkerJob): ChildProcess {
  const script = fileURLToPath(new URL('worker.ts', import.meta.url))
  const flags = ['--max-old-space-size=1024', '--stack-trace-limit=30']
  return spawn(process.execPath, [...flags, '--import', 'tsx', script, JSON.stringify(job)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

function endOf(worker: ChildProcess): Promise<string> {
  let stderr = ''
  worker.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)))
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('close', (code, signal) => {
      const [words = ''] = /FATAL ERROR.*|Error: .*/.exec(stderr) ?? []
      resolve(code === 0 ? 'done' : `${signal ?? `exit code ${code ?? '?'}`} ${words}`.trim())
    })
  })
}

const POLL_MS = 50
/** Clock tick of /proc/PID/stat (USER_HZ), the same on every Linux that node supports. */
const TICK_MS = 10

async function watch(job: WorkerJob, worker: ChildProcess, signal: AbortSignal): Promise<Finding | null> {
  let [number, cpu, wall, base] = [-1, 0, performance.now(), Infinity]
  while (!signal.aborted) {
    await setTimeout(POLL_MS)
    const { number: now, step } = readBeat(job.heartbeat)
    const cost = worker.pid === undefined ? null : costOf(worker.pid)
    if (cost === null || now < 0) continue
    base = Math.min(base, cost.rss)
    if (now !== number) {
      ;[number, cpu, wall] = [now, cost.cpuMs, performance.now()]
    }
    const took = Math.max(cost.cpuMs - cpu, (performance.now() - wall) / 10)
    if (took > job.limitMs)
      return { number, kind: 'hang', text: `${step}: more than ${job.limitMs} ms`, where: [] }
    if (cost.rss - base > job.limitBytes)
      return { number, kind: 'memory', text: `${step}: more than ${job.limitBytes} bytes`, where: [] }
  }
  return null
}

function costOf(pid: number): { readonly cpuMs: number; readonly rss: number } | null {
  try {
    // After the process name, which may contain any byte, come the state and numbers.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    const cpuMs = (Number(fields[11]) + Number(fields[12])) * TICK_MS
    return { cpuMs, rss: Number(fields[21]) * 4096 }
  } catch {
    return null
  }
}

/** Fixed length, so that it overwrites the whole line before it. */
export const beatOf = (number: number, step: string): string => `${number} ${step}`.padEnd(60)

function readBeat(file: string): { readonly number: number; readonly step: string } {
  const [number = '', ...step] = readFileSync(file, 'latin1').trimEnd().split(' ')
  return { number: number === '' ? -1 : Number(number), step: step.join(' ') }
}
