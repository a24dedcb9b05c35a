/**
 * Reconciles the control totals of a recording (docs/FORMAT.md, `control_…`). Per run, from its first tick to the helper's last dump,
 * every payload segment is in exactly one count, and every request is answered, failed or open. Dumps in between are not atomic, so
 * only the last one is checked.
 */
import type { Control } from '../../frame/model/counters.generated.ts'
import type { SecondFrame } from '../../frame/model/frame.ts'

export class Reconciliation {
  readonly problems: string[] = []
  #requests = 0
  #segments = 0
  /** the first tick of the run is in the file, and no tick since is missing */
  #isComplete: boolean
  #reconciled = 0

  constructor(startsWithRun: boolean) {
    this.#isComplete = startsWithRun
  }

  /** Number of runs that were checked at their last dump. */
  get reconciled(): number {
    return this.#reconciled
  }

  /** Call for every tick in order. @param frame null if the tick cannot be read */
  add(frame: SecondFrame | null): void {
    if (frame === null) {
      this.#isComplete = false
      return
    }
    this.#begin(frame)
    const { control } = frame
    this.#requests += control.requests - control.answered - control.failed - (control.unseen ?? 0)
    this.#segments += 2 * control.segments - sum(control) + requestsOf(frame)
    if (frame.final && this.#isComplete) this.#reconcile(frame)
  }

  #begin({ gapBefore }: SecondFrame): void {
    if (gapBefore === 'stopped') {
      this.#isComplete = true
      this.#requests = 0
      this.#segments = 0
    } else if (gapBefore !== null && gapBefore !== 'suspend') this.#isComplete = false
  }

  #reconcile(frame: SecondFrame): void {
    this.#reconciled++
    const open = frame.traffic.reduce((all, row) => all + row.inFlight, 0)
    const requests = this.#requests - open
    if (requests !== 0) this.problems.push(`the books are off by ${requests} requests at tick ${frame.seq}`)
    if (this.#segments !== 0) {
      this.problems.push(`the books are off by ${this.#segments} payload segments at tick ${frame.seq}`)
    }
  }
}

/** segments − (the other counts of segments) = 2 · segments − (all fields) + (the fields that count requests) */
const sum = (control: Control): number =>
  Object.values<number | null>({ ...control }).reduce<number>((all, value) => all + (value ?? 0), 0)
const requestsOf = ({ control }: SecondFrame): number =>
  control.requests + control.answered + control.failed + (control.unseen ?? 0)
