/**
 * Runs of unusual steps in a series. Pure, deterministic, and scaled to the noise of the series.
 * A count is a Poisson variable: 2·sqrt(x) has the standard deviation 1 for any mean (Anscombe 1948).
 */

/** Steps [from, to) */
export interface Run {
  readonly from: number
  readonly to: number
}

export const median = (values: readonly number[]): number => {
  if (values.length === 0) return 0
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Standard deviation, estimated from the median distance to 0, which outliers do not change; at least 1. */
export const noiseOf = (scores: readonly number[]): number =>
  Math.max(1, 1.4826 * median(scores.map(Math.abs)))

/** Joins unusual steps across holes of at most `bridge` steps. A step without a tick (null) belongs to the hole. */
export function runsOf(unusual: readonly (boolean | null)[], bridge: number): Run[] {
  const runs: { from: number; to: number }[] = []
  unusual.forEach((yes, i) => {
    if (yes !== true) return
    const last = runs.at(-1)
    if (last !== undefined && i - last.to <= bridge) last.to = i + 1
    else runs.push({ from: i, to: i + 1 })
  })
  return runs
}

/** The difference between a count and the expected count, in standard deviations. */
export const deviation = (count: number, expected: number): number =>
  2 * (Math.sqrt(count + 0.375) - Math.sqrt(expected + 0.375))

export const sum = (values: readonly number[], { from, to }: Run): number => {
  let total = 0
  for (let i = from; i < to; i++) total += values[i]!
  return total
}

/** Median of the known values in a window around each step. It follows the daily curve, not an incident. */
export function rollingMedian(values: readonly (number | null)[], reach: number): number[] {
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i - reach), i + reach + 1)
    return median(window.filter((value) => value !== null))
  })
}
