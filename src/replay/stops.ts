/**
 * A recording as a row of stops: every tick, and every gap between two ticks, so that no gap can be passed unseen.
 */
import { LATE } from '../frame/diff.ts'
import type { GapReason } from '../frame/frame.ts'
import { TICK_SLACK } from '../frame/moment.ts'
import type { TickSummary } from '../frame/recording.ts'
import { addMicros, micros, SECOND, wallMicros, type Micros, type WallMicros } from '../frame/units.ts'

interface Span {
  /** index of the tick itself, or of the one before the gap, and its sequence */
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

/** A whole second that someone typed, or set a marker at, means the tick that began about then, and not the last microseconds of the one before. */
export const typed = (at: WallMicros): WallMicros => (at % SECOND === 0 ? addMicros(at, TICK_SLACK) : at)

export const holds = ({ from, to }: Stop, at: WallMicros): boolean => at >= from && at < to

/** How long a gap stays on the screen. */
const GAP_HOLD: Micros = SECOND
/** The stops of a recording, without an object for each: a day has 86,400. */
export class Stops {
  readonly #ticks: readonly TickSummary[]
  /** per gap: the stop's index */
  readonly #gaps: readonly number[]
  /** length of the idle run up to and including each tick; only when there is an idle limit */
  readonly #idle: Float64Array | null

  constructor(ticks: readonly TickSummary[], rules: PlayRules = { loop: false, idleLimit: null }) {
    this.#ticks = ticks
    const gaps: number[] = []
    for (let i = 1; i < ticks.length; i++) if (hasGap(ticks[i - 1]!, ticks[i]!)) gaps.push(i + gaps.length)
    this.#gaps = gaps
    this.#idle = rules.idleLimit === null ? null : idleRuns(ticks)
  }

  get count(): number {
    return this.#ticks.length + this.#gaps.length
  }

  get last(): number {
    return Math.max(0, this.count - 1)
  }

  at(index: number): Stop {
    const gaps = this.#gapsBefore(index)
    const tick = index - gaps
    if (this.#gaps[gaps] === index) return gapBetween(this.#ticks[tick - 1]!, this.#ticks[tick]!, tick - 1)
    const { seq, start, length } = this.#ticks[tick]!
    return { kind: 'tick', tick, seq, from: start, to: addMicros(start, Math.min(length, LATE)) }
  }

  ofTick(tick: number): number {
    let gaps = 0
    while (gaps < this.#gaps.length && this.#gaps[gaps]! <= tick + gaps) gaps++
    return tick + gaps
  }

  /** The tick's own, or that of the last one before it; 0 when it is older than all. */
  ofSeq(seq: number): number {
    const tick = this.#ticks.findLastIndex((candidate) => candidate.seq <= seq)
    return tick < 0 ? 0 : this.ofTick(tick)
  }

  /** The stop that holds the time; between stops and outside, the last one that began before it. The first of several. */
  ofTime(at: WallMicros): number {
    let best = 0
    let bestFrom = -Infinity
    for (let i = 0; i < this.#ticks.length; i++) {
      const { start, length } = this.#ticks[i]!
      if (start > at) continue
      const end = start + Math.min(length, LATE)
      if (at < end) return this.ofTick(i)
      // Behind this tick, in the gap that follows it?
      const next = this.#ticks[i + 1]
      if (next !== undefined && at < next.start && hasGap(this.#ticks[i]!, next)) return this.ofTick(i) + 1
      if (start >= bestFrom) {
        best = this.ofTick(i)
        bestFrom = start
      }
    }
    return best
  }

  /** How long the stop is played, in recording time; a gap is held for a time of the viewer's. */
  duration(index: number, speed: number, rules: PlayRules): Micros {
    const stop = this.at(index)
    if (stop.kind === 'gap') return micros(Math.min(GAP_HOLD, rules.idleLimit ?? GAP_HOLD) * speed)
    const length = stop.to - stop.from
    if (this.#idle === null || rules.idleLimit === null) return micros(length)
    const over = this.#idle[stop.tick]! - rules.idleLimit
    return micros(Math.max(0, Math.min(length, length - over)))
  }

  /** Gap stops with an index below this one. */
  #gapsBefore(index: number): number {
    let low = 0
    let high = this.#gaps.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#gaps[middle]! < index) low = middle + 1
      else high = middle
    }
    return low
  }
}

const hasGap = (before: TickSummary, after: TickSummary): boolean =>
  after.gapBefore !== null || before.length > LATE || isLost(before, after)

/** Sequences have no holes: where there is one, ticks could not be read. */
const isLost = (before: TickSummary, after: TickSummary): boolean => after.seq !== before.seq + 1

function gapBetween(before: TickSummary, after: TickSummary, tick: number): Stop {
  const from = addMicros(before.start, Math.min(before.length, LATE))
  const reason = isLost(before, after) ? 'damaged' : (after.gapBefore ?? 'late')
  // Where the clock was set back during the gap, its length can't be told from the wall clock.
  const to = wallMicros(Math.max(from, after.start))
  return { kind: 'gap', tick, seq: before.seq, from, to, reason }
}

function idleRuns(ticks: readonly TickSummary[]): Float64Array {
  const runs = new Float64Array(ticks.length)
  let run = 0
  ticks.forEach(({ requests, answered, failures, length }, i) => {
    run = requests + answered + failures > 0 ? 0 : run + Math.min(length, LATE)
    runs[i] = run
  })
  return runs
}
