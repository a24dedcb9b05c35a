/** How far long work is, on stderr: rewritten in place on a terminal, a line now and then elsewhere, or nothing. */
import { exactCount, longSpan } from '../render/quantities.ts'
import type { Progress } from '../store/tools/copy.ts'
import type { Io } from './io.ts'

const IN_PLACE_MS = 300
const LINE_MS = 5000

/** Ticks of a recording: on a terminal alone. `done` clears the line. */
export function tickProgress(io: Io, what: string): Progress & { readonly done: () => void } {
  const told = new Told(io, Infinity)
  return {
    signal: io.signal,
    report: (done, all) =>
      told.tell((seconds) => {
        const left = Math.round((seconds * (all - done)) / done)
        return `${what}: ${done} of ${all} ticks, ${Math.round(done / seconds)}/s, ${left} s left`
      }),
    done: () => told.clear(),
  }
}

/** Rows that are written, as a part of the ticks. @param what the unit of the rows, as in `rows` */
export function rowProgress(
  io: Io,
  what: string,
): { readonly report: (done: number, of: number, rows: number) => void; readonly done: () => void } {
  const told = new Told(io, LINE_MS)
  return {
    report: (done, of, rows) =>
      told.tell((seconds) => {
        const left = done === 0 ? '' : `, ${longSpan(Math.ceil((seconds * (of - done)) / done) * 1e6)} left`
        return `${Math.floor((100 * done) / of)} %: ${exactCount(rows)} ${what}, ${exactCount(Math.round(rows / seconds))} a second${left}`
      }),
    done: () => told.clear(),
  }
}

/** What is told now and then, as words of the seconds since the work began. */
class Told {
  readonly #io: Io
  readonly #every: number
  readonly #started: number
  #last: number
  #isShown = false

  /** @param lineMs between two lines where standard error is no terminal */
  constructor(io: Io, lineMs: number) {
    this.#io = io
    this.#every = io.stderr.isTTY ? IN_PLACE_MS : lineMs
    this.#last = this.#started = io.now()
  }

  tell(words: (seconds: number) => string): void {
    const now = this.#io.now()
    if (now - this.#last < this.#every) return
    this.#last = now
    const text = words((now - this.#started) / 1000)
    const { stderr } = this.#io
    if (!stderr.isTTY) stderr.line(text)
    else {
      stderr.inPlace(text)
      this.#isShown = true
    }
  }

  clear(): void {
    if (this.#isShown) this.#io.stderr.inPlace('')
  }
}
