/** What a pointer does over a drawing of steps: reads out, chooses a moment, zooms by a drag. */
import { element, percentOf } from './dom.ts'

/** A place is in steps, 0 to `count`; down is 0 at the top and 1 at the bottom. */
export interface Point {
  readonly place: number
  readonly down: number
}

export interface PlotEvents {
  /** null: the pointer left */
  readonly onHover: (point: Point | null, event: PointerEvent) => void
  readonly onChoose: (point: Point) => void
  readonly onDrag: (from: number, to: number) => void
  readonly onBack: () => void
}

/** Less is a click with an unsteady hand. */
const LEAST_DRAG = 4

/** A layer over drawings that all have the same steps, with the cursor and the span that is dragged over. */
export class Plot {
  readonly element = element('div', 'over')
  readonly #cursor = element('div', 'cursor')
  readonly #brush = element('div', 'brush')
  #count = 1
  #dragFrom: number | null = null

  constructor(events: PlotEvents) {
    this.#cursor.hidden = true
    this.#brush.hidden = true
    this.element.append(this.#cursor, this.#brush)
    const layer = this.element
    layer.addEventListener('pointermove', (event) => this.#move(event, events))
    layer.addEventListener('pointerleave', (event) => events.onHover(null, event))
    layer.addEventListener('pointerdown', (event) => this.#begin(event))
    layer.addEventListener('pointerup', (event) => this.#end(event, events))
    layer.addEventListener('pointercancel', () => this.#stop())
    layer.addEventListener('dblclick', () => events.onBack())
  }

  set count(count: number) {
    this.#count = count
  }

  /** @param place null: no moment is chosen, or it is not shown */
  set cursor(place: number | null) {
    this.#cursor.hidden = place === null
    if (place !== null) this.#cursor.style.left = percentOf(place, this.#count)
  }

  #begin(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary) return
    this.#dragFrom = event.clientX
    this.element.setPointerCapture(event.pointerId)
  }

  #move(event: PointerEvent, { onHover }: PlotEvents): void {
    onHover(this.#pointOf(event.clientX, event.clientY), event)
    if (this.#dragFrom === null || Math.abs(event.clientX - this.#dragFrom) < LEAST_DRAG) return
    const [from, to] = this.#span(event.clientX)
    this.#brush.hidden = false
    this.#brush.style.left = percentOf(from, this.#count)
    this.#brush.style.width = percentOf(to - from, this.#count)
  }

  #end(event: PointerEvent, { onChoose, onDrag }: PlotEvents): void {
    if (this.#dragFrom === null) return
    const span = Math.abs(event.clientX - this.#dragFrom) < LEAST_DRAG ? null : this.#span(event.clientX)
    this.#stop()
    if (span === null) onChoose(this.#pointOf(event.clientX, event.clientY))
    else onDrag(...span)
  }

  #stop(): void {
    this.#dragFrom = null
    this.#brush.hidden = true
  }

  #span(x: number): [from: number, to: number] {
    const places = [this.#dragFrom ?? x, x].map((each) => this.#pointOf(each, 0).place)
    return [Math.min(...places), Math.max(...places)]
  }

  #pointOf(x: number, y: number): Point {
    const { left, top, width, height } = this.element.getBoundingClientRect()
    const within = (value: number): number => Math.max(0, Math.min(1, value))
    return {
      place: within((x - left) / Math.max(1, width)) * this.#count,
      down: within((y - top) / Math.max(1, height)),
    }
  }
}
