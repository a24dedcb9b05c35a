/**
 * Work that has something to finish when a signal comes: an output that is half made, a terminal to give back. Somebody listens while
 * it runs and only then, since a signal that nobody listens to ends the program at once (src/cli/signals.ts).
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

/** How long a loop may run before it looks up, ms: by the clock, since nobody knows how long a tick of a strange file takes. */
const SLICE = 50

/** A loop that takes long looks up now and then, or a signal would not be heard. */
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
