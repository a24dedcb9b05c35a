/** Moments of a recording: the frames of a window and of the seconds before, each read once. */
import { ofFrame, sumOf, NO_CONTROL, NO_EXCLUDED, NO_LOSS, type Aggregate } from '../frame/aggregate.ts'
import type { SecondFrame } from '../frame/frame.ts'
import { SERIES_SECONDS, type Moment } from '../frame/leaderboard.ts'
import type { Recording, TickSummary } from '../frame/recording.ts'
import { addMicros, micros, monotonicNanos } from '../frame/units.ts'
import type { Stop } from './timeline.ts'

/** Enough for a window of a minute, and for playing on in both directions. */
const FRAMES_KEPT = 256

export class Moments {
  readonly #recording: Recording
  readonly #frames = new Map<number, SecondFrame | null>()
  readonly #sums = new WeakMap<SecondFrame, Aggregate>()

  constructor(recording: Recording) {
    this.#recording = recording
  }

  /** @param recentSeconds how far sparklines and charts look back */
  at(stop: Stop, windowSeconds: number, recentSeconds = SERIES_SECONDS): Moment {
    const { ticks } = this.#recording
    const tick = ticks[stop.tick]!
    const frame = this.#frame(tick.seq)
    return {
      frame: frame ?? unreadable(tick),
      window: sumOf(this.#window(ticks, stop.tick, windowSeconds).map((part) => this.#sumOf(part))),
      windowSeconds,
      recent: this.#recent(ticks, stop.tick, recentSeconds),
      gap: stop.kind === 'gap' ? stop : frame === null ? damagedGap(tick) : null,
    }
  }

  /** The ticks that end at this one and began within the window, half a second of tolerance given. */
  #window(ticks: readonly TickSummary[], last: number, seconds: number): SecondFrame[] {
    const frames: SecondFrame[] = []
    let back = 0
    for (let i = last; i >= 0; i--) {
      back += ticks[i]!.length + (i < last ? missingBefore(ticks, i + 1) : 0)
      if (back > seconds * 1e6 + 500_000 && i < last) break
      const frame = this.#frame(ticks[i]!.seq)
      frames.push(frame ?? unreadable(ticks[i]!))
    }
    return frames.reverse()
  }

  #recent(ticks: readonly TickSummary[], last: number, seconds: number): (SecondFrame | null)[] {
    const slots: (SecondFrame | null)[] = []
    for (let i = last; i >= 0 && slots.length < seconds; i--) {
      // What of a late tick lies beyond its first second, and what was not recorded at all, are empty seconds.
      const late = Math.round(ticks[i]!.length / 1e6) - 1
      const missing = i < last ? Math.round(missingBefore(ticks, i + 1) / 1e6) : 0
      for (let k = Math.min(seconds, late + missing); k > 0; k--) slots.push(null)
      slots.push(this.#frame(ticks[i]!.seq))
    }
    return slots.slice(0, seconds).reverse()
  }

  #frame(seq: number): SecondFrame | null {
    const known = this.#frames.get(seq)
    if (known !== undefined) {
      this.#frames.delete(seq)
      this.#frames.set(seq, known)
      return known
    }
    const frame = this.#recording.frame(seq)
    this.#frames.set(seq, frame)
    if (this.#frames.size > FRAMES_KEPT) this.#frames.delete(this.#frames.keys().next().value!)
    return frame
  }

  #sumOf(frame: SecondFrame): Aggregate {
    let sum = this.#sums.get(frame)
    if (sum === undefined) this.#sums.set(frame, (sum = ofFrame(frame)))
    return sum
  }
}

/** Wall time between a tick and the one before it, where there is a gap, µs; a clock step is none. */
function missingBefore(ticks: readonly TickSummary[], i: number): number {
  const [before, tick] = [ticks[i - 1]!, ticks[i]!]
  const isGap = tick.gapBefore !== null || tick.seq !== before.seq + 1
  return !isGap ? 0 : Math.max(0, tick.start - before.start - before.length)
}

const unreadable = ({ seq, start, length, gapBefore }: TickSummary): SecondFrame => ({
  seq,
  start,
  mono: monotonicNanos(0n),
  length,
  traffic: [],
  connections: [],
  requests: [],
  loss: NO_LOSS,
  excluded: NO_EXCLUDED,
  control: NO_CONTROL,
  cost: { cpu: micros(0), rssBytes: 0, commit: micros(0) },
  gapBefore,
  final: false,
})

const damagedGap = ({ start, length }: TickSummary): Moment['gap'] => ({
  from: start,
  to: addMicros(start, length),
  reason: 'damaged',
})
