/** The one tip of the page, beside the pointer. Whoever has no pointer hears the same from the sliders. */
import { element } from './dom.ts'

const GAP = 14

export class Tip {
  readonly #element = element('div', 'tip')

  constructor() {
    this.#element.hidden = true
    this.#element.setAttribute('aria-hidden', 'true')
    document.body.append(this.#element)
  }

  /** @param lines the first one is the subject */
  show(lines: readonly string[], { clientX, clientY }: PointerEvent): void {
    const tip = this.#element
    tip.replaceChildren(...lines.map((line) => element('div', '', line)))
    tip.hidden = false
    const { width, height } = tip.getBoundingClientRect()
    const isRight = clientX + GAP + width < document.documentElement.clientWidth
    const isBelow = clientY + GAP + height < document.documentElement.clientHeight
    tip.style.left = `${Math.max(0, isRight ? clientX + GAP : clientX - GAP - width)}px`
    tip.style.top = `${Math.max(0, isBelow ? clientY + GAP : clientY - GAP - height)}px`
  }

  hide(): void {
    this.#element.hidden = true
  }
}
