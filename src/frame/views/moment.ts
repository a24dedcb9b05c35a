/** A moment of a recording as its readers hand it to the screen: the frame, its window, and the seconds before. */
import { backendKey, type Aggregate } from '../model/aggregate.ts'
import type { Backend, GapReason, RequestEvent, SecondFrame } from '../model/frame.ts'
import { micros, type Micros, type WallMicros } from '../model/units.ts'
import { compareBytes } from './ranking.ts'

/** Ticks begin on whole seconds, give or take what a timer is late. */
export const TICK_SLACK: Micros = micros(50_000)
/** Seconds that the sparklines look back. */
export const SERIES_SECONDS = 40
/** Seconds that the charts of the drill-down look back. */
export const CHART_SECONDS = 120

/** How far a picture looks back from its time: who draws only one need read no more of a recording. */
export const lookBack = (windowSeconds: number): Micros =>
  micros((Math.max(windowSeconds, CHART_SECONDS) + 1) * 1e6)

/** One second of a backend's series, requests per second; null where nothing was recorded. */
export type Series = readonly (number | null)[]

/** What happened at a moment, before anybody says how much of it is to be seen. */
export interface Moment {
  /** the tick on which the window ends */
  readonly frame: SecondFrame
  /** the sum of the window's ticks */
  readonly window: Aggregate
  /** the window's length as asked for, s */
  readonly windowSeconds: number
  /** who was busy in each of the last SERIES_SECONDS, in order, the moment's own last; null for a second without a tick */
  readonly activity: readonly (SecondLoad | null)[]
  /** the request ring of these seconds, newest first, as far back as a screen may show */
  readonly requests: readonly RequestEvent[]
  /** set while the moment lies in the gap that directly follows the frame */
  readonly gap: { readonly from: WallMicros; readonly to: WallMicros; readonly reason: GapReason } | null
}

export interface BackendLoad {
  readonly backend: Backend
  readonly requests: number
}
/** By backendKey. */
export type Load = ReadonlyMap<string, BackendLoad>
export interface SecondLoad {
  /** the tick's real length */
  readonly seconds: number
  readonly load: Load
}

export function loadOf(frame: SecondFrame): Load {
  const load = new Map<string, BackendLoad>()
  for (const { backend, requests } of frame.traffic) {
    const key = backendKey(backend)
    load.set(key, { backend, requests: requests + (load.get(key)?.requests ?? 0) })
  }
  return load
}

export const newestFirst = (a: RequestEvent, b: RequestEvent): number =>
  b.at - a.at ||
  compareBytes(a.backend.address, b.backend.address) ||
  compareBytes(a.route.method, b.route.method) ||
  compareBytes(a.route.path, b.route.path)
