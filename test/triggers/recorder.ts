/** The real program, with the lines of synthetic ticks: for tests of what a recorder does by itself. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { runCommand } from '../cli/run-command.ts'
import type { ProbeJob } from './probe.ts'

const ROOT = join(import.meta.dirname, '../..')
const TSX = ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs')]
/** Kills a process that hangs, ms. */
const HANGS = 90_000

export const probeOf = (job: ProbeJob): string =>
  `exec ${process.execPath} ${TSX.join(' ')} ${join(ROOT, 'test/triggers/probe.ts')} '${JSON.stringify(job)}'`

export class Recorder {
  readonly process: ChildProcess
  said = ''
  readonly #ended: Promise<unknown>

  constructor(
    words: readonly string[],
    over: {
      readonly setpriv?: readonly string[]
      readonly command?: readonly string[]
      readonly hangsAfter?: number
    } = {},
  ) {
    const command = [
      ...(over.setpriv ?? []),
      process.execPath,
      ...TSX,
      join(ROOT, 'src/main.ts'),
      ...(over.command ?? ['record', ...words]),
    ]
    this.process = spawn(command[0]!, command.slice(1), {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { hangsAfter = HANGS } = over
    const hangs =
      hangsAfter < Infinity ? setTimeout(() => this.process.kill('SIGKILL'), hangsAfter) : undefined
    this.#ended = once(this.process, 'close').finally(() => clearTimeout(hangs))
    for (const stream of [this.process.stdout!, this.process.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (this.said += text))
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** It has started the helper. */
  get hasChild(): boolean {
    const { pid } = this.process
    return readFileSync(`/proc/${pid ?? 0}/task/${pid ?? 0}/children`, 'utf8').trim() !== ''
  }

  async says(words: RegExp): Promise<void> {
    while (!words.test(this.said)) {
      if (!this.isRunning) throw new Error(`it ended, and never said ${String(words)}: ${this.said}`)
      await pause(10)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await this.#ended
    return this.process.exitCode ?? this.process.signalCode
  }
}

/** Records to the end of the lines. */
export async function recorded(
  words: readonly string[],
): Promise<{ readonly code: unknown; readonly said: string }> {
  const recorder = new Recorder(words)
  const code = await recorder.ended()
  return { code, said: recorder.said }
}

export const dumpsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /-\d{8}T\d{6}Z-\d+\.db$/.test(name))
    .sort()

export interface Recording {
  readonly recording: {
    readonly ticks: number
    readonly start: string
    readonly end: string
    readonly host: string
  }
}

export async function infoOf(file: string): Promise<Recording['recording']> {
  const { stdout, stderr } = await runCommand(['info', file, '--format', 'json'])
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as Recording).recording
}
