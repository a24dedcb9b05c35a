/** The bursts and slow-downs of a recording, found again when it has grown enough. */
import type { TimeSpan } from '../../frame/time/time.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { eventsOf } from '../picture/events-of.ts'
import type { PageEvents } from '../picture/facts.ts'

/** To find them in the 86,400 ticks of a day takes 60 ms, and a page that grows asks every second: then every 22nd. */
const GROWTH = 1 / 4000

export class KeptEvents {
  #found: PageEvents | null = null
  /** sequence number of the last tick that was looked at */
  #last = -1

  of(recording: Recording, span: TimeSpan): PageEvents {
    const { ticks } = recording
    const last = ticks.at(-1)?.seq ?? -1
    // The oldest may have been forgotten meanwhile: what lies there is no place to jump to, and does no harm.
    if (this.#found !== null && last - this.#last <= ticks.length * GROWTH) return this.#found
    this.#last = last
    this.#found = eventsOf([recording], span)
    return this.#found
  }
}
