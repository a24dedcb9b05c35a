/** A range in equal steps of the wall clock. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { micros, wallMicros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { fleetSum, type Part } from './fleet.ts'

export interface Step {
  readonly start: WallMicros
  /** one for each recording that has ticks in it */
  readonly parts: readonly Part[]
}

export interface StepSum {
  readonly start: WallMicros
  readonly aggregate: Aggregate
}

/** Seconds. Steps below a minute have no rollups: every tick is read. */
const LENGTHS = [1, 2, 5, 10]
const MAX_STEPS = 120.5
/** A minute of many hosts costs as much as many minutes of one: 2,400 ticks cost as much as 1,500 rollups. */
const MAX_TICKS = 2400
/** Fewer steps are no series. */
const MIN_MINUTES = 3
/** A month of minutes. The series holds all steps in memory at once, also those without a tick. */
const MAX_MINUTES = 45_000

/**
 * About a hundred steps for less than 20 minutes. For more, and for many hosts, steps of a minute, because minutes have rollups; for more
 * than a month steps of several minutes. @param ticks of all recordings in the range
 */
export function stepLength(length: Micros, ticks: number): Micros {
  const seconds = length / 1e6
  const minutes = Math.ceil(seconds / 60 / MAX_MINUTES)
  const isDear = ticks > MAX_TICKS && seconds >= MIN_MINUTES * 60
  const short = isDear ? undefined : LENGTHS.find((length) => seconds / length <= MAX_STEPS)
  return micros((short ?? 60 * minutes) * 1e6)
}

/** In order, without steps that have no tick. Only one sum is in memory at a time. @param some recordings that are summed */
export function* stepSums(
  recordings: readonly Recording[],
  range: TimeSpan,
  step: Micros,
  some: readonly Recording[] = recordings,
): Iterable<StepSum> {
  const sum = fleetSum(recordings)
  for (const { start, parts } of stepsWithin(some, range, step)) yield { start, aggregate: sum(parts) }
}

/** In order, without steps that have no tick. */
export function* stepsWithin(
  recordings: readonly Recording[],
  range: TimeSpan,
  step: Micros,
): Iterable<Step> {
  const runs = recordings.map((recording) => ({ recording, steps: stepRuns(recording, range, step) }))
  const indexes = [...new Set(runs.flatMap(({ steps }) => [...steps.keys()]))].sort((a, b) => a - b)
  for (const index of indexes) {
    const parts = runs.flatMap(({ recording, steps }) => {
      const found = steps.get(index)
      return found === undefined ? [] : [{ recording, runs: found }]
    })
    yield { start: wallMicros(index * step), parts }
  }
}

/** By the number of the step, counted from 1970. */
function stepRuns({ ticks }: Recording, range: TimeSpan, step: Micros): Map<number, SeqRange[]> {
  const steps = new Map<number, SeqRange[]>()
  for (const { seq, start } of ticks) {
    if (start < range.from || start >= range.to) continue
    const index = Math.floor(start / step)
    let runs = steps.get(index)
    if (runs === undefined) steps.set(index, (runs = []))
    const last = runs.at(-1)
    if (last?.to === seq) runs[runs.length - 1] = { from: last.from, to: seq + 1 }
    else runs.push({ from: seq, to: seq + 1 })
  }
  return steps
}
