/** The exact sum over a range of ticks. */
import type { Aggregate } from '../frame/aggregate.ts'
import type { SeqRange } from '../frame/recording.ts'
import { RunningSum } from '../frame/running-sum.ts'
import type { Access } from './connection.ts'
import { spansIn } from './spans.ts'
import type { Minute } from './ticks.ts'

/** @param minutes all rollups, in order */
export function aggregate(access: Access, minutes: readonly Minute[], range: SeqRange): Aggregate {
  const sum = new RunningSum()
  for (const span of spansIn(access, minutes, range)) sum.add(span)
  return sum.total
}
