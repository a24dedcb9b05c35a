/** Finds the second at which a change begins and ends: the best fit of two levels to the seconds around the ends of the run. */
import type { BackendSum } from '../../frame/model/aggregate.ts'
import { addMicros, SECOND, wallMicros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import type { StepSeries } from '../data/step-series.ts'
import type { Candidate } from './finding.ts'

export interface Second {
  readonly at: WallMicros
  readonly line: BackendSum | null
}

/** Steps inside the run that are searched, and one outside. Noise can make a run too long, but hardly too short. */
const INWARD_STEPS = 3

type SecondsOf = (span: TimeSpan) => Iterable<Second>

/**
 * An end of the run that touches an end of what was recorded stays there.
 * @param recorded what the hosts that have the candidate's backend recorded of the range: nothing is said of other times
 */
export function edgesOf(
  candidate: Candidate,
  series: StepSeries,
  recorded: TimeSpan,
  secondsOf: SecondsOf,
): TimeSpan {
  const { run } = candidate
  const time = (index: number): WallMicros => timeOfStep(series, recorded, index)
  const gainsIn = (from: number, to: number): Gain[] =>
    series.grid.step <= SECOND ? [] : gainsOf(candidate, secondsOf({ from: time(from), to: time(to) }))
  const edges =
    run.to - run.from <= 2 * INWARD_STEPS
      ? bestSpan(gainsIn(run.from - 1, run.to + 1))
      : {
          from: bestSpan(gainsIn(run.from - 1, run.from + INWARD_STEPS))?.from,
          to: bestSpan(gainsIn(run.to - INWARD_STEPS, run.to + 1))?.to,
        }
  return {
    from: time(run.from) === recorded.from ? recorded.from : within(recorded, edges?.from ?? time(run.from)),
    to: time(run.to) === recorded.to ? recorded.to : within(recorded, edges?.to ?? time(run.to)),
  }
}

/** How much better the changed level fits a second than the usual level: the difference of the weighted squares. */
interface Gain {
  readonly at: WallMicros
  readonly gain: number
}

function gainsOf(candidate: Candidate, seconds: Iterable<Second>): Gain[] {
  const gains: Gain[] = []
  for (const { at, line } of seconds) {
    const gain = gainOf(candidate, line)
    if (gain !== null) gains.push({ at, gain })
  }
  return gains
}

/** null without data */
export function gainOf(
  { value, weight, levels: { usual, changed } }: Candidate,
  line: BackendSum | null,
): number | null {
  const level = value(line)
  return level === null ? null : weight(line) * ((level - usual) ** 2 - (level - changed) ** 2)
}

/** The start of a step, within what was recorded. */
export const timeOfStep = ({ grid }: StepSeries, recorded: TimeSpan, index: number): WallMicros =>
  within(recorded, grid.timeOf(index))

const within = ({ from, to }: TimeSpan, at: WallMicros): WallMicros =>
  wallMicros(Math.min(to, Math.max(from, at)))

/** The consecutive seconds with the greatest total gain (Kadane's algorithm): the least sum of squares. The first of equals. */
function bestSpan(gains: readonly Gain[]): TimeSpan | null {
  let best: (TimeSpan & { readonly gain: number }) | null = null
  let [sum, from] = [0, 0]
  gains.forEach(({ at, gain }, i) => {
    if (sum <= 0) [sum, from] = [0, i]
    sum += gain
    if (sum > (best?.gain ?? 0) + 1e-9) best = { from: gains[from]!.at, to: addMicros(at, SECOND), gain: sum }
  })
  return best
}
