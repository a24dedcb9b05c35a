/** When triggers fire, and when a dump of what led to it, and of the minute after, is due. Pure: it knows ticks, and nothing else. */
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import { micros, MINUTE, type Micros, type WallMicros } from '../frame/model/units.ts'
import { ofFrame } from '../frame/sum/merge.ts'
import type { TimeSpan } from '../frame/time/time.ts'
import { Evaluation } from './evaluation.ts'
import { TickClock, type Moment } from './tick-clock.ts'
import type { Trigger } from './trigger.ts'

export interface FiringOptions {
  readonly triggers: readonly Trigger[]
  /** how much a dump holds, with the minute after */
  readonly last: Micros
  /** the least time between two firings of an expression */
  readonly every: Micros
}

/** A dump that is to be cut now. */
export interface Due {
  readonly text: string
  /** when it fired */
  readonly at: WallMicros
  readonly span: TimeSpan
}

/** What a tick leads to: markers of what begins to hold, and the dumps whose minute is over. */
export interface Effects {
  readonly markers: readonly Marker[]
  readonly due: readonly Due[]
}

interface Armed {
  readonly evaluation: Evaluation
  readonly trigger: Trigger
  /** it has ceased to hold since it fired */
  isReady: boolean
  /** µs by the ticks */
  fired: number
}

interface Pending {
  readonly text: string
  readonly at: WallMicros
  /** the begin of the tick in which it fired, and when its minute is over; µs by the ticks */
  readonly fired: number
  readonly due: number
}

export class Firing {
  readonly #options: FiringOptions
  readonly #clock = new TickClock()
  readonly #armed: readonly Armed[]
  #pending: Pending[] = []

  constructor(options: FiringOptions) {
    this.#options = options
    this.#armed = options.triggers.map((trigger) => ({
      trigger,
      evaluation: new Evaluation(trigger),
      isReady: true,
      fired: -Infinity,
    }))
  }

  tick(frame: SecondFrame): Effects {
    const before = this.#clock.now
    const begin = this.#clock.tick(frame)
    const end = this.#clock.now!
    // Over a gap the minute ends with the tick before it: nothing was recorded since.
    const overGap = frame.gapBefore !== null && before !== null ? this.#dueBy(begin.elapsed, before) : []
    const markers = this.#armed.length === 0 ? [] : this.#evaluate(frame, begin, end)
    return { markers, due: [...overGap, ...this.#dueBy(end.elapsed, end)] }
  }

  /** The recorder ends: what is due later is due now. */
  end(): readonly Due[] {
    const { now } = this.#clock
    return now === null ? [] : this.#dueBy(Infinity, now)
  }

  /** The span before now, for whoever asks for it; null: there is no tick yet. */
  spanNow(last: Micros): { readonly at: WallMicros; readonly span: TimeSpan } | null {
    const { now } = this.#clock
    return now === null ? null : { at: now.wall, span: this.#clock.spanBefore(now, last) }
  }

  #evaluate(frame: SecondFrame, begin: Moment, end: Moment): readonly Marker[] {
    const tick = ofFrame(frame)
    return this.#armed.flatMap((armed) => {
      const measured = armed.evaluation.tick(tick, begin, end)
      if (measured === null) armed.isReady = true
      if (measured === null || !armed.isReady || end.elapsed - armed.fired < this.#options.every) return []
      armed.isReady = false
      armed.fired = end.elapsed
      const text = `${armed.trigger.text}: ${measured()}`
      this.#pending.push({ text, at: frame.start, fired: begin.elapsed, due: end.elapsed + MINUTE })
      return [{ at: frame.start, kind: 'note', text } as const]
    })
  }

  #dueBy(elapsed: number, until: Moment): readonly Due[] {
    const due = this.#pending.filter((pending) => pending.due <= elapsed)
    if (due.length > 0) this.#pending = this.#pending.filter((pending) => pending.due > elapsed)
    return due.map(({ text, at, fired }) => {
      // However short: what made it fire is in it.
      const last = micros(Math.max(this.#options.last, until.elapsed - fired))
      return { text, at, span: this.#clock.spanBefore(until, last) }
    })
  }
}
