/** Handles keys: each changes the view or the position, gives a message, or asks the player to quit or suspend. */
import type { Key } from '../terminal/key-names.ts'
import { isText, looksPasted, type Press } from '../terminal/keys.ts'
import type { Screen } from '../terminal/screen.ts'
import type { Stops } from '../time/stops.ts'
import { actionOf, type Action } from './bindings.ts'
import { goToText, jumpTo, refusalOf, setMarker, type Outcome } from './key-actions.ts'
import type { PlayOptions } from './options.ts'
import type { Playhead } from './playhead.ts'
import type { SceneBuilder } from './scene-builder.ts'
import { selectableOf, type Scene } from './scene.ts'
import { searchBackend } from './search.ts'
import { firstView, pastedInto, promptAfter, viewAfter, type PromptEnd, type View } from './view.ts'

/** What a key asks of the player. */
export type ExitRequest = 'quit' | 'suspend' | null

/** Callbacks of actions that finish later: loading a page, searching a backend. */
export interface Callbacks {
  readonly show: () => void
  readonly fail: (error: unknown) => void
}

const NO_COMMAND = 'pasted text is no command: type the keys, or paste into a prompt'

export class Controls {
  /** what `y` showed last */
  lastCommand: string | null = null
  readonly #playhead: Playhead
  readonly #sceneBuilder: SceneBuilder
  readonly #screen: Screen
  readonly #options: PlayOptions
  readonly #callbacks: Callbacks
  #view: View
  #stopSearch: () => void = () => undefined
  /** the last keys asked to leave, and the question is on the screen */
  #isAsked = false

  constructor(
    playhead: Playhead,
    sceneBuilder: SceneBuilder,
    screen: Screen,
    options: PlayOptions,
    callbacks: Callbacks,
  ) {
    this.#playhead = playhead
    this.#sceneBuilder = sceneBuilder
    this.#screen = screen
    this.#options = options
    this.#callbacks = callbacks
    const { sort, filter, windowSeconds, notice } = options
    this.#view = { ...firstView(sort, filter, windowSeconds), message: notice }
  }

  get scene(): Scene {
    return this.#sceneBuilder.build(this.#view, this.#playhead, this.#screen)
  }

  say(message: string): void {
    this.#view = { ...this.#view, message }
  }

  /** Applies what arrived together. Pasted text is never a command, whether the terminal marks it or not. */
  press(presses: readonly Press[]): ExitRequest {
    // Only keys that come after the question can answer it.
    const wasAsked = this.#isAsked
    this.#isAsked = false
    let request: ExitRequest = null
    if (looksPasted(presses)) this.#type(presses)
    else {
      for (const press of presses)
        request =
          (typeof press === 'string' ? this.#press(press, wasAsked) : this.#paste(press.pasted)) ?? request
    }
    return request
  }

  /** What seems to be pasted may fill one prompt, its own or the one that is open; the rest of it is dropped. */
  #type(presses: readonly Press[]): void {
    const [first, ...rest] = presses.filter((press) => typeof press === 'string')
    const opensPrompt = actionOf(first!)?.kind === 'prompt' && rest.every(isText)
    if (this.#view.prompt === null && !opensPrompt) {
      this.say(NO_COMMAND)
      return
    }
    this.#press(first!, false)
    for (const key of rest) if (this.#view.prompt !== null) this.#press(key, false)
  }

  #paste(text: string): null {
    const { prompt } = this.#view
    this.stop()
    if (prompt === null) this.say(NO_COMMAND)
    else this.#view = pastedInto(this.#view, prompt, text)
    return null
  }

  #press(key: Key, wasAsked: boolean): ExitRequest {
    this.stop()
    if (this.#view.prompt !== null) {
      const { view, end } = promptAfter(this.#view, key)
      this.#view = view
      this.#endPrompt(end)
      return null
    }
    const action = actionOf(key)
    this.#view = { ...this.#view, message: null }
    if (wasAsked && key === 'y') return 'quit'
    if (action?.kind === 'suspend') return 'suspend'
    if (action?.kind === 'quit') return this.#asksBefore(key, wasAsked) ? null : 'quit'
    if (action !== null) this.#act(action)
    return null
  }

  /** Ctrl-C ends everything at once, as everywhere. */
  #asksBefore(key: Key, wasAsked: boolean): boolean {
    const { leaving } = this.#options
    if (leaving === null || wasAsked || key === 'C-c') return false
    this.#isAsked = true
    this.say(leaving)
    return true
  }

  /** Ends a search that a key has started. */
  stop(): void {
    this.#stopSearch()
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

  #act(action: Action): void {
    const refusal = refusalOf(action, this.#options)
    if (refusal !== null) {
      this.say(refusal)
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
        this.#screen.invalidate()
        return
      case 'enter':
        this.#sceneBuilder.loadDetails(this.#callbacks.show).catch(this.#callbacks.fail)
        break
      default:
    }
    this.#playhead.travel(action)
    this.#view = viewAfter(this.#view, action, selectableOf(this.scene))
  }

  #jump({ to, direction }: Extract<Action, { kind: 'jump' }>): void {
    const { place } = this.#playhead
    if (place === null) return
    if (to !== 'backend') {
      this.#apply(jumpTo(to, direction, place), false)
      return
    }
    const tell = (outcome: Outcome): void => {
      this.#apply(outcome, false)
      this.#callbacks.show()
    }
    const stopsNow = (): Stops => this.#playhead.stops
    this.#stopSearch = searchBackend(direction, place, stopsNow, tell, this.#callbacks.fail)
  }

  #showCommand(): void {
    const { command } = this.#options
    const { stop, place } = this.#playhead
    if (command === null || stop === null || place === null) return
    if (place.stops.ofTime(stop.from) !== place.stop) {
      this.say('no command shows this: the clock was set back, and its time names another second')
      return
    }
    const { sort, filter, windowSeconds } = this.#view
    this.lastCommand = command({ at: stop.from, sort, filter, windowSeconds, ...this.#screen.size })
    this.say(this.lastCommand)
  }

  #apply({ stop, say }: Outcome, playing?: boolean): void {
    if (stop !== undefined) this.#playhead.goTo(stop, playing)
    if (say !== undefined) this.say(say)
  }
}
