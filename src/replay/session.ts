/** What happens between two pictures: time passes, keys are pressed, ticks arrive. All state is values; this holds them. */
import type { Recording } from '../frame/recording.ts'
import { actionOf, type Action } from './bindings.ts'
import { goToText, jumpTo, setMarker, type Outcome } from './errands.ts'
import type { Key } from './keys.ts'
import { Moments } from './moments.ts'
import type { PlayOptions } from './options.ts'
import { Playhead } from './playhead.ts'
import { holds, typed } from './stops.ts'
import { sceneLines, selectableOf, type Details, type Scene } from './scene.ts'
import type { Screen } from './screen.ts'
import { ScrubberCache } from './scrubbing.ts'
import { BackendSearch } from './search.ts'
import { firstView, pageOf, promptAfter, viewAfter, type PromptEnd, type View } from './view.ts'

/** Thirty pictures a second are a film; ms. */
const LEAST_WAIT = 33

/** ms */
const PROOFREAD_SLICE = 10

export type Wish = 'quit' | 'suspend' | null

export class Session {
  /** rejects when something breaks outside any call */
  readonly failed: Promise<never>
  /** what `y` showed last */
  lastCommand: string | null = null
  readonly #recording: Recording
  readonly #screen: Screen
  readonly #options: PlayOptions
  readonly #playhead: Playhead
  readonly #moments: Moments
  readonly #scrubbers: ScrubberCache
  readonly #search: BackendSearch
  #view: View
  #details: Details | null = null
  /** false while only a part of the recording has been read */
  #isWhole: boolean
  /** how much damage has been said */
  #damages: number
  #timer: NodeJS.Timeout | undefined
  #proofreading: NodeJS.Timeout | undefined
  #stopGrowth: (() => void) | null = null
  #fail: (error: unknown) => void = () => undefined

  constructor(recording: Recording, screen: Screen, options: PlayOptions) {
    this.#recording = recording
    this.#screen = screen
    this.#options = options
    this.#isWhole = options.isLive || options.growth === null
    this.#damages = recording.damage.length
    this.#playhead = new Playhead(recording, options)
    this.#moments = new Moments(recording)
    this.#scrubbers = new ScrubberCache(recording, options.timeZone)
    this.#search = new BackendSearch(recording)
    this.#view = {
      ...firstView(options.sort, options.filter, options.windowSeconds),
      message: options.notice,
    }
    this.failed = new Promise<never>((_, reject) => (this.#fail = reject))
    // It may fail when nobody waits for it any more.
    this.failed.catch(() => undefined)
  }

  start(): void {
    const { growth } = this.#options
    this.draw()
    this.#stopGrowth = growth === null ? null : growth(() => this.#guarded(() => this.#grow()))
    this.#schedule()
    if (this.#isWhole && !this.#options.isLive) this.#proofread(this.#recording.proofread?.())
  }

  end(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#proofreading)
    this.#search.stop()
    this.#stopGrowth?.()
  }

  /** Everything that was typed at once, then one picture. */
  press(keys: readonly Key[]): Wish {
    let wish: Wish = null
    this.#guarded(() => {
      this.#playhead.passTime()
      this.#search.stop()
      for (const key of keys) wish = this.#pressOne(key) ?? wish
      this.#show()
    })
    return wish
  }

  draw(): void {
    const scene = this.#scene()
    const isDrawn = this.#screen.draw(sceneLines(this.#findsDamage() ? this.#scene() : scene))
    if (isDrawn) return
    setTimeout(() => this.#guarded(() => this.draw()), LEAST_WAIT)
  }

  /** Reading a moment may have met damage: then there are other stops than before, and it is said. */
  #findsDamage(): boolean {
    const { damage } = this.#recording
    if (damage.length <= this.#damages) return false
    this.#damages = damage.length
    this.#playhead.grow()
    this.#say(damage.join('; '))
    return true
  }

  #pressOne(key: Key): Wish {
    if (this.#view.prompt !== null) {
      const { view, end } = promptAfter(this.#view, key)
      this.#view = view
      this.#endPrompt(end)
      return null
    }
    const action = actionOf(key)
    this.#view = { ...this.#view, message: null }
    if (action?.kind === 'quit' || action?.kind === 'suspend') return action.kind
    if (action !== null) this.#act(action)
    return null
  }

  #act(action: Action): void {
    const refusal = this.#refusal(action)
    if (refusal !== null) {
      this.#say(refusal)
      return
    }
    switch (action.kind) {
      case 'jump':
        this.#jump(action)
        return
      case 'command':
        this.#showCommand()
        return
      case 'redraw':
        this.#screen.forget()
        return
      case 'enter':
        this.#loadDetails()
        break
      default:
    }
    this.#playhead.travel(action)
    this.#view = viewAfter(this.#view, action, selectableOf(this.#scene()))
  }

