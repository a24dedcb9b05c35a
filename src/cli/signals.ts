/**
 * The signals that end a program. One that nobody listens to keeps its default, so that it ends what never looks up, too: a loop,
 * SQLite, a file that does not open.
 */
import { getEventListeners } from 'node:events'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A terminal and what stands between (sudo, npm, timeout) pass the same Ctrl-C on: within this it is the first one still, ms. */
const SAME = 250

/** Aborted with the name of the signal, for whoever listens; whoever does not stop then is ended by the next. */
export function stopSignal(): AbortSignal {
  const stopped = new AbortController()
  const { signal } = stopped
  let isOver = false
  const caught = (name: NodeJS.Signals): void => {
    if (signal.aborted) return
    stopped.abort(name)
    setTimeout(() => {
      isOver = true
      listen()
    }, SAME).unref()
  }
  const listen = (): void => {
    const isHeard = !isOver && getEventListeners(signal, 'abort').length > 0
    for (const name of SIGNALS) {
      process.off(name, caught)
      if (isHeard) process.on(name, caught)
    }
  }
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  return Object.assign(signal, {
    addEventListener: (...words: Parameters<typeof add>) => {
      add(...words)
      listen()
    },
    removeEventListener: (...words: Parameters<typeof remove>) => {
      remove(...words)
      listen()
    },
  })
}
