/** What happens between two pictures: time passes, keys are pressed, ticks arrive. All state is values; this holds them. */
import { micros } from '../frame/units.ts'
import type { Recording } from '../frame/recording.ts'
import { actionOf, type Action } from './bindings.ts'
import { goToText, jumpTo, setMarker, type Outcome, type Place } from './errands.ts'
import type { Key } from './keys.ts'
import { Moments } from './moments.ts'
import type { PlayOptions } from './options.ts'
import { sceneLines, selectableOf, type Details, type Scene } from './scene.ts'
import type { Screen } from './screen.ts'
import { ScrubberCache } from './scrubbing.ts'
import { BackendSearch } from './search.ts'
import * as time from './timeline.ts'
import { Stops, type PlayRules, type Timeline } from './timeline.ts'
import { travel } from './travel.ts'
import { firstView, pageOf, promptAfter, viewAfter, type PromptEnd, type View } from './view.ts'

/** Thirty pictures a second are a film; ms. */
const LEAST_WAIT = 33

export type Wish = 'quit' | 'suspend' | null

export class Session {
  /** rejects when something breaks outside any call */
  readonly failed: Promise<never>
  /** what `y` showed last */
  lastCommand: string | null = null
  readonly #recording: Recording
  readonly #screen: Screen
  readonly #options: PlayOptions
  readonly #rules: PlayRules
  readonly #moments: Moments
  readonly #scrubbers: ScrubberCache
  readonly #search: BackendSearch
  #stops: Stops
  #timeline: Timeline
  #view: View
  #details: Details | null = null
  /** false while only the beginning of the recording has been read */
  #isWhole: boolean
  /** the tick on the screen */
  #shown = { seq: 0, inGap: false }
  #timer: NodeJS.Timeout | undefined
  #clock = performance.now()
  #stopGrowth: (() => void) | null = null
  #fail: (error: unknown) => void = () => undefined

  constructor(recording: Recording, screen: Screen, options: PlayOptions) {
    this.#recording = recording
    this.#screen = screen
    this.#options = options
    this.#isWhole = options.isLive || options.growth === null
    this.#rules = { loop: options.loop, idleLimit: options.idleLimit }
    this.#moments = new Moments(recording)
    this.#scrubbers = new ScrubberCache(recording, options.timeZone)
    this.#search = new BackendSearch(recording)
    this.#stops = new Stops(recording.ticks, this.#rules)
    this.#timeline = this.#begin()
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
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#search.stop()
    this.#stopGrowth?.()
  }

