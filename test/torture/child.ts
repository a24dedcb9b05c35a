/** Starts recorder.ts and follows which ticks it has committed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface RecorderJob {
  readonly file: string
  readonly ticks: number
  readonly pause: number
  readonly rps: number
  readonly append?: boolean
  readonly maxSize?: number
}

export class Child {
  /** the last tick that it reported as committed; -1 before the first */
  committed = -1
  stderr = ''
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  #rest = ''
  #wake: (() => void) | null = null

  constructor(job: RecorderJob) {
    const script = fileURLToPath(new URL('recorder.ts', import.meta.url))
    this.process = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.ended = once(this.process, 'exit')
    this.process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    this.process.stdout?.on('data', (chunk: Buffer) => this.#read(chunk.toString()))
    void this.ended.then(() => this.#wake?.())
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** Resolves when this tick is committed, or the process has ended. */
  async reached(tick: number): Promise<void> {
    while (this.committed < tick && this.isRunning) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.ended
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    const last = lines.at(-1)
    if (last !== undefined) this.committed = Number(last)
    this.#wake?.()
  }
}
