/** Rollups by their first tick. */
import type { SpanHead } from '../../frame/model/span.ts'
import { micros, wallMicros } from '../../frame/model/units.ts'
import { readHost } from '../format/cells.generated.ts'
import { columnsIn, type Fold } from '../format/columns.ts'
import { known } from '../format/rows.ts'
import { MINUTE_COLUMNS } from '../format/schema.ts'
import { formatOf, upgradeFrom } from '../format/upgrade.ts'
import type { DimensionReader } from '../names/dimensions.ts'
import { integer, isDamage, query, type Database, type Query, type SqlRow } from '../sqlite/database.ts'
import { SpanReader, type SpanRows } from './span-reader.ts'

export interface MinuteSum {
  readonly span: SpanHead
  readonly rows: SpanRows
}

const HOST = MINUTE_COLUMNS.indexOf('covered') + 1
const WIRES = MINUTE_COLUMNS.indexOf('wires')
const CHECKSUM = MINUTE_COLUMNS.indexOf('checksum')

export class MinuteReader {
  readonly #rows: SpanReader
  readonly #fold: Fold
  readonly #minute: Query
  readonly #bounds: Query
  readonly #upgrade: ReturnType<typeof upgradeFrom>

  constructor(database: Database, names: DimensionReader) {
    this.#rows = new SpanReader(database, 'minute_', names)
    this.#upgrade = upgradeFrom(formatOf(database))
    const { select, fold } = columnsIn(database, 'minute')
    this.#fold = fold
    this.#minute = query(database, `SELECT ${select.join(',')} FROM minute WHERE first = ?`)
    this.#bounds = query(
      database,
      'SELECT (SELECT start FROM tick WHERE seq = ?), (SELECT start + length FROM tick WHERE seq = ?)',
    )
  }

  /** null if it cannot be read or does not match its checksum */
  read(first: number): MinuteSum | null {
    try {
      const cells = this.#minute.get(first)
      if (cells === undefined) return null
      const rows = this.#rows.read(first, known(cells[WIRES]))
      if (this.#fold(rows.hash, cells, 0) !== cells[CHECKSUM]) return null
      return { span: this.#span(cells), rows: this.#upgrade(rows) }
    } catch (error) {
      if (isDamage(error)) return null
      throw error
    }
  }

  #span(cells: SqlRow): SpanHead {
    const [first, ticks] = [integer(cells[0]), integer(cells[1])]
    const bounds = this.#bounds.get(first, first + ticks - 1)
    return {
      from: wallMicros(integer(bounds?.[0])),
      to: wallMicros(integer(bounds?.[1])),
      ticks,
      length: micros(integer(cells[2])),
      covered: micros(integer(cells[3])),
      ...readHost(cells, HOST),
    }
  }
}
