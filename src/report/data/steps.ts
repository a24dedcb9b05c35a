/** A range in equal steps of the wall clock. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { micros, wallMicros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { fleetSum, type Part } from './fleet.ts'

export interface Step {
  /** number of the step, counted from the first one of the range */
  readonly index: number
  /** one for each recording that has ticks in it */
  readonly parts: readonly Part[]
}

export interface StepSum {
  readonly index: number
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
 * About a hundred steps for a range below 20 minutes. For longer ranges, and for many hosts, steps of a minute, because minutes have
 * rollups; for more than a month steps of several minutes. @param ticks of all recordings in the range
 */
export function stepLength({ from, to }: TimeSpan, ticks: number): Micros {
  const seconds = (to - from) / 1e6
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
  const first = Math.floor(range.from / step)
  const sum = fleetSum(recordings)
  for (const { index, parts } of stepsWithin(some, range, step))
    yield { index, start: wallMicros((first + index) * step), aggregate: sum(parts) }
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
    yield { index, parts }
  }
}

function stepRuns({ ticks }: Recording, range: TimeSpan, step: Micros): Map<number, SeqRange[]> {
  const first = Math.floor(range.from / step)
  const steps = new Map<number, SeqRange[]>()
  for (const { seq, start } of ticks) {
    if (start < range.from || start >= range.to) continue
    const index = Math.floor(start / step) - first
    let runs = steps.get(index)
    if (runs === undefined) steps.set(index, (runs = []))
    const last = runs.at(-1)
    if (last?.to === seq) runs[runs.length - 1] = { from: last.from, to: seq + 1 }
    else runs.push({ from: seq, to: seq + 1 })
  }
  return steps
}
