/**
 * Finds the events of a recording to which a key jumps. Pure functions over the tick summaries. Each result is a sorted list of the tick
 * indexes at which an event begins.
 */
import type { TickSummary } from '../model/recording.ts'

/** Ticks before the current one that give the baseline. */
const BASELINE = 60
const MIN_BASELINE = 5
/** Ticks without errors within one burst, at most. */
const MAX_PAUSE = 10
/** Ticks after which a changed level becomes the baseline. */
const REBASE_AFTER = 300

/**
 * Ticks at which 5xx and failures rise above the baseline. A count of errors is a Poisson variable, whose square root has a constant
 * standard deviation (Anscombe). A burst is 4 to 5 of these deviations above the last minute's mean, in one tick or over the next five or
 * ten, and at least 1 % of the requests.
 */
export function burstStarts(
  ticks: readonly Pick<TickSummary, 'fivexx' | 'failures' | 'requests' | 'answered'>[],
): number[] {
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
    // A long span may begin with a few errors of the baseline: the burst begins after them.
    const isInBurst = span !== undefined && now > peak(i, span) / 3
    if (isInBurst) {
      if (i - last > MAX_PAUSE) starts.push(i)
      last = i
    }
    const isOver = i - last > MAX_PAUSE
    if (isOver || i - starts.at(-1)! >= REBASE_AFTER) baseline.add(now)
  }
  return starts

  function peak(from: number, span: number): number {
    return Math.max(...ticks.slice(from, from + span).map(({ fivexx, failures }) => fivexx + failures))
  }

  function isBurst(from: number, span: number): boolean {
    const to = Math.min(ticks.length, from + span)
    const errors = bad[to]! - bad[from]!
    const expected = baseline.mean * (to - from)
    // Small counts have a shorter tail than the normal distribution, which larger counts approach.
    const limit = 4 + Math.min(1, expected / 5)
    return distance(errors, expected) > limit * baseline.spread && errors >= 0.01 * (all[to]! - all[from]!)
  }
}

const SPANS = [1, 5, 10] as const

/** In standard deviations. */
const distance = (count: number, mean: number): number =>
  2 * (Math.sqrt(count + 0.375) - Math.sqrt(mean + 0.375))

/** Mean and spread of the last minute's counts, without bursts. */
class Baseline {
  readonly #values: number[] = []
  #sum = 0
  #squares = 0

  get ready(): boolean {
    return this.#values.length >= MIN_BASELINE
  }

  get mean(): number {
    return this.#sum / Math.max(1, this.#values.length)
  }

  /** 1 for a Poisson variable; more if errors come in clusters */
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
 * Ticks at which the mean header time steps up and stays: the median of the next five ticks is at least a quarter, and at least four of the
 * last minute's (robust) standard deviations, above the last minute's median. Logarithms are compared, so only ratios matter.
 */
export function slowdownStarts(ticks: readonly Pick<TickSummary, 'answered' | 'headerSum'>[]): number[] {
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
const MIN_SHIFT = Math.log(1.25)

function levelShifts(series: readonly number[]): number[] {
  const values = Float64Array.from(series)
  const sums = prefixSums(series, (value) => value)
  const starts: number[] = []
  let slow: { readonly from: number; readonly usual: number; readonly limit: number } | null = null
  let baselineFrom = 0
  for (let i = MIN_BASELINE * 2; i < values.length; i++) {
    if (slow !== null) {
      const over =
        i - slow.from >= REBASE_AFTER || median(values.subarray(i, i + AHEAD)) < slow.usual + slow.limit / 2
      if (!over) continue
      baselineFrom = i - slow.from >= REBASE_AFTER ? slow.from : i
      slow = null
    }
    const from = Math.max(0, baselineFrom, i - BASELINE)
    if (i - from < MIN_BASELINE * 2) continue
    // A cheap necessary condition: after a shift, most of the next values are well above the mean.
    const hint = (sums[i]! - sums[from]!) / (i - from) + MIN_SHIFT / 2
    if (values[i]! < hint || aheadAbove(values, i, hint) < 3) continue
    const before = values.subarray(from, i)
    const level = median(values.subarray(i, i + AHEAD))
    if (!isMedianBelow(before, level - MIN_SHIFT)) continue
    const usual = median(before)
    const limit = Math.max(MIN_SHIFT, 4 * deviation(before, usual))
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

/** Without sorting: a day has ten thousand candidates, and this rejects nearly all that are noise. */
function isMedianBelow(values: Float64Array, limit: number): boolean {
  let below = 0
  for (const value of values) if (value <= limit) below++
  return below > values.length >> 1
}

/** A typed array sorts by value, ten times as fast as an array. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[sorted.length >> 1] ?? 0
}

/** The standard deviation, estimated by the median absolute deviation: a few outliers do not matter. */
const deviation = (values: Float64Array, centre: number): number =>
  1.4826 * median(values.map((value) => Math.abs(value - centre)))

/** The nearest of the sorted `places` before or after `from`, null if there is none. */
export function nearest(places: readonly number[], from: number, direction: 1 | -1): number | null {
  if (direction > 0) return places.find((place) => place > from) ?? null
  return places.findLast((place) => place < from) ?? null
}

export interface BackendChange {
  readonly tick: number
  readonly backend: string
  readonly change: 'appears' | 'vanishes'
}

/** Ticks before and after a change that are compared: busy in nearly all of them on one side, in none on the other. */
const SIDE = 10
const STEADY = 0.8
const MIN_SIDE = 5

/**
 * The changes at one tick: backends that have requests steadily before it and none from it on, and the reverse. A backend with occasional
 * requests neither appears nor vanishes. @param busyAt gives the keys of the backends with requests in a tick
 */
export function changesAt(
  tick: number,
  count: number,
  busyAt: (tick: number) => ReadonlySet<string>,
): BackendChange[] {
  const [first, end] = [Math.max(0, tick - SIDE), Math.min(count, tick + SIDE)]
  if (tick - first < MIN_SIDE || end - tick < MIN_SIDE) return []
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
