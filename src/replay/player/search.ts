/** The search for a backend that appears or vanishes. It reads many frames, so it runs in slices and the screen stays responsive. */
import { inSlices } from '../data/slices.ts'
import type { Stops } from '../time/stops.ts'
import { changeText, nothingFound, searchBackends } from './jumping.ts'
import type { Outcome, Place } from './key-actions.ts'

/**
 * Reports its progress, and at the end its result. Returns a function that ends the search.
 * @param stopsNow gives the current stops: the recording may have grown during the search
 */
export function searchBackend(
  direction: 1 | -1,
  { recording, stops, stop }: Place,
  stopsNow: () => Stops,
  tell: (outcome: Outcome) => void,
  failed: (error: unknown) => void,
): () => void {
  return inSlices(searchBackends(direction, stops.at(stop).tick, recording), {
    length: 25,
    rest: 0,
    paused: (progress) => {
      const percent = Math.round(100 * progress)
      tell({ say: `looking for a backend that appears or vanishes: at ${percent} %; any key stops` })
    },
    done: (found) =>
      tell(
        found === null
          ? { say: nothingFound('backend', direction) }
          : { stop: stopsNow().ofSeq(found.seq), say: changeText(found.changes) },
      ),
    failed,
  })
}
