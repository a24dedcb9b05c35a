/** The search for a backend that appears or vanishes: it reads frames, so it works in slices and the screen lives on. */
import type { Outcome, Place } from './errands.ts'
import { changeText, nothingFound, searchBackends } from './jumping.ts'
import type { Recording } from '../frame/recording.ts'

/** How long a slice may hold up the keys, ms. */
const SLICE = 25

export class BackendSearch {
  readonly #recording: Recording
  #run = 0

  constructor(recording: Recording) {
    this.#recording = recording
  }

  /** Tells where it is, and in the end what it found; the first slice is done at once. */
  start(direction: 1 | -1, { stops, stop }: Place, tell: (outcome: Outcome) => void): void {
    const run = ++this.#run
    const search = searchBackends(direction, stops.at(stop).tick, this.#recording)
    const slice = (): void => {
      if (run !== this.#run) return
      const until = performance.now() + SLICE
      let next = search.next()
      while (next.done !== true && performance.now() < until) next = search.next()
      if (next.done !== true) {
        const percent = Math.round((100 * next.value) / this.#recording.ticks.length)
        tell({ say: `looking for a backend that appears or vanishes: at ${percent} %; any key stops` })
        setImmediate(slice)
      } else if (next.value === null) {
        tell({ say: nothingFound('backend', direction) })
      } else {
        tell({ stop: stops.ofTick(next.value[0]!.tick), say: changeText(next.value) })
      }
    }
    slice()
  }

  stop(): void {
    this.#run++
  }
}
