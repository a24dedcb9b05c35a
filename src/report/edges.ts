/** The tick at which something begins or ends: where two levels split the seconds around a step's border best. */
import type { BackendSum } from '../frame/aggregate.ts'
import { addMicros, SECOND, wallMicros, type WallMicros } from '../frame/units.ts'
import type { Candidate } from './finding.ts'
import type { StepSeries } from './steps.ts'

/** @param rising the change begins here, else it ends @param border start of the step that is the first (after the last) */
export function edgeOf(
  candidate: Candidate,
  rising: boolean,
  border: WallMicros,
  { step, range }: StepSeries,
  lineOf: (from: WallMicros, to: WallMicros) => BackendSum | null,
): WallMicros {
  if (step <= SECOND) return border
  const from = Math.max(range.from, border - step)
  const to = Math.min(range.to, border + step)
  const seconds: { at: WallMicros; value: number; weight: number }[] = []
  for (let at = wallMicros(from); at < to; at = addMicros(at, SECOND)) {
    const line = lineOf(at, addMicros(at, SECOND))
    const value = candidate.value(line)
    if (value !== null) seconds.push({ at, value, weight: candidate.weight(line) })
  }
  return bestSplit(seconds, levelsOf(candidate, rising)) ?? border
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
