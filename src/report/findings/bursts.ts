/** Bursts in a series of shares: bad ones of all, step by step. */
import { runsOf, spread, sum, surprise, type Run } from './runs.ts'

/** Fewer tell nothing. */
const LEAST_ERRORS = 8
/** A step at the end of a burst has at least so much of its share: an edge that it fills by an eighth is one. */
const LITTLE = 8

export interface Least {
  /** standard deviations */
  readonly least: number
  /** by how much the share rises; it also doubles */
  readonly rise: number
}

export interface Burst {
  readonly run: Run
  /** share in all steps but those of bursts */
  readonly usual: number
  /** in the run */
  readonly share: number
}

/** Looks for bursts above the better half of the time, then holds them against all the time that is left. */
export function burstsIn(
  counts: readonly number[],
  wholes: readonly number[],
  { least, rise }: Least,
): Burst[] {
  const better = betterShare(counts, wholes)
  const scores = counts.map((count, i) => surprise(count, wholes[i]! * better))
  const noise = spread(scores.filter((_, i) => wholes[i]! > 0))
  const unusual = counts.map((count, i) => {
    const whole = wholes[i]!
    return whole === 0 ? null : scores[i]! / noise > 1.5 && count / whole > 2 * better
  })
  const isBurst =
    (usual: number) =>
    (run: Run): boolean => {
      const [bad, all] = [sum(counts, run), sum(wholes, run)]
      const rises = bad / all >= Math.max(usual + rise, 2 * usual)
      return bad >= LEAST_ERRORS && rises && surprise(bad, all * usual) / noise >= least
    }
  const runs = runsOf(unusual, 2)
    .map((run) => trimmed(run, counts, wholes))
    .filter(isBurst(better))
  const usual = shareOutside(counts, wholes, runs)
  return runs
    .filter(isBurst(usual))
    .map((run) => ({ run, usual, share: sum(counts, run) / sum(wholes, run) }))
}

/** Without what chance has added at its ends: steps that have little of it. */
function trimmed(run: Run, counts: readonly number[], wholes: readonly number[]): Run {
  let { from, to } = run
  const little = (i: number): boolean => {
    const [bad, all] = [sum(counts, { from, to }), sum(wholes, { from, to })]
    return counts[i]! * all * LITTLE < bad * wholes[i]! || wholes[i] === 0
  }
  while (to - from > 1 && little(to - 1)) to--
  while (to - from > 1 && little(from)) from++
  return { from, to }
}

function shareOutside(counts: readonly number[], wholes: readonly number[], runs: readonly Run[]): number {
  const outside = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0) -
    runs.reduce((total, run) => total + sum(values, run), 0)
  const whole = outside(wholes)
  return whole === 0 ? 0 : outside(counts) / whole
}

/** Of the better half of the time: an incident may fill nearly as much of a recording. */
function betterShare(counts: readonly number[], wholes: readonly number[]): number {
  const steps = counts
    .map((count, i) => ({ count, whole: wholes[i]! }))
    .filter(({ whole }) => whole > 0)
    .sort((a, b) => a.count / a.whole - b.count / b.whole)
  const better = steps.slice(0, Math.ceil(steps.length / 2))
  const whole = better.reduce((total, step) => total + step.whole, 0)
  return whole === 0 ? 0 : better.reduce((total, step) => total + step.count, 0) / whole
}
