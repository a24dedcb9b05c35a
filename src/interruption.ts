/**
 * Work that must clean up after a signal: an unfinished output, a terminal to restore. A listener exists only while it runs, because a
 * signal without a listener ends the program at once (src/cli/signals.ts).
 */
import { setImmediate } from 'node:timers/promises'
import { ExitCode, UserError } from './errors.ts'

/** @param work cleans up and throws the reason of its signal when that is aborted @throws UserError (exit 130) */
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

/** How long a loop may run before it returns to the event loop. A time, no number of ticks: a tick of an unknown file may take any time. */
const SLICE_MS = 50

/** Lets a long loop return to the event loop regularly; otherwise no signal would be handled. */
export class Yielder {
  readonly #stop: AbortSignal
  #last = performance.now()

  constructor(stop: AbortSignal) {
    this.#stop = stop
  }

  get isDue(): boolean {
    return performance.now() - this.#last > SLICE_MS
  }

  /** @throws the signal's reason */
  async yield(): Promise<void> {
    await setImmediate()
    this.#stop.throwIfAborted()
    this.#last = performance.now()
  }
}
