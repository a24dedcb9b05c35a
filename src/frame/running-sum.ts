/** The sum of aggregates that come one after the other, as sumOf's, without keeping them: a binary counter of partial sums. */
import { merge, NOTHING, type Aggregate } from './aggregate.ts'

export class RunningSum {
  /** `#parts[i]` is the sum of 2^i aggregates, the earlier ones at the higher places; null where the counter has a 0 */
  readonly #parts: (Aggregate | null)[] = []

  /** Comes after all that were added before. */
  add(aggregate: Aggregate): void {
    let sum = aggregate
    let place = 0
    for (; this.#parts[place] !== undefined && this.#parts[place] !== null; place++) {
      sum = merge(this.#parts[place]!, sum)
      this.#parts[place] = null
    }
    this.#parts[place] = sum
  }

  get total(): Aggregate {
    return this.#parts.reduce<Aggregate>(
      (later, part) => (part === null ? later : merge(part, later)),
      NOTHING,
    )
  }
}
