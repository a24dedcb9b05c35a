/** The dumps of a recorder, one after the other: each is cut by a child, then --exec runs. Nothing here waits in a tick. */
import { dirname, resolve } from 'node:path'
import type { Micros, WallMicros } from '../frame/model/units.ts'
import type { TimeSpan } from '../frame/time/time.ts'
import { runCommand, type Running } from './command.ts'
import { cutInChild, type CutEnd } from './cutting.ts'

export interface DumpSettings {
  /** the command line of this program */
  readonly program: readonly string[]
  readonly host: string
  /** null: the recording's folder */
  readonly into: string | null
  readonly keep: number
  readonly minFree: number | null
  /** null: nothing runs */
  readonly exec: string | null
  /** the file that is being recorded, wherever it is now */
  readonly recording: () => string
  readonly say: (text: string) => void
  /** a cut that takes longer hangs, ms; absent: ten minutes */
  readonly longest?: number
}

export interface DumpRequest {
  /** the marker's, or who asked for it */
  readonly text: string
  readonly at: WallMicros
  readonly span: TimeSpan
  /** how long it should be */
  readonly asked: Micros
  /** who waits for it */
  readonly answer?: (end: CutEnd) => void
}

/** Waiting to be cut. Triggers do not fire so often; whoever asks more often is refused. */
const MOST_WAITING = 100
/** Commands that run at once: more are those that hang. */
const MOST_RUNNING = 8
/** What the recorder waits for at its end, ms. */
const END_MS = 60_000

/** What may be cut takes seconds: a disk that is gone must not stop all further dumps, ms. */
const CUT_MS = 600_000

/** The dump that is being cut. */
interface Cut {
  stop(problem: string): void
}

export class Dumps {
  readonly #settings: DumpSettings
  #waiting: DumpRequest[] = []
  #cutting: Cut | null = null
  readonly #running = new Set<Running>()
  #isOver = false
  #idle: (() => void) | null = null

  constructor(settings: DumpSettings) {
    this.#settings = settings
  }

  add(request: DumpRequest): void {
    if (this.#isOver || this.#waiting.length >= MOST_WAITING) {
      this.#failed(request, this.#isOver ? 'the recorder has ended' : `${MOST_WAITING} others wait`)
      return
    }
    this.#waiting.push(request)
    this.#next()
  }

  /** Resolves when all is done, after 60 s at most. */
  async end(): Promise<void> {
    if (this.#isIdle) {
      this.#isOver = true
      return
    }
    this.#settings.say(`waiting for ${this.#whatIsLeft}, ${END_MS / 1000} s at most`)
    const idle = new Promise<'idle'>((done) => (this.#idle = () => done('idle')))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((done) => (timer = setTimeout(() => done('late'), END_MS)))
    const what = await Promise.race([idle, late])
    clearTimeout(timer)
    this.#isOver = true
    if (what === 'late') this.#giveUp()
  }

  get #isIdle(): boolean {
    return this.#cutting === null && this.#waiting.length === 0 && this.#running.size === 0
  }

  get #whatIsLeft(): string {
    const cuts = this.#waiting.length + (this.#cutting === null ? 0 : 1)
    const parts = [
      ...(cuts === 0 ? [] : [cuts === 1 ? 'a dump' : `${cuts} dumps`]),
      ...(this.#running.size === 0 ? [] : [`--exec`]),
    ]
    return parts.join(' and ')
  }

  #next(): void {
    if (this.#isIdle) this.#idle?.()
    if (this.#cutting !== null) return
    const request = this.#waiting.shift()
    if (request === undefined) return
    const { program, host, keep, minFree, into, recording } = this.#settings
    const file = resolve(recording())
    const { at, span, asked } = request
    const folder = resolve(into ?? dirname(file))
    const job = { recording: file, into: folder, host, at, span, asked, keep, minFree }
    const cutting = cutInChild(program, job)
    const { longest = CUT_MS } = this.#settings
    const finish = (end: CutEnd): void => {
      if (this.#cutting !== cut) return
      clearTimeout(late)
      this.#cutting = null
      this.#ended(request, end)
      this.#next()
    }
    // It does not wait for the child's end: where a disk hangs, no signal ends it.
    const cut = {
      stop: (problem: string) => {
        cutting.stop()
        finish({ problem })
      },
    }
    const late = setTimeout(() => cut.stop(`it took more than ${longest / 1000} s, and was ended`), longest)
    late.unref()
    this.#cutting = cut
    void cutting.ended.then(finish)
  }

  #ended(request: DumpRequest, end: CutEnd): void {
    if ('problem' in end) {
      this.#failed(request, end.problem)
      return
    }
    this.#settings.say([`dumped ${end.file}: ${request.text}`, ...end.notes].join('; '))
    request.answer?.(end)
    this.#run(end.file, request.text)
  }

  #failed({ text, answer }: DumpRequest, problem: string): void {
    this.#settings.say(`not dumped: ${problem} (${text})`)
    answer?.({ problem })
  }

  #run(file: string, text: string): void {
    const { exec, say } = this.#settings
    if (exec === null || this.#isOver) return
    if (this.#running.size >= MOST_RUNNING) {
      say(`--exec "${exec}" was not run for "${file}": ${MOST_RUNNING} of it still run`)
      return
    }
    const running = runCommand(exec, file, text, say)
    this.#running.add(running)
    void running.ended.then(() => {
      this.#running.delete(running)
      this.#next()
    })
  }

  #giveUp(): void {
    this.#settings.say(`${this.#whatIsLeft} took more than ${END_MS / 1000} s, and was ended`)
    const problem = 'the recorder has ended'
    const waiting = this.#waiting.splice(0)
    this.#cutting?.stop(problem)
    for (const request of waiting) this.#failed(request, problem)
    for (const running of this.#running) running.stop()
  }
}
