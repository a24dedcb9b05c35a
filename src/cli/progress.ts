/** Progress of long work on stderr: rewritten in place on a terminal; elsewhere a line every few seconds, or nothing. */
import { exactCount, longSpan } from '../render/quantities.ts'
import type { Progress } from '../store/tools/copy.ts'
import type { Io } from './io.ts'

const IN_PLACE_MS = 300
const LINE_MS = 5000
/** Seconds until a rate tells how long the rest will take. */
const SURE_AFTER = 1

/** Progress in ticks, only on a terminal. `done` clears the line. */
export function tickProgress(io: Io, what: string): Progress & { readonly done: () => void } {
  const line = new ProgressLine(io, Infinity)
  return {
    signal: io.signal,
    report: (done, all) =>
      line.update((seconds) => {
        const left = Math.round((seconds * (all - done)) / done)
        return `${what}: ${done} of ${all} ticks, ${Math.round(done / seconds)}/s, ${left} s left`
      }),
    done: () => line.clear(),
  }
}

/** Progress in rows written; the percentage is that of the ticks. @param what the unit of the rows, as in `rows` */
export function rowProgress(
  io: Io,
  what: string,
): { readonly report: (done: number, all: number, rows: number) => void; readonly done: () => void } {
  const line = new ProgressLine(io, LINE_MS)
  return {
    report: (done, all, rows) =>
      line.update((seconds) => {
        const left = done === 0 ? '' : `, ${longSpan(Math.ceil((seconds * (all - done)) / done) * 1e6)} left`
        return `${Math.floor((100 * done) / all)} %: ${exactCount(rows)} ${what}, ${exactCount(Math.round(rows / seconds))} per second${left}`
      }),
    done: () => line.clear(),
  }
}

/** Progress in bytes of a file, and packets; `all` is null where nobody knows how many will come. */
export function byteProgress(io: Io): {
  readonly report: (done: number, all: number | null, packets: number) => void
  readonly done: () => void
} {
  const line = new ProgressLine(io, LINE_MS)
  return {
    report: (done, all, packets) =>
      line.update((seconds) => {
        const rate = `${exactCount(packets)} packets, ${exactCount(Math.round(packets / seconds))} per second`
        if (all === null) return rate
        // The first packets cost more than all others: code is compiled.
        if (seconds < SURE_AFTER || done === 0) return `${Math.floor((100 * done) / all)} %: ${rate}`
        return `${Math.floor((100 * done) / all)} %: ${rate}, ${longSpan(Math.ceil((seconds * (all - done)) / done) * 1e6)} left`
      }),
    done: () => line.clear(),
  }
}

/** Shows a text at most once per interval. The text is made from the seconds since the work began. */
class ProgressLine {
  readonly #io: Io
  readonly #every: number
  readonly #started: number
  #last: number
  #isShown = false

  /** @param lineMs ms between two lines if standard error is no terminal */
  constructor(io: Io, lineMs: number) {
    this.#io = io
    this.#every = io.stderr.isTTY ? IN_PLACE_MS : lineMs
    this.#last = this.#started = io.now()
  }

  update(textAt: (seconds: number) => string): void {
    const now = this.#io.now()
    if (now - this.#last < this.#every) return
    this.#last = now
    const text = textAt((now - this.#started) / 1000)
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
