/** The sum of the ticks of a wall minute, kept while they come and written with the first tick of the next one. */
import type { SecondFrame } from '../frame/frame.ts'
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

  /** Within the transaction of a tick. `clear` once it is committed. */
  write(): void {
    const first = this.#ticks[0]
    if (first === undefined) return
    const sum = this.#sum.result()
    const hash = this.#rows.write(
      first.seq,
      sum.backends.flatMap(({ backend, routes }) => routes.map((row) => [backend, row.route, row] as const)),
      sum.backends.map(({ backend, connection }) => [backend, connection] as const),
    )
    const cells: SqlValue[] = [first.seq, this.#ticks.length, sum.length, sum.covered]
    putHost(cells, cells.length, sum)
    cells.push(packSeries(this.#ticks))
    this.#insert([...cells, foldMinute(hash, cells)])
  }

  /** After the commit that wrote it. */
  clear(): void {
    this.#sum = new Accumulator()
    this.#ticks = []
  }

  discard(): void {
    this.#rows.discard()
  }

  /** After the tick's commit. */
  add(frame: SecondFrame, tick: TickSummary): void {
    this.#sum.addFrame(frame)
    this.#ticks.push(tick)
  }
}

/** Like a tick's checksum without its number. */
export function foldMinute(hash: number, cells: readonly SqlValue[]): number {
  let folded = hash
  for (let i = 1; i < MINUTE_COLUMNS.length - 1; i++) folded = fold(folded, cells[i]!)
  return folded
}

const minuteOf = ({ start }: { readonly start: number }): number => Math.floor(start / MINUTE)
