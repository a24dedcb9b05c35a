/** The search for a backend that appears or vanishes: it reads frames, so it works in slices and the screen lives on. */
import type { Outcome, Place } from './errands.ts'
import { changeText, nothingFound, searchBackends } from './jumping.ts'
import { inSlices } from './slices.ts'

/** Tells where it is, and in the end what it found. Returns what ends the search. */
export function searchBackend(
  direction: 1 | -1,
  { recording, stops, stop }: Place,
  tell: (outcome: Outcome) => void,
  failed: (error: unknown) => void,
): () => void {
  return inSlices(searchBackends(direction, stops.at(stop).tick, recording), {
    length: 25,
    rest: 0,
    paused: (tick) => {
      const percent = Math.round((100 * tick) / recording.ticks.length)
      tell({ say: `looking for a backend that appears or vanishes: at ${percent} %; any key stops` })
    },
    done: (changes) =>
      tell(
        changes === null
          ? { say: nothingFound('backend', direction) }
          : { stop: stops.ofTick(changes[0]!.tick), say: changeText(changes) },
      ),
    failed,
  })
}
