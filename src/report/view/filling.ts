/** Reads the ticks of the range that is looked at while nobody asks for anything: the next picture of it has finer steps. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Chunk } from './cells/chunks.ts'
import type { CellStore } from './cells/cell-store.ts'
import { Slices } from './cells/slices.ts'

const PAUSE_MS = 5

export class Filling {
  #stop = new AbortController()
  #chunks: readonly Chunk[] = []
  /** requests that are being answered */
  #busy = 0

  constructor(
    readonly store: CellStore,
    /** they do not fit together: they are given up */
    readonly onTooMany: (ticks: number) => void,
  ) {}

  /** Nothing is read while `work` goes on. */
  async pausing<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++
    try {
      return await work()
    } finally {
      this.#busy--
    }
  }

  /** Takes the place of what was wanted before. */
  want(chunks: readonly Chunk[]): void {
    if (isPart(chunks, this.#chunks)) return
    this.close()
    this.#stop = new AbortController()
    this.#chunks = chunks
    this.#fill(chunks, this.#stop.signal)
      .catch(() => undefined)
      .finally(() => {
        if (this.#chunks === chunks) this.#chunks = []
      })
  }

  close(): void {
    this.#stop.abort()
    this.#chunks = []
  }

  async #fill(chunks: readonly Chunk[], stop: AbortSignal): Promise<void> {
    const slices = new Slices(stop)
    const rest = async (): Promise<void> => {
      await slices.rest()
      while (this.#busy > 0) await pause(PAUSE_MS, undefined, { signal: stop })
    }
    for (const chunk of chunks) await this.store.ticks(chunk, rest)
    if (!chunks.every(this.store.hasTicks))
      this.onTooMany(chunks.reduce((sum, { ticks }) => sum + ticks.length, 0))
  }
}

function isPart(chunks: readonly Chunk[], of: readonly Chunk[]): boolean {
  const set = new Set(of)
  return chunks.every((chunk) => set.has(chunk))
}
