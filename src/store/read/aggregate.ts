/** The exact sum over a range of ticks. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { SeqRange } from '../../frame/model/recording.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import type { Access } from './connection.ts'
import { spansIn, type TickIndex } from './spans.ts'

export function aggregate(access: Access, index: TickIndex, range: SeqRange): Aggregate {
  const sum = new RunningSum()
  for (const span of spansIn(access, index, range)) sum.add(span)
  return sum.total
}
