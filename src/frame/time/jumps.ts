/**
 * Where something happens in a recording: the places to which one key jumps. Pure functions over the tick summaries; each
 * result is a list of tick indexes at which something begins, in order.
 */
import type { TickSummary } from '../model/recording.ts'

/** Ticks that say what is usual, before the one that is looked at. */
const BASELINE = 60
const LEAST_BASELINE = 5
/** A burst that pauses for so many ticks is still the same. */
const PAUSE = 10
/** What lasts longer is the new usual. */
const NEW_NORMAL = 300

/**
 * Ticks at which 5xx and failures begin to be more than usual. A count of errors is a Poisson variable, whose square root has a
 * constant spread (Anscombe): 4 to 5 of its standard deviations over the last minute's mean, in one tick or over the next five or ten,
 * and at least 1 % of the requests.
 */
export function burstStarts(ticks: readonly TickSummary[]): number[] {
  const bad = prefixSums(ticks, (tick) => tick.fivexx + tick.failures)
  const all = prefixSums(ticks, (tick) => Math.max(tick.requests, tick.answered, tick.fivexx + tick.failures))
  const baseline = new Baseline()
  const starts: number[] = []
  let last = -Infinity
  for (let i = 0; i < ticks.length; i++) {
    const now = ticks[i]!.fivexx + ticks[i]!.failures
    const span =
      baseline.ready && distance(now, baseline.mean) > 2
        ? SPANS.find((length) => isBurst(i, length))
        : undefined
    // A long span may begin with a few usual errors: the burst begins where its own do.
    const unusual = span !== undefined && now > peak(i, span) / 3
    if (unusual) {
      if (i - last > PAUSE) starts.push(i)
      last = i
    }
    const isOver = i - last > PAUSE
    if (isOver || i - starts.at(-1)! >= NEW_NORMAL) baseline.add(now)
  }
  return starts

  function peak(from: number, span: number): number {
    return Math.max(...ticks.slice(from, from + span).map(({ fivexx, failures }) => fivexx + failures))
  }

  function isBurst(from: number, span: number): boolean {
    const to = Math.min(ticks.length, from + span)
    const errors = bad[to]! - bad[from]!
    const expected = baseline.mean * (to - from)
    // Rare events have a shorter tail than the normal distribution that a larger count comes near to.
    const limit = 4 + Math.min(1, expected / 5)
    return distance(errors, expected) > limit * baseline.spread && errors >= 0.01 * (all[to]! - all[from]!)
  }
}

const SPANS = [1, 5, 10] as const

/** In standard deviations. */
const distance = (count: number, mean: number): number =>
  2 * (Math.sqrt(count + 0.375) - Math.sqrt(mean + 0.375))

/** Mean and spread of the last minute's counts; bursts are kept out of it. */
class Baseline {
  readonly #values: number[] = []
  #sum = 0
  #squares = 0

  get ready(): boolean {
    return this.#values.length >= LEAST_BASELINE
  }

  get mean(): number {
    return this.#sum / Math.max(1, this.#values.length)
  }

  /** 1 for a Poisson variable; more where errors come in clusters anyway */
  get spread(): number {
    const { mean } = this
    if (mean === 0) return 1
    const variance = this.#squares / this.#values.length - mean * mean
    return Math.max(1, Math.sqrt(variance / mean))
  }

