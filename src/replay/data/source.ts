/** The source of a player: a recording or a part of one, which may still grow. */
import type { Marker } from '../../frame/model/frame.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { addMicros } from '../../frame/model/units.ts'
import { gapsOf } from '../../frame/time/gaps.ts'
import type { TimeSpan } from '../../frame/time/time.ts'

/** Calls back when there may be new ticks; the player then calls `refresh`. Returns a function that ends it. */
export type Growth = (listener: () => void) => () => void

/** A recorder commits once per second. With two checks per second the screen is at most half a second late. */
export const POLL_MS = 500

/** For files that grow: calls back at a fixed interval. */
export const polled =
  (milliseconds: number): Growth =>
  (listener) => {
    const timer = setInterval(listener, milliseconds)
    return () => clearInterval(timer)
  }

/** For files of which only a part was read: calls back right after the first picture. */
export const afterFirstPicture: Growth = (listener) => {
  const handle = setImmediate(listener)
  return () => clearImmediate(handle)
}

/** Puts a marker into the recording. @throws UserError if it cannot be written */
export type Mark = (marker: Marker) => void

/** The recording as if it had only the ticks that start in [from, to). `null` at an end leaves that end open. */
export function within(
  recording: Recording,
  { from, to }: { from: TimeSpan['from'] | null; to: TimeSpan['to'] | null },
): Recording {
  if (from === null && to === null) return recording
  const isInside = (at: number): boolean => (from === null || at >= from) && (to === null || at < to)
  let source: Recording['ticks'] | null = null
  let count = -1
  let inside: Recording['ticks'] = []
  return {
    get damage() {
      return recording.damage
    },
    get info() {
      const first = this.ticks[0]
      const last = this.ticks.at(-1)
      const { info } = recording
      if (first === undefined || last === undefined) return { ...info, ticks: 0 }
      return {
        ...info,
        start: first.start,
        end: addMicros(last.start, last.length),
        ticks: this.ticks.length,
      }
    },
    get ticks() {
      const { ticks } = recording
      if (ticks !== source || ticks.length !== count) {
        inside = ticks.filter(({ start }) => isInside(start))
        source = ticks
        count = ticks.length
      }
      return inside
    },
    get gaps() {
      return gapsOf(this.ticks)
    },
    get markers() {
      return recording.markers.filter(({ at }) => isInside(at))
    },
    frame: (seq) => recording.frame(seq),
    ...(recording.activity === undefined ? {} : { activity: (range) => recording.activity?.(range) ?? [] }),
    aggregate: (range) => recording.aggregate(range),
    requests: (range) => recording.requests(range),
    *checkTicks(range) {
      yield* recording.checkTicks?.(range) ?? []
    },
    refresh: () => recording.refresh(),
    close: () => recording.close(),
  }
}
