/** A moment of a recording, the input of the screen's views: the frame, its window, and the seconds before. */
import { backendKey, type Aggregate } from '../model/aggregate.ts'
import type { Backend, GapReason, RequestEvent, SecondFrame } from '../model/frame.ts'
import { micros, type Micros, type WallMicros } from '../model/units.ts'
import { compareBytes } from './ranking.ts'

/** Ticks begin at whole seconds, plus or minus this, as timers are late. */
export const TICK_SLACK: Micros = micros(50_000)
/** Length of the sparklines, s. */
export const SERIES_SECONDS = 40
/** Length of the drill-down's charts, s. */
export const CHART_SECONDS = 120

/** The time before a picture that it depends on: to draw a single one, no more of a recording need be read. */
export const lookBack = (windowSeconds: number): Micros =>
  micros((Math.max(windowSeconds, CHART_SECONDS) + 1) * 1e6)

/** One second of a backend's series, requests per second; null where nothing was recorded. */
export type Series = readonly (number | null)[]

/** All data of a moment, independent of the view's options. */
export interface Moment {
  /** the tick on which the window ends */
  readonly frame: SecondFrame
  /** the sum of the window's ticks */
  readonly window: Aggregate
  /** the time that passed in the window, with its gaps */
  readonly elapsed: Micros
  /** the requested length of the window, s */
  readonly windowSeconds: number
  /** the last SERIES_SECONDS in order, up to and including the moment's; null for a second without a tick */
  readonly activity: readonly (SecondActivity | null)[]
  /** the sampled requests of these seconds, newest first, at most as many as a screen may show */
  readonly requests: readonly RequestEvent[]
  /** the gap directly after the frame, if the moment lies in it */
  readonly gap: { readonly from: WallMicros; readonly to: WallMicros; readonly reason: GapReason } | null
}

export interface BackendRequests {
  readonly backend: Backend
  readonly requests: number
}
/** By backendKey. */
export type RequestsByBackend = ReadonlyMap<string, BackendRequests>
export interface SecondActivity {
  /** the tick's real length */
  readonly seconds: number
  readonly backends: RequestsByBackend
}

export function requestsByBackend(frame: SecondFrame): RequestsByBackend {
  const backends = new Map<string, BackendRequests>()
  for (const { backend, requests } of frame.traffic) {
    const key = backendKey(backend)
    backends.set(key, { backend, requests: requests + (backends.get(key)?.requests ?? 0) })
  }
  return backends
}

export const newestFirst = (a: RequestEvent, b: RequestEvent): number =>
  b.at - a.at ||
  compareBytes(a.backend.address, b.backend.address) ||
  compareBytes(a.route.method, b.route.method) ||
  compareBytes(a.route.path, b.route.path)
