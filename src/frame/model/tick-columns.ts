/**
 * The rows of several ticks by column, for work on millions of rows: no object a row. Each list has a value per row, the rows of all
 * ticks one after the other.
 */
import type { Backend, RequestEvent, Route, SecondFrame, WireRow } from './frame.ts'

/** A tick without its rows. */
export type TickHead = Omit<SecondFrame, 'traffic' | 'connections' | 'wires' | 'requests'>

export interface TickColumns {
  readonly heads: readonly TickHead[]
  readonly traffic: TrafficColumns
  readonly connections: RowColumns
  /** of each tick; null: unknown */
  readonly wires: readonly (readonly WireRow[] | null)[]
  /** of each tick */
  readonly requests: readonly (readonly RequestEvent[])[]
}

export interface RowColumns {
  /** the number of rows of each tick */
  readonly perTick: readonly number[]
  readonly backend: readonly Backend[]
  /** by the words of counters.ts, and `in_flight`, `oldest`, `status_2xx`, `header_count`, `header_sum`, …; null: unknown */
  readonly numbers: Readonly<Record<string, readonly (number | null)[]>>
  /** `codes`, `grpc`, and the histograms: `header`, … */
  readonly pairs: Readonly<Record<string, PairColumn>>
}

export interface TrafficColumns extends RowColumns {
  readonly route: readonly Route[]
}

/** A row has a list of pairs, (status code, answers) or (bucket, count). The pairs of all rows, one after the other. */
export interface PairColumn {
  /** the number of pairs of each row; -1: unknown */
  readonly lengths: readonly number[]
  readonly keys: readonly number[]
  readonly counts: readonly number[]
}
