/** Long work in slices, between which other requests are answered. */
import { setImmediate } from 'node:timers/promises'

const SLICE_MS = 15

export class Slices {
  #began = performance.now()

  constructor(readonly stop: AbortSignal) {}

  /** @throws the reason of the signal */
  async rest(): Promise<void> {
    if (performance.now() - this.#began < SLICE_MS) return
    await setImmediate()
    this.stop.throwIfAborted()
    this.#began = performance.now()
  }
}
