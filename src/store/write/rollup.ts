/** The sum of the ticks of a wall minute, kept in memory and written with the first tick of the next minute. */
import { coveredBy } from '../../frame/model/aggregate.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../../frame/model/counters.generated.ts'
import type { SecondFrame } from '../../frame/model/frame.ts'
import type { TickSummary } from '../../frame/model/recording.ts'
import { MINUTE } from '../../frame/model/units.ts'
import { addFields } from '../../frame/sum/merge.ts'
import { ConnectionSum } from '../../frame/sum/sums.generated.ts'
import { WireSums } from '../../frame/sum/wire-sums.ts'
import { writeHost } from '../format/cells.generated.ts'
import { foldWritten, type Fold } from '../format/columns.ts'
import type { HostCounts } from '../format/rows.ts'
import { MINUTE_COLUMNS } from '../format/schema.ts'
import { packSeries } from '../format/series.ts'
import type { DimensionWriter } from '../names/dimensions.ts'
import type { Named } from '../names/known-names.ts'
import type { Database, SqlValue } from '../sqlite/database.ts'
import { RouteSums } from './route-sums.ts'
import { SpanWriter, type NamedTraffic } from './span-writer.ts'

/** Limits the ticks of a minute if the clock is set back again and again. */
const MAX_TICKS = 120

const NO_HOST: HostCounts = { loss: NO_LOSS, excluded: NO_EXCLUDED, control: NO_CONTROL }

export class RollupWriter {
  readonly #routes = new RouteSums()
  #connections = new Map<Named, ConnectionSum>()
  #wires = new WireSums()
  #host = NO_HOST
  #ticks: TickSummary[] = []
  readonly #rows: SpanWriter
  readonly #fold: Fold
  readonly #insert: (cells: readonly SqlValue[]) => void

  constructor(
    database: Database,
    readonly names: DimensionWriter,
  ) {
    this.#rows = new SpanWriter(database, 'minute_', names)
    this.#fold = foldWritten(database, 'minute')
    const statement = database.prepare(
      `INSERT INTO minute (${MINUTE_COLUMNS.join(',')}) VALUES (${MINUTE_COLUMNS.map(() => '?').join(',')})`,
    )
    this.#insert = (cells) => statement.run(cells)
  }

  /** Whether the tick begins another minute: call `write` first. */
  isDueBefore(frame: SecondFrame): boolean {
    const first = this.#ticks[0]
    return first !== undefined && (minuteOf(first) !== minuteOf(frame) || this.#ticks.length >= MAX_TICKS)
  }

  /**
   * Call within the transaction of a tick, before its first row. Nothing is written if the minute's first tick is gone already: nobody
   * would remove the rollup. @param oldest the first tick that the file still has; null: no tick is ever evicted
   */
  write(oldest: number | null): void {
    const first = this.#ticks[0]
    if (first === undefined) return
    if (oldest === null || first.seq >= oldest) this.#write(first)
    this.#routes.clear()
    this.#clear()
  }

  #write(first: TickSummary): void {
    const wires = this.#wires.value
    const hash = this.#rows.write(first.seq, {
      traffic: this.#routes.rows(),
      connections: [...this.#connections].map(([backend, sum]) => ({
        backend,
        counts: sum.value(this.#ticks.length),
      })),
      wires: (wires ?? []).map(this.#rows.namedWire),
    })
    const length = this.#ticks.reduce((sum, tick) => sum + tick.length, 0)
    const covered = this.#ticks.reduce((sum, tick) => sum + coveredBy(tick.length), 0)
    const cells: SqlValue[] = [first.seq, this.#ticks.length, length, covered]
    writeHost(cells, cells.length, this.#host)
    cells.push(packSeries(this.#ticks), wires?.length ?? null)
    this.#insert([...cells, this.#fold(hash, cells, 0)])
  }

  /** Then `add` every row of the tick, and call `endTick`. */
  beginTick({ connections, wires, loss, excluded, control }: SecondFrame): void {
    this.#routes.beginTick()
    this.#host = {
      loss: addFields(this.#host.loss, loss),
      excluded: addFields(this.#host.excluded, excluded),
      control: addFields(this.#host.control, control),
    }
    const span = this.#ticks.length + 1
    for (const row of connections) this.#connection(this.names.backend(row.backend)).add(row, span)
    this.#wires.add(wires)
  }

  add = (row: NamedTraffic): void => this.#routes.add(row)

  endTick(tick: TickSummary): void {
    this.#ticks.push(tick)
  }

  /** The transaction failed: this minute gets no rollup, and readers sum its ticks one by one. */
  discard(): void {
    this.#rows.discard()
    this.#routes.discard()
    this.#clear()
  }

  #connection(backend: Named): ConnectionSum {
    let sum = this.#connections.get(backend)
    if (sum === undefined) this.#connections.set(backend, (sum = new ConnectionSum()))
    return sum
  }

  #clear(): void {
    this.#connections = new Map()
    this.#wires = new WireSums()
    this.#host = NO_HOST
    this.#ticks = []
  }
}

const minuteOf = ({ start }: { readonly start: number }): number => Math.floor(start / MINUTE)
