/**
 * The signals that end a program. Without a listener a signal keeps its default action, so that it also ends code that never
 * returns to the event loop: a long loop, SQLite, an open() that hangs.
 */
import { getEventListeners } from 'node:events'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Signals within this time count as one, ms: the terminal and wrappers (sudo, npm, timeout) may deliver the same Ctrl-C several times. */
const SAME_MS = 250

/** Aborted with the name of the signal if it has a listener. The next signal ends the program. */
export function stopSignal(): AbortSignal {
  const stopped = new AbortController()
  const { signal } = stopped
  let isOver = false
  let isHearing = false
  const caught = (name: NodeJS.Signals): void => {
    if (signal.aborted) return
    stopped.abort(name)
    setTimeout(() => {
      isOver = true
      listen()
    }, SAME_MS).unref()
  }
  // Only when that changes: a signal that arrives while node's last listener is exchanged for a new one is lost.
  const listen = (): void => {
    const isToHear = !isOver && getEventListeners(signal, 'abort').length > 0
    if (isToHear === isHearing) return
    isHearing = isToHear
    for (const name of SIGNALS) process[isHearing ? 'on' : 'off'](name, caught)
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
