/** What `for SPAN` asks of one subject: every tick of the last SPAN that has data satisfies it, and at least half of SPAN has data. */
import { coveredBy } from '../frame/model/aggregate.ts'
import { micros, type Micros } from '../frame/model/units.ts'
import type { Moment } from './tick-clock.ts'

/** Ticks are a second but for some hundred µs: ten of them are the last 10 s. */
const TOLERANCE = 0.99

interface Satisfied {
  readonly middle: number
  readonly covered: number
}

export class Lasting {
  readonly #span: Micros
  /** the ticks that satisfied it since the last that did not, oldest first, and how many of them have left the span */
  #ticks: Satisfied[] = []
  #left = 0
  #covered = 0
  #lastFailed = -Infinity

  constructor(span: Micros) {
    this.#span = span
  }

  /** @param satisfied null: the tick has no data @returns whether it holds now */
  add(begin: Moment, end: Moment, satisfied: boolean | null): boolean {
    const middle = (begin.elapsed + end.elapsed) / 2
    const since = end.elapsed - this.#span
    if (satisfied === false) {
      this.#forget()
      this.#lastFailed = middle
    }
    if (satisfied === true) {
      const covered = coveredBy(micros(end.elapsed - begin.elapsed))
      this.#ticks.push({ middle, covered })
      this.#covered += covered
    }
    while (this.#left < this.#ticks.length && this.#ticks[this.#left]!.middle < since)
      this.#covered -= this.#ticks[this.#left++]!.covered
    if (this.#left > 1000) {
      this.#ticks = this.#ticks.slice(this.#left)
      this.#left = 0
    }
    return this.#lastFailed < since && this.#covered >= (this.#span / 2) * TOLERANCE
  }

  #forget(): void {
    this.#ticks = []
    this.#left = 0
    this.#covered = 0
  }
}
