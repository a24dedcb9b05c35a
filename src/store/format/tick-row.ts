/** Writes and reads rows of the tick table: the cells of TICK_COLUMNS in their order. */
import type { GapReason, SecondFrame } from '../../frame/model/frame.ts'
import type { TickSummary } from '../../frame/model/recording.ts'
import type { TickHead } from '../../frame/model/tick-columns.ts'
import { micros, monotonicNanos, wallMicros, type Micros } from '../../frame/model/units.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { integer, type Database, type SqlRow, type SqlValue } from '../sqlite/database.ts'
import { writeHost, readHost } from './cells.generated.ts'
import { columnsIn, type Fold } from './columns.ts'
import { checkCount, checkSeq, checkSpan, checkTick } from './limits.ts'
import { known } from './rows.ts'
import { TICK_COLUMNS } from './schema.ts'
import { GAP_REASONS } from './series.ts'

const MONO = TICK_COLUMNS.indexOf('mono')
const HOST = MONO + 2
const COST = TICK_COLUMNS.indexOf('cpu')
const WIRES = TICK_COLUMNS.indexOf('wires')
const CHECKSUM = TICK_COLUMNS.indexOf('checksum')

/** The cells of a tick's row. The last one is the checksum over the whole tick. */
export function tickCells(
  frame: SecondFrame,
  tick: TickSummary,
  commit: Micros,
  checksum: (cells: SqlRow) => number,
): SqlValue[] {
  const cells: SqlValue[] = [
    tick.seq,
    tick.start,
    tick.length,
    tick.requests,
    tick.answered,
    tick.fivexx,
    tick.failures,
    tick.headerSum,
    tick.gapBefore,
    frame.mono,
    frame.final ? 1 : 0,
  ]
  writeHost(cells, HOST, frame)
  cells[COST] = frame.cost.cpu
  cells[COST + 1] = frame.cost.rssBytes
  cells[COST + 2] = commit
  cells[WIRES] = frame.wires?.length ?? null
  cells[CHECKSUM] = checksum(cells)
  return cells
}

/**
 * Reads the ticks of one file: the cells of TICK_COLUMNS, then those of its other columns. The monotonic clock exceeds 2^53 ns after 104
 * days of uptime, so it is read as seconds and nanoseconds and joined here.
 */
export class TickRows {
  /** for SELECT; pass the rows to `cellsOf` */
  readonly select: string
  readonly #fold: Fold

  constructor(database: Database) {
    const { select, fold } = columnsIn(database, 'tick')
    this.#fold = fold
    this.select = [
      ...select.map((column) => (column === 'mono' ? 'mono / 1000000000' : column)),
      'mono % 1000000000',
    ].join(',')
  }

  /** The cells as they were written. @param row of `select` */
  cellsOf(row: SqlRow): SqlValue[] {
    const cells = row.slice(0, -1)
    cells[MONO] = BigInt(integer(row[MONO])) * 1_000_000_000n + BigInt(integer(row.at(-1)))
    return cells
  }

  /** Without the sequence number: a tick keeps its checksum in a cut. @param hash of the rows of the tick; @param cells of `cellsOf` */
  checksum(hash: number, cells: SqlRow): number {
    return this.#fold(hash, cells, 0)
  }

  matchesChecksum(cells: SqlRow, hash: number): boolean {
    return this.checksum(hash, cells) === cells[CHECKSUM]
  }
}

/** The number of wire rows that the tick has; null: unknown. @param cells of TickRows.cellsOf */
export const wiresOfTick = (cells: SqlRow): number | null => known(cells[WIRES])

/** @param cells of TickRows.cellsOf */
export function tickHead(cells: SqlRow): TickHead {
  const mono = cells[MONO]
  if (typeof mono !== 'bigint') throw new CorruptRow('a tick lacks its monotonic time')
  const { seq, start, length } = tickSummary(cells)
  return {
    seq,
    start,
    mono: monotonicNanos(mono),
    length,
    ...readHost(cells, HOST),
    cost: {
      cpu: micros(integer(cells[COST])),
      rssBytes: integer(cells[COST + 1]),
      commit: micros(integer(cells[COST + 2])),
    },
    gapBefore: gapReason(cells[8]),
    final: cells[MONO + 1] === 1,
  }
}

/** @param cells seq and TICK_SUMMARY_COLUMNS */
export function tickSummary(cells: SqlRow): TickSummary {
  const [start, length] = [integer(cells[1]), integer(cells[2])]
  checkTick(start, length)
  return {
    seq: checkSeq(integer(cells[0])),
    start: wallMicros(start),
    length: micros(length),
    requests: checkCount(integer(cells[3])),
    answered: checkCount(integer(cells[4])),
    fivexx: checkCount(integer(cells[5])),
    failures: checkCount(integer(cells[6])),
    headerSum: checkSpan(integer(cells[7])),
    gapBefore: gapReason(cells[8]),
  }
}

const gapReason = (cell: SqlValue | undefined): GapReason | null =>
  GAP_REASONS.find((reason) => reason === cell) ?? null
