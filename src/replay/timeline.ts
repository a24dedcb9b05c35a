/**
 * Where we are in a recording, and what playing, stepping and seeking do to it. Pure: time comes in as an argument.
 *
 * A recording is a row of stops: every tick, and every gap between two ticks. Stepping visits each; playing stays on a tick for
 * its length and on a gap for a second of the viewer's time, whatever the speed: a gap is never skipped silently.
 */
import { LATE } from '../frame/diff.ts'
import type { GapReason } from '../frame/frame.ts'
import type { TickSummary } from '../frame/recording.ts'
import { addMicros, micros, SECOND, wallMicros, type Micros, type WallMicros } from '../frame/units.ts'

/** `tick` is an index into the ticks: of the tick itself, or of the one before the gap. */
export type Stop =
  | { readonly kind: 'tick'; readonly tick: number; readonly from: WallMicros; readonly to: WallMicros }
  | {
      readonly kind: 'gap'
      readonly tick: number
      readonly from: WallMicros
      readonly to: WallMicros
      readonly reason: GapReason
    }

export interface Timeline {
  /** index of the stop */
  readonly stop: number
  /** how much of the stop has been played */
  readonly played: Micros
  readonly playing: boolean
  readonly direction: 1 | -1
  readonly speed: number
  /** stays on the newest tick while ticks arrive */
  readonly following: boolean
}

export interface PlayRules {
  /** starts again at the other end */
  readonly loop: boolean
  /** idle time and gaps are played no longer than this; null: idle time as it was */
  readonly idleLimit: Micros | null
}

/**
 * Ticks begin on whole seconds, give or take what a timer is late: a whole second that someone typed means the tick that
 * began about then, and not the last microseconds of the one before.
 */
export const TICK_SLACK: Micros = micros(50_000)
export const typed = (at: WallMicros): WallMicros => (at % SECOND === 0 ? addMicros(at, TICK_SLACK) : at)

/** How long a gap stays on the screen. */
export const GAP_HOLD: Micros = SECOND
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64] as const

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
    const { start, length } = this.#ticks[tick]!
    return { kind: 'tick', tick, from: start, to: addMicros(start, Math.min(length, LATE)) }
  }

  ofTick(tick: number): number {
    let gaps = 0
    while (gaps < this.#gaps.length && this.#gaps[gaps]! <= tick + gaps) gaps++
    return tick + gaps
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
  return { kind: 'gap', tick, from, to, reason }
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

export const startingAt = (stop: number, speed = 1): Timeline => ({
  stop,
  played: micros(0),
  playing: false,
  direction: 1,
  speed,
  following: false,
})

/** Playing for `elapsed` of the viewer's time. Arriving at a gap, or at an end, ends the move there. */
export function advance(timeline: Timeline, stops: Stops, elapsed: Micros, rules: PlayRules): Timeline {
  if (!timeline.playing || stops.count === 0) return timeline
  const { direction, speed } = timeline
  let { stop, played } = timeline
  let budget = elapsed * speed
  for (;;) {
    const duration = stops.duration(stop, speed, rules)
    const remaining = direction > 0 ? duration - played : Number(played)
    if (budget < remaining) return { ...timeline, stop, played: micros(played + direction * budget) }
    budget -= Math.max(0, remaining)
    const next = stop + direction
    if (next < 0 || next >= stops.count) {
      if (!rules.loop)
        return { ...timeline, stop, played: direction > 0 ? duration : micros(0), playing: false }
      const end = direction > 0 ? 0 : stops.last
      return { ...timeline, stop: end, played: entryOf(stops, end, timeline, rules) }
    }
    stop = next
    played = entryOf(stops, stop, timeline, rules)
    if (stops.at(stop).kind === 'gap') return { ...timeline, stop, played }
  }
}

/** Forward play enters a stop at its begin, reverse play at its end. */
const entryOf = (stops: Stops, stop: number, { direction, speed }: Timeline, rules: PlayRules): Micros =>
  direction > 0 ? micros(0) : stops.duration(stop, speed, rules)

/** The viewer's time until playing reaches another stop; null when it never does. */
export function untilNextStop(timeline: Timeline, stops: Stops, rules: PlayRules): Micros | null {
  if (!timeline.playing || stops.count === 0) return null
  const { stop, played, direction, speed } = timeline
  const remaining = direction > 0 ? stops.duration(stop, speed, rules) - played : played
  return micros(Math.max(0, remaining) / speed)
}

/** `by` stops further; the ends hold. */
export function step(timeline: Timeline, stops: Stops, by: number): Timeline {
  return goTo(timeline, stops, timeline.stop + by)
}

/** By a span of recording time; at least to the neighbouring stop. The way is measured in stops, so that a clock step is no obstacle. */
export function seekBy(timeline: Timeline, stops: Stops, span: number): Timeline {
  const direction = span < 0 ? -1 : 1
  let stop = timeline.stop
  let left = Math.abs(span)
  // Half a tick of tolerance: ticks of 1.0003 s are seconds to the viewer.
  while (left > SECOND / 2) {
    const next = stop + direction
    if (next < 0 || next >= stops.count) break
    const passed = stops.at(direction > 0 ? stop : next)
    left -= Math.max(passed.to - passed.from, 1)
    stop = next
  }
  return goTo(timeline, stops, stop === timeline.stop ? stop + direction : stop)
}

export function goTo(timeline: Timeline, stops: Stops, stop: number): Timeline {
  const target = Math.min(stops.last, Math.max(0, stop))
  return { ...timeline, stop: target, played: micros(0), following: false }
}

export const atTime = (timeline: Timeline, stops: Stops, at: WallMicros): Timeline =>
  goTo(timeline, stops, stops.ofTime(at))

/** On the newest tick, and staying there. */
export const follow = (timeline: Timeline, stops: Stops): Timeline => ({
  ...goTo(timeline, stops, stops.last),
  following: true,
  playing: false,
  direction: 1,
})

/** Playing again from an end begins at the other one. */
export function togglePlay(timeline: Timeline, stops: Stops, rules: PlayRules): Timeline {
  if (timeline.playing) return { ...timeline, playing: false, following: false }
  const { direction, stop, played, speed } = timeline
  const atEnd =
    direction > 0
      ? stop === stops.last && played >= stops.duration(stop, speed, rules)
      : stop === 0 && played === 0
  const begin = atEnd ? goTo(timeline, stops, direction > 0 ? 0 : stops.last) : timeline
  return { ...begin, playing: true, following: false }
}

export const reverse = (timeline: Timeline): Timeline => ({
  ...timeline,
  direction: timeline.direction > 0 ? -1 : 1,
  playing: true,
  following: false,
})

export function faster(timeline: Timeline, by: 1 | -1): Timeline {
  const now = SPEEDS.findIndex((speed) => speed >= timeline.speed)
  const index = Math.min(SPEEDS.length - 1, Math.max(0, (now < 0 ? SPEEDS.length - 1 : now) + by))
  return { ...timeline, speed: SPEEDS[index]! }
}
