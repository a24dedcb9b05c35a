/** A range in equal steps of the wall clock. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { micros, wallMicros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import { fleetOf } from '../../frame/sum/fleet.ts'
import { sumOf } from '../../frame/sum/merge.ts'
import type { TimeSpan } from '../../frame/time/time.ts'

export interface Step {
  readonly start: WallMicros
  /** one for each recording that has ticks in it */
  readonly parts: readonly {
    readonly recording: Recording
    /** sequence numbers of the step's ticks */
    readonly runs: readonly SeqRange[]
  }[]
}

export interface StepSum {
  readonly start: WallMicros
  readonly aggregate: Aggregate
}

/** Seconds. Steps below a minute have no rollups: every tick is read. */
const LENGTHS = [1, 2, 5, 10]
const MAX_STEPS = 120.5
/** A month of minutes. The series holds all steps in memory at once, also those without a tick. */
const MAX_MINUTES = 45_000

/**
 * About a hundred steps for less than 20 minutes. For more, steps of a minute, because minutes have rollups; for more than a month
 * steps of several minutes.
 */
export function stepLength(length: Micros): Micros {
  const seconds = length / 1e6
  const minutes = Math.ceil(seconds / 60 / MAX_MINUTES)
  return micros((LENGTHS.find((length) => seconds / length <= MAX_STEPS) ?? 60 * minutes) * 1e6)
}

/** In order, without steps that have no tick. Only one sum is in memory at a time. */
export function* stepSums(
  recordings: readonly Recording[],
  range: TimeSpan,
  step: Micros,
): Iterable<StepSum> {
  for (const { start, parts } of stepsWithin(recordings, range, step)) {
    const hosts = parts.map(({ recording, runs }) => ({
      host: recording.info.host,
      aggregate: sumOf(runs.map((run) => recording.aggregate(run))),
    }))
    yield { start, aggregate: fleetOf(hosts) }
  }
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
