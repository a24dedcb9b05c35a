/** The tick at which something begins or ends: where two levels split the seconds around a step's border best. */
import type { BackendSum } from '../frame/aggregate.ts'
import { addMicros, SECOND, wallMicros, type WallMicros } from '../frame/units.ts'
import type { Candidate } from './finding.ts'
import type { TimeSpan } from '../frame/time.ts'
import type { StepSeries } from './step-series.ts'

export interface Second {
  readonly at: WallMicros
  readonly line: BackendSum | null
}

/** Noise may have made the run longer than what happened, hardly shorter. */
const INWARDS = 3

/** @param rising the change begins at this edge, else it ends @param secondsOf the recorded seconds of a span */
export function edgeOf(
  candidate: Candidate,
  rising: boolean,
  { start, step, range }: StepSeries,
  secondsOf: (span: TimeSpan) => Iterable<Second>,
): WallMicros {
  const { run } = candidate
  const middle = (run.from + run.to) / 2
  const steps = rising
    ? { from: run.from - 1, to: Math.min(run.from + INWARDS, Math.ceil(middle)) }
    : { from: Math.max(run.to - INWARDS, Math.floor(middle)), to: run.to + 1 }
  const time = (index: number): WallMicros =>
    wallMicros(Math.min(range.to, Math.max(range.from, start + index * step)))
  if (step <= SECOND) return time(rising ? run.from : run.to)
  const seconds = [...secondsOf({ from: time(steps.from), to: time(steps.to) })].flatMap(({ at, line }) => {
    const value = candidate.value(line)
    return value === null ? [] : [{ at, value, weight: candidate.weight(line) }]
  })
  return bestSplit(seconds, levelsOf(candidate, rising)) ?? time(rising ? run.from : run.to)
}

interface Level {
  readonly first: number
  readonly second: number
}

/** The unit of `value`: a slow-down's is the logarithm of milliseconds. */
function levelsOf({ kind, before, after }: Candidate, rising: boolean): Level {
  const unit = (value: number | null): number => (kind === 'slow_down' ? Math.log(value ?? 1) : (value ?? 0))
  return rising ? { first: unit(before), second: unit(after) } : { first: unit(after), second: unit(before) }
}

/** The cut with the least sum of squares; the first of equals. */
function bestSplit(
  seconds: readonly { readonly at: WallMicros; readonly value: number; readonly weight: number }[],
  { first, second }: Level,
): WallMicros | null {
  const last = seconds.at(-1)
  if (last === undefined) return null
  let cost = seconds.reduce((total, { value, weight }) => total + weight * (value - second) ** 2, 0)
  let best = { cost, at: seconds[0]!.at }
  for (const { at, value, weight } of seconds) {
    cost += weight * ((value - first) ** 2 - (value - second) ** 2)
    if (cost < best.cost - 1e-9) best = { cost, at: addMicros(at, SECOND) }
  }
  return best.at
}
