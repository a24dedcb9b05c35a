/** Play, zoom, and the slider of the moment: what the keys do, for pointers and for who tabs through the page. */
import type { Picture } from '../../../picture/picture.ts'
import { secondAt } from '../../draw/time-axis.ts'
import { stepAt } from '../../state/cut.ts'
import { timeText } from '../../state/readout.ts'
import type { PageAction } from '../../state/keys.ts'
import { button, element } from '../browser/dom.ts'
import type { Scene } from '../scene.ts'

export class Toolbar {
  readonly element = element('div', 'tools')
  readonly #play: HTMLButtonElement
  readonly #slider = element('input')
  readonly #time = element('output')
  readonly #says = element('p', 'says')
  readonly #out: HTMLButtonElement
  #scene: Scene | null = null

  constructor(act: (action: PageAction) => void, moment: (second: number) => void) {
    this.#play = button('Play', null, () => act({ kind: 'play' }))
    this.#out = button('All', 'Show all of it', () => act({ kind: 'all' }))
    this.#slider.type = 'range'
    this.#slider.min = '0'
    this.#slider.setAttribute('aria-label', 'Moment')
    this.#slider.addEventListener('input', () => {
      if (this.#scene !== null) moment(secondAt(this.#scene.picture, Number(this.#slider.value)))
    })
    this.#says.setAttribute('role', 'status')
    this.element.setAttribute('role', 'group')
    this.element.setAttribute('aria-label', 'Time')
    this.element.append(
      this.#play,
      this.#slider,
      this.#time,
      button('−', 'Zoom out', () => act({ kind: 'zoom', factor: 2 })),
      button('+', 'Zoom in', () => act({ kind: 'zoom', factor: 0.5 })),
      this.#out,
      button('?', 'Keys', () => act({ kind: 'help' })),
      this.#says,
    )
  }

  draw(scene: Scene): void {
    this.#scene = scene
    this.#slider.max = String(scene.picture.count - 1)
    this.#out.disabled = scene.state.range === null
    this.moveTo(scene)
  }

  moveTo(scene: Scene): void {
    this.#scene = scene
    const { picture, facts } = scene
    const { at } = scene.state
    const text = at === null ? 'no moment chosen' : timeText(at, facts)
    this.#slider.value = String(at === null ? 0 : stepAt(picture, at))
    this.#slider.setAttribute('aria-valuetext', text)
    this.#time.textContent = at === null ? '' : text
  }

  set playing(isPlaying: boolean) {
    this.#play.textContent = isPlaying ? 'Pause' : 'Play'
  }

  /** Politely: a screen reader says it when it has time. */
  say(text: string): void {
    this.#says.textContent = text
  }
}

/** The start of the step that a moment lies in, so that moving by steps meets each of them once. */
export const stepStart = (picture: Picture, second: number): number =>
  Math.max(picture.from, secondAt(picture, stepAt(picture, second)))
