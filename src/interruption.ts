/**
 * Work that must clean up when a signal comes: an unfinished output, a terminal to restore. There is a listener only while it
 * runs, since a signal without a listener ends the program at once (src/cli/signals.ts).
 */
import { setImmediate } from 'node:timers/promises'
import { ExitCode, UserError } from './errors.ts'

/** @param work throws the reason of its signal once it has cleaned up @throws UserError (exit 130) */
export async function interruptible<T>(
  signal: AbortSignal,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const listener = (): void =>
    stop.abort(new UserError(ExitCode.interrupted, 'interrupted: nothing was kept'))
  if (signal.aborted) listener()
  signal.addEventListener('abort', listener)
  try {
    return await work(stop.signal)
  } finally {
    signal.removeEventListener('abort', listener)
  }
}

/** How long a loop may run before it returns to the event loop, ms. By the clock: a tick of a foreign file may take any time. */
const SLICE = 50

/** Lets a long loop return to the event loop now and then; otherwise no signal would be handled. */
export class Breath {
  readonly #stop: AbortSignal
  #last = performance.now()

  constructor(stop: AbortSignal) {
    this.#stop = stop
  }

  get isDue(): boolean {
    return performance.now() - this.#last > SLICE
  }

  /** @throws the signal's reason */
  async take(): Promise<void> {
    await setImmediate()
    this.#stop.throwIfAborted()
    this.#last = performance.now()
  }
}
