/** The sum of the ticks of a wall minute, kept while they come and written with the first tick of the next one. */
import type { SecondFrame, TrafficRow } from '../frame/frame.ts'
import type { TickSummary } from '../frame/recording.ts'
import { MINUTE } from '../frame/units.ts'
import { Accumulator } from './accumulator.ts'
import { fold } from './checksum.ts'
import type { Database, SqlValue } from './database.ts'
import type { DimensionWriter } from './dimensions.ts'
import { putHost } from './rows.ts'
import { HOST_COLUMNS } from './schema.ts'
import { packSeries } from './series.ts'
import { SpanWriter } from './span-writer.ts'

/** A clock that jumps to and fro must not make a minute endless. */
const MAX_TICKS = 120

/** first, ticks, length, covered, HOST_COLUMNS, series, checksum */
export const MINUTE_COLUMNS: readonly string[] = [
  'first',
  'ticks',
  'length',
  'covered',
  ...HOST_COLUMNS,
  'series',
  'checksum',
]

export class RollupWriter {
  #sum = new Accumulator()
  #ticks: TickSummary[] = []
  readonly #rows: SpanWriter
  readonly #insert: (cells: readonly SqlValue[]) => void

  constructor(database: Database, names: DimensionWriter) {
    this.#rows = new SpanWriter(database, 'minute_', names)
    const statement = database.prepare(
      `INSERT INTO minute (${MINUTE_COLUMNS.join(',')}) VALUES (${MINUTE_COLUMNS.map(() => '?').join(',')})`,
    )
    this.#insert = (cells) => statement.run(cells)
  }

  /** The tick begins another minute: what was kept is to be written first. */
  isDueBefore(frame: SecondFrame): boolean {
    const first = this.#ticks[0]
    return first !== undefined && (minuteOf(first) !== minuteOf(frame) || this.#ticks.length >= MAX_TICKS)
  }

  /** Within the transaction of a tick, before the first row of it. */
  write(): void {
    const first = this.#ticks[0]
    if (first === undefined) return
    const sum = this.#sum.result()
    const hash = this.#rows.write(
      first.seq,
      sum.backends.flatMap(({ backend, routes }) => routes.map((row) => ({ ...row, backend }))),
      sum.backends.map(({ backend, connection }) => ({ ...connection, backend })),
    )
    const cells: SqlValue[] = [first.seq, this.#ticks.length, sum.length, sum.covered]
    putHost(cells, cells.length, sum)
    cells.push(packSeries(this.#ticks))
    this.#insert([...cells, foldMinute(hash, cells)])
    this.#clear()
  }

  /** The rows of the next tick follow, then `endTick`. */
  beginTick(frame: SecondFrame): void {
    this.#sum.beginFrame(frame)
    for (const row of frame.connections) this.#sum.addConnection(row.backend, row)
  }

  add = (row: TrafficRow): void => this.#sum.addTraffic(row.backend, row.route, row)

  endTick(tick: TickSummary): void {
    this.#ticks.push(tick)
  }

  /** The transaction failed: this minute gets no rollup, its ticks are summed one by one. */
  discard(): void {
    this.#rows.discard()
    this.#clear()
  }

  #clear(): void {
    this.#sum = new Accumulator()
    this.#ticks = []
  }
}

/** Like a tick's checksum without its number. */
export function foldMinute(hash: number, cells: readonly SqlValue[]): number {
  let folded = hash
  for (let i = 1; i < MINUTE_COLUMNS.length - 1; i++) folded = fold(folded, cells[i]!)
  return folded
}

const minuteOf = ({ start }: { readonly start: number }): number => Math.floor(start / MINUTE)
