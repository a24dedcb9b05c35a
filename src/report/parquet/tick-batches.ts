/** The ticks of a range, some at a time, as tables: by column where the recording can do that, and frame by frame where it cannot. */
import { matches, selectWires, type Selection } from '../../frame/expression/selection.ts'
import type { SecondFrame } from '../../frame/model/frame.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import type { PairColumn, RowColumns, TickColumns } from '../../frame/model/tick-columns.ts'
import { columnsOfFrames } from './frame-columns.ts'
import { tablesOf, type TickTables } from './parquet-tables.ts'

export interface Batch {
  readonly ticks: number
  /** of these ticks, those that could not be read */
  readonly unread: number
  readonly tables: TickTables
}

export function* batchesOf(
  recording: Recording,
  runs: readonly SeqRange[],
  selection: Selection,
): Generator<Batch> {
  for (const { from, to } of runs) {
    for (let next = from; next < to;) {
      const { ticks, columns } = ticksFrom(recording, { from: next, to })
      const tables = tablesOf(columns, selected(columns, selection))
      yield { ticks, unread: ticks - columns.heads.length, tables }
      next += ticks
    }
  }
}

export const countOf = (tables: TickTables): number =>
  Object.values(tables).reduce((sum, { count }) => sum + count, 0)

interface ReadTicks {
  readonly ticks: number
  readonly columns: TickColumns
}

function ticksFrom(recording: Recording, range: SeqRange): ReadTicks {
  const columns = recording.columns?.(range) ?? null
  return columns === null ? framesFrom(recording, range) : { ticks: columns.heads.length, columns }
}

/** Frames take more memory than columns. */
const MOST_FRAMES = 60
const MOST_ROWS = 1000

function framesFrom(recording: Recording, { from, to }: SeqRange): ReadTicks {
  const frames: SecondFrame[] = []
  let rows = 0
  let seq = from
  for (; seq < Math.min(to, from + MOST_FRAMES) && rows < MOST_ROWS; seq++) {
    const frame = recording.frame(seq)
    if (frame === null) continue
    frames.push(frame)
    rows += frame.traffic.length
  }
  return { ticks: seq - from, columns: columnsOfFrames(frames) }
}

function selected(ticks: TickColumns, { rows, codes }: Selection): TickColumns {
  if (rows === null && codes === null) return ticks
  const { traffic, connections } = ticks
  const isKept = (row: Parameters<typeof matches>[1]): boolean => rows === null || matches(rows, row)
  const keptTraffic = indexes(traffic.backend.length, (i) =>
    isKept({ backend: traffic.backend[i]!, route: traffic.route[i]!, outcome: null }),
  )
  const keptConnections = indexes(connections.backend.length, (i) =>
    isKept({ backend: connections.backend[i]!, route: null, outcome: null }),
  )
  return {
    heads: ticks.heads,
    traffic: { ...rowsAt(traffic, keptTraffic), route: valuesAt(traffic.route, keptTraffic) },
    connections: rowsAt(connections, keptConnections),
    wires: ticks.wires.map((wires) => selectWires(wires, rows)),
    requests: ticks.requests.map((events) =>
      events.filter((event) => isKept(event) && (codes === null || matches(codes, event))),
    ),
  }
}

function indexes(count: number, isKept: (i: number) => boolean): number[] {
  const kept: number[] = []
  for (let i = 0; i < count; i++) if (isKept(i)) kept.push(i)
  return kept
}

const valuesAt = <T>(values: readonly T[], kept: readonly number[]): T[] => kept.map((i) => values[i]!)

function rowsAt({ perTick, backend, numbers, pairs }: RowColumns, kept: readonly number[]): RowColumns {
  const each = <T, U>(of: Readonly<Record<string, T>>, make: (value: T) => U): Record<string, U> =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, make(value)]))
  let end = 0
  let next = 0
  return {
    perTick: perTick.map((rows) => {
      end += rows
      const first = next
      while (next < kept.length && kept[next]! < end) next++
      return next - first
    }),
    backend: valuesAt(backend, kept),
    numbers: each(numbers, (values) => valuesAt(values, kept)),
    pairs: each(pairs, (column) => pairsAt(column, kept)),
  }
}

function pairsAt({ lengths, keys, counts }: PairColumn, kept: readonly number[]): PairColumn {
  const starts: number[] = []
  let at = 0
  for (const length of lengths) {
    starts.push(at)
    at += Math.max(0, length)
  }
  const ofKept = (values: readonly number[]): number[] =>
    kept.flatMap((row) => values.slice(starts[row], starts[row]! + Math.max(0, lengths[row]!)))
  return { lengths: valuesAt(lengths, kept), keys: ofKept(keys), counts: ofKept(counts) }
}