  /** Everything that was typed at once, then one picture. */
  press(keys: readonly Key[]): Wish {
    let wish: Wish = null
    this.#guarded(() => {
      this.#passTime()
      this.#search.stop()
      for (const key of keys) wish = this.#pressOne(key) ?? wish
      this.#show()
    })
    return wish
  }

  draw(): void {
    if (this.#screen.draw(sceneLines(this.#scene()))) return
    setTimeout(() => this.#guarded(() => this.draw()), LEAST_WAIT)
  }

  #begin(): Timeline {
    const { begin, playing, speed } = this.#options
    const first = time.startingAt(0, speed)
    if (begin === 'live') return time.follow(first, this.#stops)
    return { ...(begin === 'start' ? first : time.atTime(first, this.#stops, begin.at)), playing }
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
    this.#timeline = travel(this.#timeline, action, this.#stops, this.#rules)
    this.#view = viewAfter(this.#view, action, selectableOf(this.#scene()))
  }

  #refusal(action: Action): string | null {
    const { isLive, mark, command } = this.#options
    if (action.kind === 'live' && !isLive) return 'this recording has ended: there is no live'
    if (action.kind === 'prompt' && action.prompt === 'marker' && mark === null)
      return 'no marker can be set: there is no file, or it can not be written'
    if (action.kind === 'command' && command === null)
      return "live has no file: 'upstreamtop record --out FILE' keeps one"
    return null
  }

  #endPrompt(end: PromptEnd): void {
    if (end === null || end === 'cancelled') return
    const text = end.text.trim()
    if (end.kind === 'filter') this.#view = { ...this.#view, filter: text }
    else if (text === '' || this.#stops.count === 0) return
    else if (end.kind === 'time')
      this.#apply(goToText(text, this.#place, this.#options.timeZone, this.#options.now()))
    else if (this.#options.mark !== null) this.#apply(setMarker(text, this.#options.mark, this.#place))
  }

  #jump({ to, direction }: Extract<Action, { kind: 'jump' }>): void {
    if (this.#stops.count === 0) return
    if (to !== 'backend') {
      this.#apply(jumpTo(to, direction, this.#place), false)
      return
    }
    this.#search.start(direction, this.#place, (outcome) =>
      this.#guarded(() => {
        this.#apply(outcome, false)
        this.#show()
      }),
    )
  }

  #showCommand(): void {
    const { command } = this.#options
    if (command === null || this.#stops.count === 0) return
    const { sort, filter, windowSeconds } = this.#view
    const at = this.#stops.at(this.#timeline.stop).from
    this.lastCommand = command({ at, sort, filter, windowSeconds, ...this.#screen.size })
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
    this.#passTime()
    const { ticks } = this.#recording
    this.#stops = new Stops(ticks, this.#rules)
    if (this.#timeline.following) this.#timeline = time.follow(this.#timeline, this.#stops)
    else this.#stay(ticks)
    this.#show()
  }

  /** The place is kept by its tick: older ones may have been forgotten, so that indexes shift. */
  #stay(ticks: Recording['ticks']): void {
    const tick = ticks.findLastIndex(({ seq }) => seq <= this.#shown.seq)
    const stop = tick < 0 ? 0 : this.#stops.ofTick(tick) + (this.#shown.inGap ? 1 : 0)
    this.#timeline = { ...this.#timeline, stop: Math.min(stop, this.#stops.last) }
  }

  #show(): void {
    this.draw()
    this.#schedule()
  }

  #passTime(): void {
    const now = performance.now()
    const elapsed = micros((now - this.#clock) * 1000)
    this.#clock = now
    this.#timeline = time.advance(this.#timeline, this.#stops, elapsed, this.#rules)
  }

  /** Wakes up when playing reaches the next stop, and for nothing else. */
  #schedule(): void {
    clearTimeout(this.#timer)
    const wait = time.untilNextStop(this.#timeline, this.#stops, this.#rules)
    if (wait === null) return
    this.#timer = setTimeout(
      () =>
        this.#guarded(() => {
          this.#passTime()
          this.#show()
        }),
      Math.max(LEAST_WAIT, Math.ceil(wait / 1000)),
    )
  }

  #scene(): Scene {
    const { options, size } = { options: this.#options, size: this.#screen.size }
    const { markers, ticks, info } = this.#recording
    const stop = this.#stops.count === 0 ? null : this.#stops.at(this.#timeline.stop)
    const page = pageOf(this.#view)
    if (stop !== null) this.#shown = { seq: ticks[stop.tick]!.seq, inGap: stop.kind === 'gap' }
    return {
      moment: stop === null ? null : this.#moments.at(stop, this.#view.windowSeconds),
      history: stop === null || page.kind === 'board' ? [] : this.#moments.history(stop, page.subject),
      host: info.host,
      timeZone: options.timeZone,
      board: options.board,
      view: this.#view,
      timeline: this.#timeline,
      stop,
      // Of the beginning alone it would be drawn twice: the rest follows at once.
      scrubber: this.#isWhole ? this.#scrubbers.of(size.columns) : null,
      markersHere: stop === null ? [] : markers.filter(({ at }) => at >= stop.from && at < stop.to),
      canLive: options.isLive,
      size,
      details: this.#details,
      empty: options.empty,
    }
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#fail(error)
    }
  }

  get #place(): Place {
    return { recording: this.#recording, stops: this.#stops, stop: this.#timeline.stop }
  }

  #apply({ stop, say }: Outcome, playing = this.#timeline.playing): void {
    if (stop !== undefined) this.#timeline = { ...time.goTo(this.#timeline, this.#stops, stop), playing }
    if (say !== undefined) this.#say(say)
  }

  #say(message: string): void {
    this.#view = { ...this.#view, message }
  }
}
