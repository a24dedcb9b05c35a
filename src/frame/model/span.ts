/** A part of a sum: a tick or a whole rollup, with its rows. */
import { coveredBy, type Aggregate } from './aggregate.ts'
import type { ConnectionRow, SecondFrame, TrafficRow, WireRow } from './frame.ts'
import { addMicros } from './units.ts'

/** A span without its rows. Spans come in the order of time. */
export type SpanHead = Pick<
  Aggregate,
  'from' | 'to' | 'length' | 'covered' | 'ticks' | 'loss' | 'excluded' | 'control'
>

export interface Span extends SpanHead {
  readonly traffic: readonly TrafficRow[]
  readonly connections: readonly ConnectionRow[]
  readonly wires: readonly WireRow[] | null
}

export const spanOfFrame = (frame: SecondFrame): Span => ({
  from: frame.start,
  to: addMicros(frame.start, frame.length),
  length: frame.length,
  covered: coveredBy(frame.length),
  ticks: 1,
  loss: frame.loss,
  excluded: frame.excluded,
  control: frame.control,
  traffic: frame.traffic,
  connections: frame.connections,
  wires: frame.wires,
})
