/** The bursts and slow-downs of a recording, found again when it has grown enough. */
import type { TimeSpan } from '../../frame/time/time.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { eventsOf } from '../picture/events-of.ts'
import type { PageEvents } from '../picture/facts.ts'

/** To find them in the 86,400 ticks of a day takes 60 ms, and a page that grows asks every second: then every 22nd. */
const GROWTH = 1 / 4000

export class KeptEvents {
  #found: PageEvents | null = null
  #ticks: Recording['ticks'] = []
  #count = 0

  of(recording: Recording, span: TimeSpan): PageEvents {
    const { ticks } = recording
    const isNear = ticks === this.#ticks && ticks.length - this.#count <= ticks.length * GROWTH
    if (this.#found !== null && isNear) return this.#found
    this.#found = eventsOf([recording], span)
    this.#ticks = ticks
    this.#count = ticks.length
    return this.#found
  }
}
