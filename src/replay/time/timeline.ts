/**
 * The position in a recording, and how playing, stepping and seeking change it. Pure: time is an argument.
 * Stepping visits every stop. Playing stays on a tick for its length, and on a gap for one second of the viewer's time at every
 * speed, so that no gap is skipped unseen.
 */
import { micros, SECOND, type Micros, type WallMicros } from '../../frame/model/units.ts'
import type { PlayRules, Stops } from './stops.ts'

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

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64] as const

export const startingAt = (stop: number, speed = 1): Timeline => ({
  stop,
  played: micros(0),
  playing: false,
  direction: 1,
  speed,
  following: false,
})

/** Plays for `elapsed` of the viewer's time. Stops early at a gap or at an end. */
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

/** Forward play enters a stop at its start, reverse play at its end. */
const entryOf = (stops: Stops, stop: number, { direction, speed }: Timeline, rules: PlayRules): Micros =>
  direction > 0 ? micros(0) : stops.duration(stop, speed, rules)

/** The viewer's time until playing reaches another stop; null when it never does. */
export function untilNextStop(timeline: Timeline, stops: Stops, rules: PlayRules): Micros | null {
  if (!timeline.playing || stops.count === 0) return null
  const { stop, played, direction, speed } = timeline
  const remaining = direction > 0 ? stops.duration(stop, speed, rules) - played : played
  return micros(Math.max(0, remaining) / speed)
}

/** `by` stops further, but not beyond the ends. */
export function step(timeline: Timeline, stops: Stops, by: number): Timeline {
  return goTo(timeline, stops, timeline.stop + by)
}

/** Moves by a span of recording time, at least to the next stop. The span is summed over stops, so that a clock step does not matter. */
export function seekBy(timeline: Timeline, stops: Stops, span: number): Timeline {
  const direction = span < 0 ? -1 : 1
  let stop = timeline.stop
  let left = Math.abs(span)
  // Half a tick of tolerance: for the viewer a tick of 1.0003 s is a second.
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

/** Goes to the newest tick, and stays there while ticks arrive. */
export const follow = (timeline: Timeline, stops: Stops): Timeline => ({
  ...goTo(timeline, stops, stops.newest),
  following: true,
  playing: false,
  direction: 1,
})

/** Pausing leaves live. Playing from an end starts again at the other end. */
export function togglePlay(timeline: Timeline, stops: Stops, rules: PlayRules): Timeline {
  if (timeline.playing || timeline.following) return { ...timeline, playing: false, following: false }
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
