/** The position in a recording, which changes as time passes and ticks arrive: a timeline with a clock. */
import type { Recording } from '../../frame/model/recording.ts'
import { micros } from '../../frame/model/units.ts'
import { Stops, type PlayRules, type Stop } from '../time/stops.ts'
import { advance, atTime, follow, goTo, startingAt, untilNextStop, type Timeline } from '../time/timeline.ts'
import type { Action } from './bindings.ts'
import type { Place } from './key-actions.ts'
import type { PlayOptions } from './options.ts'
import { travel } from './travel.ts'

export class Playhead {
  readonly #recording: Recording
  readonly #rules: PlayRules
  #stops: Stops
  #timeline: Timeline
  #clock = performance.now()

  constructor(recording: Recording, { loop, idleLimit, begin, playing, speed }: PlayOptions) {
    this.#recording = recording
    this.#rules = { loop, idleLimit }
    this.#stops = new Stops(recording.ticks, this.#rules)
    const first = startingAt(0, speed)
    if (begin === 'live') this.#timeline = follow(first, this.#stops)
    else this.#timeline = { ...(begin === 'start' ? first : atTime(first, this.#stops, begin.at)), playing }
  }

  get stops(): Stops {
    return this.#stops
  }

  get timeline(): Timeline {
    return this.#timeline
  }

  /** null as long as there is no tick. */
  get stop(): Stop | null {
    return this.#stops.count === 0 ? null : this.#stops.at(this.#timeline.stop)
  }

  /** null as long as there is no tick. */
  get place(): Place | null {
    if (this.#stops.count === 0) return null
    return { recording: this.#recording, stops: this.#stops, stop: this.#timeline.stop }
  }

  travel(action: Action): void {
    this.#timeline = travel(this.#timeline, action, this.#stops, this.#rules)
  }

  goTo(stop: number, playing = this.#timeline.playing): void {
    this.#timeline = { ...goTo(this.#timeline, this.#stops, stop), playing }
  }

  /** Plays the time that has passed since the last call. */
  passTime(): void {
    const now = performance.now()
    const elapsed = micros((now - this.#clock) * 1000)
    this.#clock = now
    this.#timeline = advance(this.#timeline, this.#stops, elapsed, this.#rules)
  }

  /** ms until playing reaches another stop; null when it never does. */
  get wait(): number | null {
    const wait = untilNextStop(this.#timeline, this.#stops, this.#rules)
    return wait && Math.ceil(wait / 1000)
  }

  /** Call it when the recording has grown. The position is kept by its tick, because indexes shift when old ticks are dropped. */
  grow(): void {
    this.passTime()
    const before = this.stop
    const { ticks } = this.#recording
    this.#stops = new Stops(ticks, this.#rules)
    if (this.#timeline.following) this.#timeline = follow(this.#timeline, this.#stops)
    else if (before !== null) this.#timeline = { ...this.#timeline, stop: this.#stops.ofStop(before) }
  }
}
