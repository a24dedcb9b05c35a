/** Keeps the scrubber until its width or the recording changes, so that a day is not summed for every picture. */
import type { Recording } from '../../frame/model/recording.ts'
import { spanOf } from '../../frame/time/time.ts'
import { labelsOf, scrubberOf, scrubberWidth, type Scrubber } from '../../render/scrubber.ts'

export class ScrubberCache {
  readonly #recording: Recording
  readonly #timeZone: string
  #kept: { readonly key: string; readonly scrubber: Scrubber } | null = null

  constructor(recording: Recording, timeZone: string) {
    this.#recording = recording
    this.#timeZone = timeZone
  }

  /** null when there is no tick yet. */
  of(columns: number): Scrubber | null {
    const { ticks, markers } = this.#recording
    const last = ticks.at(-1)
    if (last === undefined) return null
    const key = `${columns} ${ticks.length} ${last.seq} ${markers.length}`
    if (this.#kept?.key !== key) this.#kept = { key, scrubber: this.#compute(columns) }
    return this.#kept.scrubber
  }

  #compute(columns: number): Scrubber {
    const span = spanOf(this.#recording.ticks)!
    const [label] = labelsOf(span, this.#timeZone)
    return scrubberOf(this.#recording, scrubberWidth(columns, label.length))
  }
}
