/** Finds bursts in a series of shares: the bad events and all events of each step. */
import { runsOf, noiseOf, sum, deviation, type Run } from './runs.ts'

/** A burst needs at least so many bad events. */
const MIN_ERRORS = 8
/** A step at the end of a burst has at least 1/8 of the burst's share: the burst may fill only an eighth of that step. */
const EDGE_DIVISOR = 8

export interface Threshold {
  /** least score, in standard deviations */
  readonly score: number
  /** least rise of the share; the share must also double */
  readonly rise: number
}

export interface Burst {
  readonly run: Run
  /** share in all steps outside bursts */
  readonly usual: number
  /** share within the run */
  readonly share: number
}

/** First finds bursts relative to the better half of the steps. Then tests them against all steps outside bursts. */
export function burstsIn(
  counts: readonly number[],
  wholes: readonly number[],
  { score: leastScore, rise }: Threshold,
): Burst[] {
  const better = betterShare(counts, wholes)
  const scores = counts.map((count, i) => deviation(count, wholes[i]! * better))
  const noise = noiseOf(scores.filter((_, i) => wholes[i]! > 0))
  const unusual = counts.map((count, i) => {
    const whole = wholes[i]!
    return whole === 0 ? null : scores[i]! / noise > 1.5 && count / whole > 2 * better
  })
  const isBurst =
    (usual: number) =>
    (run: Run): boolean => {
      const [bad, all] = [sum(counts, run), sum(wholes, run)]
      const rises = bad / all >= Math.max(usual + rise, 2 * usual)
      return bad >= MIN_ERRORS && rises && deviation(bad, all * usual) / noise >= leastScore
    }
  const runs = runsOf(unusual, 2)
    .map((run) => trimmed(run, counts, wholes))
    .filter(isBurst(better))
  const usual = shareOutside(counts, wholes, runs)
  return runs
    .filter(isBurst(usual))
    .map((run) => ({ run, usual, share: sum(counts, run) / sum(wholes, run) }))
}

/** Removes steps with a low share from both ends: they may be in the run by chance. */
function trimmed(run: Run, counts: readonly number[], wholes: readonly number[]): Run {
  let { from, to } = run
  const isLow = (i: number): boolean => {
    const [bad, all] = [sum(counts, { from, to }), sum(wholes, { from, to })]
    return counts[i]! * all * EDGE_DIVISOR < bad * wholes[i]! || wholes[i] === 0
  }
  while (to - from > 1 && isLow(to - 1)) to--
  while (to - from > 1 && isLow(from)) from++
  return { from, to }
}

function shareOutside(counts: readonly number[], wholes: readonly number[], runs: readonly Run[]): number {
  const outside = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0) -
    runs.reduce((total, run) => total + sum(values, run), 0)
  const whole = outside(wholes)
  return whole === 0 ? 0 : outside(counts) / whole
}

/** The share in the better half of the steps: an incident may fill nearly half of a recording. */
function betterShare(counts: readonly number[], wholes: readonly number[]): number {
  const steps = counts
    .map((count, i) => ({ count, whole: wholes[i]! }))
    .filter(({ whole }) => whole > 0)
    .sort((a, b) => a.count / a.whole - b.count / b.whole)
  const better = steps.slice(0, Math.ceil(steps.length / 2))
  const whole = better.reduce((total, step) => total + step.whole, 0)
  return whole === 0 ? 0 : better.reduce((total, step) => total + step.count, 0) / whole
}