  add(value: number): void {
    this.#values.push(value)
    this.#sum += value
    this.#squares += value * value
    if (this.#values.length <= BASELINE) return
    const old = this.#values.shift()!
    this.#sum -= old
    this.#squares -= old * old
  }
}

/**
 * Ticks at which the mean header time steps up and stays: the median of the next five ticks lies a quarter, and four of the
 * last minute's (robust) standard deviations, above the last minute's median. Compared as logarithms: twice is twice.
 */
export function slowdownStarts(ticks: readonly TickSummary[]): number[] {
  const times: number[] = []
  const indexes: number[] = []
  ticks.forEach(({ answered, headerSum }, i) => {
    if (answered === 0 || headerSum === 0) return
    times.push(Math.log(headerSum / answered))
    indexes.push(i)
  })
  return levelShifts(times).map((k) => indexes[k]!)
}

const AHEAD = 5
const LEAST_SHIFT = Math.log(1.25)

function levelShifts(series: readonly number[]): number[] {
  const values = Float64Array.from(series)
  const sums = prefixSums(series, (value) => value)
  const starts: number[] = []
  let slow: { readonly from: number; readonly usual: number; readonly limit: number } | null = null
  let normalFrom = 0
  for (let i = LEAST_BASELINE * 2; i < values.length; i++) {
    if (slow !== null) {
      const over =
        i - slow.from >= NEW_NORMAL || median(values.subarray(i, i + AHEAD)) < slow.usual + slow.limit / 2
      if (!over) continue
      normalFrom = i - slow.from >= NEW_NORMAL ? slow.from : i
      slow = null
    }
    const from = Math.max(0, normalFrom, i - BASELINE)
    if (i - from < LEAST_BASELINE * 2) continue
    // Cheap, and true of every shift: most of what follows lies well above the mean.
    const hint = (sums[i]! - sums[from]!) / (i - from) + LEAST_SHIFT / 2
    if (values[i]! < hint || aheadAbove(values, i, hint) < 3) continue
    const before = values.subarray(from, i)
    const level = median(values.subarray(i, i + AHEAD))
    if (!isMedianBelow(before, level - LEAST_SHIFT)) continue
    const usual = median(before)
    const limit = Math.max(LEAST_SHIFT, 4 * deviation(before, usual))
    if (level < usual + limit || values[i]! < (usual + level) / 2) continue
    starts.push(i)
    slow = { from: i, usual, limit }
  }
  return starts
}

function aheadAbove(values: Float64Array, from: number, limit: number): number {
  let above = 0
  for (let i = from; i < Math.min(values.length, from + AHEAD); i++) if (values[i]! >= limit) above++
  return above
}

/** Without sorting: noise seldom gets further, and a day has ten thousand places to look at twice. */
function isMedianBelow(values: Float64Array, limit: number): boolean {
  let below = 0
  for (const value of values) if (value <= limit) below++
  return below > values.length >> 1
}

/** Typed arrays sort by value, and ten times as fast. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[sorted.length >> 1] ?? 0
}

/** The standard deviation as the median distance tells it: a few outliers don't count. */
const deviation = (values: Float64Array, centre: number): number =>
  1.4826 * median(values.map((value) => Math.abs(value - centre)))

/** The nearest place on one side of where we are, null if there is none. `places` is in order. */
export function nearest(places: readonly number[], from: number, direction: 1 | -1): number | null {
  if (direction > 0) return places.find((place) => place > from) ?? null
  return places.findLast((place) => place < from) ?? null
}

export interface BackendChange {
  readonly tick: number
  readonly backend: string
  readonly change: 'appears' | 'vanishes'
}

/** Busy in nearly all of these ticks on one side, silent in all of them on the other. */
const SIDE = 10
const STEADY = 0.8
const LEAST_SIDE = 5

/**
 * The changes at one tick: backends that answer steadily before it and are silent from it on, and the reverse. A backend with a
 * request now and then neither appears nor vanishes. `busyAt` gives the keys of the backends with requests in a tick.
 */
export function changesAt(
  tick: number,
  count: number,
  busyAt: (tick: number) => ReadonlySet<string>,
): BackendChange[] {
  const [first, end] = [Math.max(0, tick - SIDE), Math.min(count, tick + SIDE)]
  if (tick - first < LEAST_SIDE || end - tick < LEAST_SIDE) return []
  const [before, now] = [busyAt(tick - 1), busyAt(tick)]
  const busyTicks = (backend: string, from: number, to: number): number => {
    let busy = 0
    for (let i = from; i < to; i++) if (busyAt(i).has(backend)) busy++
    return busy
  }
  const steady = (backend: string, from: number, to: number): boolean =>
    busyTicks(backend, from, to) >= STEADY * (to - from)
  const silent = (backend: string, from: number, to: number): boolean => busyTicks(backend, from, to) === 0
  const changes: BackendChange[] = []
  for (const backend of before) {
    if (!now.has(backend) && silent(backend, tick, end) && steady(backend, first, tick))
      changes.push({ tick, backend, change: 'vanishes' })
  }
  for (const backend of now) {
    if (!before.has(backend) && silent(backend, first, tick) && steady(backend, tick, end))
      changes.push({ tick, backend, change: 'appears' })
  }
  return changes
}

function prefixSums<T>(values: readonly T[], of: (value: T) => number): Float64Array {
  const sums = new Float64Array(values.length + 1)
  values.forEach((value, i) => {
    sums[i + 1] = sums[i]! + of(value)
  })
  return sums
}
