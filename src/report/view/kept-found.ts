/** What was found in all of a recording, found again when it has grown enough, or has damage that was not known. */
import type { Recording } from '../../frame/model/recording.ts'

/** To find the bursts in the 86,400 ticks of a day takes 60 ms, and a page that grows asks every second: then every 22nd. */
const GROWTH = 1 / 4000

export class KeptFound<T> {
  #kept: { readonly found: T; readonly last: number; readonly damage: number } | null = null

  async of(recording: Recording, find: () => T | Promise<T>): Promise<T> {
    const { ticks, damage } = recording
    const last = ticks.at(-1)?.seq ?? -1
    const kept = this.#kept
    // The oldest may have been forgotten meanwhile: what lies there is no place to jump to, and does no harm.
    if (kept !== null && kept.damage === damage.length && last - kept.last <= ticks.length * GROWTH)
      return kept.found
    const found = await find()
    // Damage may have been found on the way; later ticks were not looked at.
    this.#kept = { found, last, damage: recording.damage.length }
    return found
  }
}
