/** Long work says on a terminal how far it is. */
import type { Progress } from '../store/copy.ts'
import type { Io } from './io.ts'

const EVERY_MS = 200

/** Nothing where standard error is no terminal. `done` clears the line. */
export function progressOf(io: Io, what: string): Progress & { readonly done: () => void } {
  const started = io.now()
  let last = started
  let isShown = false
  return {
    signal: io.signal,
    report: (done, all) => {
      const now = io.now()
      if (!io.stderr.isTTY || now - last < EVERY_MS) return
      last = now
      isShown = true
      const left = Math.round((((now - started) / done) * (all - done)) / 1000)
      const rate = Math.round(done / ((now - started) / 1000))
      io.stderr.inPlace(`${what}: ${done} of ${all} ticks, ${rate}/s, ${left} s left`)
    },
    done: () => {
      if (isShown) io.stderr.inPlace('')
    },
  }
}
