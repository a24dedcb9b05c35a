/** Holds the state of a player, and changes it when time passes, keys are pressed or ticks arrive. */
import type { Recording } from '../../frame/model/recording.ts'
import { inSlices } from '../data/slices.ts'
import type { Press } from '../terminal/keys.ts'
import type { Screen } from '../terminal/screen.ts'
import { Controls, type ExitRequest } from './controls.ts'
import type { PlayOptions } from './options.ts'
import { Playhead } from './playhead.ts'
import { SceneBuilder } from './scene-builder.ts'
import { sceneLines } from './scene.ts'

/** The shortest time between two pictures, ms: about 30 per second look smooth. */
const MIN_WAIT = 33

export class Session {
  /** rejects when something breaks outside any call */
  readonly failed: Promise<never>
  readonly #recording: Recording
  readonly #screen: Screen
  readonly #options: PlayOptions
  readonly #playhead: Playhead
  readonly #sceneBuilder: SceneBuilder
  readonly #controls: Controls
  /** whether the recording was complete at the last refresh; a change is drawn even if no tick came */
  #isComplete: boolean
  /** number of damage messages that have been shown */
  #damages: number
  /** one timer for the next stop, one for a terminal that has not accepted the last picture, and for one that lacked a part */
  #timer: NodeJS.Timeout | undefined
  #again: NodeJS.Timeout | undefined
  #stopChecking: () => void = () => undefined
  #stopGrowth: () => void = () => undefined
  #fail: (error: unknown) => void = () => undefined

  constructor(recording: Recording, screen: Screen, options: PlayOptions) {
    this.#recording = recording
    this.#screen = screen
    this.#options = options
    this.#isComplete = recording.info.complete
    this.#damages = recording.damage.length
    this.failed = new Promise<never>((_, reject) => (this.#fail = reject))
    // It may reject after the last caller stopped waiting: no unhandled rejection.
    this.failed.catch(() => undefined)
    this.#playhead = new Playhead(recording, options)
    this.#sceneBuilder = new SceneBuilder(recording, options)
    const callbacks = { show: () => this.#guarded(() => this.#show()), fail: this.#fail }
    this.#controls = new Controls(this.#playhead, this.#sceneBuilder, screen, options, callbacks)
  }

  /** What `y` showed last. */
  get lastCommand(): string | null {
    return this.#controls.lastCommand
  }

  start(): void {
    const { growth, isLive } = this.#options
    this.draw()
    if (growth !== null) this.#stopGrowth = growth(() => this.#guarded(() => this.#grow()))
    this.#schedule()
    if (this.#sceneBuilder.isWhole && !isLive) this.#checkTicks()
  }

  end(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#again)
    this.#controls.stop()
    this.#stopChecking()
    this.#stopGrowth()
  }

  /** Applies everything that arrived together, then draws once. */
  press(presses: readonly Press[]): ExitRequest {
    let request: ExitRequest = null
    this.#guarded(() => {
      this.#playhead.passTime()
      request = this.#controls.press(presses)
      this.#show()
    })
    return request
  }

  draw(): void {
    clearTimeout(this.#again)
    if (this.#screen.isBehind) {
      this.#again = setTimeout(() => this.#guarded(() => this.draw()), MIN_WAIT)
      return
    }
    const { scene } = this.#controls
    this.#screen.draw(sceneLines(this.#findsDamage() ? this.#controls.scene : scene))
    if (this.#sceneBuilder.isReading)
      this.#again = setTimeout(() => this.#guarded(() => this.draw()), MIN_WAIT)
  }

  /** Reading a moment may find damage. Then the stops are built anew and the damage is shown. */
  #findsDamage(): boolean {
    const { damage } = this.#recording
    if (damage.length <= this.#damages) return false
    this.#damages = damage.length
    this.#playhead.grow()
    this.#controls.say(damage.join('; '))
    return true
  }

  #grow(): void {
    const isFirst = !this.#sceneBuilder.isWhole
    this.#sceneBuilder.isWhole = true
    const hasMore = this.#recording.refresh()
    const { complete } = this.#recording.info
    if (!hasMore && !isFirst && complete === this.#isComplete) return
    this.#isComplete = complete
    const [damage] = this.#recording.damage
    if (isFirst && damage !== undefined) this.#controls.say(damage)
    this.#playhead.grow()
    this.#show()
    if (isFirst) this.#checkTicks()
  }

  /** Looks for damage in the background, 10 % of the time: `x` jumps only to gaps that are known. */
  #checkTicks(): void {
    const reading = this.#recording.checkTicks?.()
    if (reading === undefined) return
    const showDamage = (): void => {
      if (this.#recording.damage.length > this.#damages) this.#show()
    }
    this.#stopChecking = inSlices(reading, {
      length: 10,
      rest: 90,
      paused: showDamage,
      done: showDamage,
      failed: this.#fail,
    })
  }

  #show(): void {
    this.draw()
    this.#schedule()
  }

  /** Sets the timer for the next stop; no timer while nothing plays. */
  #schedule(): void {
    clearTimeout(this.#timer)
    const { wait } = this.#playhead
    if (wait === null) return
    const wake = (): void => {
      this.#playhead.passTime()
      this.#show()
    }
    this.#timer = setTimeout(() => this.#guarded(wake), Math.max(MIN_WAIT, wait))
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#fail(error)
    }
  }
}
