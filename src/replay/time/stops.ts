/**
 * A recording as a list of stops: every tick, and every gap after a tick, so that no gap is skipped unseen.
 */
import { coveredBy } from '../../frame/model/aggregate.ts'
import type { Gap, GapReason } from '../../frame/model/frame.ts'
import type { TickSummary } from '../../frame/model/recording.ts'
import { addMicros, micros, SECOND, type Micros, type WallMicros } from '../../frame/model/units.ts'
import { latePart, missingBefore } from '../../frame/time/gaps.ts'
import { TICK_SLACK } from '../../frame/views/moment.ts'

interface Span {
  /** index and sequence number of the tick, or of the tick before the gap */
  readonly tick: number
  readonly seq: number
  readonly from: WallMicros
  readonly to: WallMicros
}
export type Stop =
  (Span & { readonly kind: 'tick' }) | (Span & { readonly kind: 'gap'; readonly reason: GapReason })

export interface PlayRules {
  /** starts again at the other end */
  readonly loop: boolean
  /** idle time and gaps are played no longer than this; null: idle time as it was */
  readonly idleLimit: Micros | null
}

/** A tick starts some µs after the whole second. A typed or marked whole second means that tick, not the end of the tick before. */
export const wholeSecondAsTick = (at: WallMicros): WallMicros =>
  at % SECOND === 0 ? addMicros(at, TICK_SLACK) : at

export const holds = ({ from, to }: Stop, at: WallMicros): boolean => at >= from && at < to

/** How long a gap stays on the screen, in the viewer's time. */
const GAP_HOLD: Micros = SECOND

interface GapStop {
  /** index of the stop */
  readonly index: number
  /** index of the tick before it */
  readonly tick: number
  readonly gap: Gap
}

/** The stops of a recording, without an object for each: a day has 86,400. */
export class Stops {
  readonly #ticks: readonly TickSummary[]
  readonly #gaps: readonly GapStop[]
  /** length of the idle run up to and including each tick; only when there is an idle limit */
  readonly #idle: Float64Array | null

  constructor(ticks: readonly TickSummary[], rules: PlayRules = { loop: false, idleLimit: null }) {
    this.#ticks = ticks
    this.#gaps = gapStopsOf(ticks)
    this.#idle = rules.idleLimit === null ? null : idleRuns(ticks)
  }

  get count(): number {
    return this.#ticks.length + this.#gaps.length
  }

  get last(): number {
    return Math.max(0, this.count - 1)
  }

  /** The stop of the newest tick; a gap may follow it. */
  get newest(): number {
    return this.ofTick(Math.max(0, this.#ticks.length - 1))
  }

  /** Indexes of the stops that are gaps, in order. */
  get gaps(): readonly number[] {
    return this.#gaps.map(({ index }) => index)
  }

  at(index: number): Stop {
    const gaps = this.#gapsBefore(({ index: gapIndex }) => gapIndex < index)
    const here = this.#gaps[gaps]
    if (here?.index === index) return this.#gapStop(here)
    const tick = index - gaps
    const { seq, start, length } = this.#ticks[tick]!
    return { kind: 'tick', tick, seq, from: start, to: addMicros(start, coveredBy(length)) }
  }

  ofTick(tick: number): number {
    return tick + this.#gapsBefore((gap) => gap.tick < tick)
  }

  /** The stop of the tick with this number, or of the last tick before it; 0 if all ticks are later. */
  ofSeq(seq: number): number {
    const tick = this.#ticks.findLastIndex((candidate) => candidate.seq <= seq)
    return tick < 0 ? 0 : this.ofTick(tick)
  }

  /** Finds a stop of an earlier state of the recording again. Indexes shift when old ticks are dropped. */
  ofStop(stop: Stop): number {
    const tick = this.ofSeq(stop.seq)
    if (stop.kind === 'tick') return tick
    const same = this.#gaps.find(
      ({ tick: before, gap }) => this.#ticks[before]!.seq === stop.seq && gap.reason === stop.reason,
    )
    return same?.index ?? tick
  }

  /** The first stop that contains the time; without one, the last stop that began before it. */
  ofTime(at: WallMicros): number {
    let best = 0
    let bestFrom = -Infinity
    let gaps = 0
    for (let i = 0; i < this.#ticks.length; i++) {
      const { start, length } = this.#ticks[i]!
      if (start <= at) {
        if (at < start + coveredBy(length)) return i + gaps
        if (start >= bestFrom) [best, bestFrom] = [i + gaps, start]
      }
      for (; this.#gaps[gaps]?.tick === i; gaps++) {
        const { index, gap } = this.#gaps[gaps]!
        if (at >= gap.from && at < gap.to) return index
        // A gap of length 0 is where the clock was set back: no time belongs to it.
        if (gap.from <= at && gap.from < gap.to && gap.from >= bestFrom) [best, bestFrom] = [index, gap.from]
      }
    }
    return best
  }

  /** How long the stop is played, in recording time. A gap is shown for a fixed time of the viewer, so it is scaled by the speed. */
  duration(index: number, speed: number, rules: PlayRules): Micros {
    const stop = this.at(index)
    if (stop.kind === 'gap') return micros(Math.min(GAP_HOLD, rules.idleLimit ?? GAP_HOLD) * speed)
    const length = stop.to - stop.from
    if (this.#idle === null || rules.idleLimit === null) return micros(length)
    const over = this.#idle[stop.tick]! - rules.idleLimit
    return micros(Math.max(0, Math.min(length, length - over)))
  }

  #gapStop({ tick, gap }: GapStop): Stop {
    return { kind: 'gap', tick, seq: this.#ticks[tick]!.seq, ...gap }
  }

  /** Binary search: the number of gaps for which `before` is true. These must be the first ones. */
  #gapsBefore(before: (gap: GapStop) => boolean): number {
    let low = 0
    let high = this.#gaps.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (before(this.#gaps[middle]!)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function gapStopsOf(ticks: readonly TickSummary[]): GapStop[] {
  const stops: GapStop[] = []
  const add = (tick: number, gap: Gap | null): void => {
    if (gap !== null) stops.push({ index: tick + 1 + stops.length, tick, gap })
  }
  ticks.forEach((tick, i) => {
    add(i - 1, missingBefore(ticks[i - 1], tick))
    add(i, latePart(tick))
  })
  return stops
}

function idleRuns(ticks: readonly TickSummary[]): Float64Array {
  const runs = new Float64Array(ticks.length)
  let run = 0
  ticks.forEach(({ requests, answered, failures, length }, i) => {
    run = requests + answered + failures > 0 ? 0 : run + coveredBy(length)
    runs[i] = run
  })
  return runs
}
