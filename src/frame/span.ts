/** What a sum is made of: a tick, or a whole rollup, with its rows as they are. */
import { coveredBy, type Aggregate } from './aggregate.ts'
import type { ConnectionRow, SecondFrame, TrafficRow } from './frame.ts'
import { addMicros } from './units.ts'

/** What a span says of itself. Spans come in the order of time. */
export type SpanHead = Pick<
  Aggregate,
  'from' | 'to' | 'length' | 'covered' | 'ticks' | 'loss' | 'excluded' | 'control'
>

export interface Span extends SpanHead {
  readonly traffic: readonly TrafficRow[]
  readonly connections: readonly ConnectionRow[]
}

export const spanOfFrame = (frame: SecondFrame): Span => ({
  ...headOfFrame(frame),
  traffic: frame.traffic,
  connections: frame.connections,
})

export const headOfFrame = ({ start, length, loss, excluded, control }: SecondFrame): SpanHead => ({
  from: start,
  to: addMicros(start, length),
  length,
  covered: coveredBy(length),
  ticks: 1,
  loss,
  excluded,
  control,
})