  #refusal(action: Action): string | null {
    const { isLive, mark, command } = this.#options
    if (action.kind === 'live' && !isLive) return 'this recording has ended: there is no live'
    if (action.kind === 'prompt' && action.prompt === 'marker' && mark === null)
      return 'no marker can be set: there is no file, or it can not be written'
    if (action.kind === 'command' && command === null)
      return isLive
        ? "live has no file: 'upstreamtop record --out FILE' keeps one"
        : 'no command shows this again: it came through standard input'
    return null
  }

  #endPrompt(end: PromptEnd): void {
    if (end === null || end === 'cancelled') return
    const text = end.text.trim()
    if (end.kind === 'filter') this.#view = { ...this.#view, filter: text }
    const { place } = this.#playhead
    const { timeZone, now, mark } = this.#options
    if (text === '' || place === null) return
    if (end.kind === 'time') this.#apply(goToText(text, place, timeZone, now()))
    if (end.kind === 'marker' && mark !== null) this.#apply(setMarker(text, mark, place))
  }

  #jump({ to, direction }: Extract<Action, { kind: 'jump' }>): void {
    const { place } = this.#playhead
    if (place === null) return
    if (to !== 'backend') {
      this.#apply(jumpTo(to, direction, place), false)
      return
    }
    this.#search.start(direction, place, (outcome) =>
      this.#guarded(() => {
        this.#apply(outcome, false)
        this.#show()
      }),
    )
  }

  #showCommand(): void {
    const { command } = this.#options
    const { stop } = this.#playhead
    if (command === null || stop === null) return
    const { sort, filter, windowSeconds } = this.#view
    this.lastCommand = command({ at: stop.from, sort, filter, windowSeconds, ...this.#screen.size })
    this.#say(this.lastCommand)
  }

  #loadDetails(): void {
    if (this.#details !== null) return
    const loaded = (details: Details): void => {
      this.#details = details
      this.draw()
    }
    import('../render/detail.ts').then(loaded).catch(this.#fail)
  }

  #grow(): void {
    const isFirst = !this.#isWhole
    this.#isWhole = true
    if (!this.#recording.refresh() && !isFirst) return
    const [damage] = this.#recording.damage
    if (isFirst && damage !== undefined) this.#say(damage)
    this.#playhead.grow()
    this.#show()
    if (isFirst) this.#proofread(this.#recording.proofread?.())
  }

  /** Damage that nobody has met yet is a gap that `x` would miss: it is looked for behind the pictures, in a tenth of the time. */
  #proofread(reading: Generator<number, void> | undefined): void {
    const until = performance.now() + PROOFREAD_SLICE
    let next = reading?.next()
    while (next?.done === false && performance.now() < until) next = reading?.next()
    if (this.#recording.damage.length > this.#damages) this.#show()
    if (next?.done !== false) return
    this.#proofreading = setTimeout(() => this.#guarded(() => this.#proofread(reading)), 9 * PROOFREAD_SLICE)
  }

  #show(): void {
    this.draw()
    this.#schedule()
  }

  /** Wakes up when playing reaches the next stop, and for nothing else. */
  #schedule(): void {
    clearTimeout(this.#timer)
    const { wait } = this.#playhead
    if (wait === null) return
    const wake = (): void => {
      this.#playhead.passTime()
      this.#show()
    }
    this.#timer = setTimeout(() => this.#guarded(wake), Math.max(LEAST_WAIT, wait))
  }

  #scene(): Scene {
    const { timeZone, board, isLive, mark, command, empty } = this.#options
    const { markers, info } = this.#recording
    const { stop, timeline } = this.#playhead
    const { size } = this.#screen
    const page = pageOf(this.#view)
    return {
      moment: stop === null ? null : this.#moments.at(stop, this.#view.windowSeconds),
      history: stop === null || page.kind === 'board' ? [] : this.#moments.history(stop, page.subject),
      host: info.host,
      timeZone,
      board,
      view: this.#view,
      timeline,
      stop,
      // Of a part alone it would be drawn twice: the rest follows at once.
      scrubber: this.#isWhole ? this.#scrubbers.of(size.columns) : null,
      markersHere: stop === null ? [] : markers.filter(({ at }) => holds(stop, typed(at))),
      can: { live: isLive, mark: mark !== null, command: command !== null },
      size,
      details: this.#details,
      empty,
    }
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#fail(error)
    }
  }

  #apply({ stop, say }: Outcome, playing?: boolean): void {
    if (stop !== undefined) this.#playhead.goTo(stop, playing)
    if (say !== undefined) this.#say(say)
  }

  #say(message: string): void {
    this.#view = { ...this.#view, message }
  }
}
