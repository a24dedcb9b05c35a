/** Frames by number. A tick that cannot be read, or does not match its checksum, is null: no wrong number is ever shown. */
import type { RequestEvent, SecondFrame } from '../../frame/model/frame.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { fold } from '../format/checksum.ts'
import { unpackRequests, type Names } from '../format/chunk.ts'
import { tickHead, TickRows, wiresOfTick } from '../format/tick-row.ts'
import { formatOf, upgradeFrom } from '../format/upgrade.ts'
import type { DimensionReader } from '../names/dimensions.ts'
import {
  bytes,
  integer,
  nullIfDamaged,
  query,
  type Database,
  type Query,
  type SqlRow,
} from '../sqlite/database.ts'
import { SpanReader } from './span-reader.ts'

/** Frames by number, from SQLite or recovered from pages. */
export interface Frames {
  /** null if the rows of the tick cannot be read or do not match its checksum */
  read(seq: number): SecondFrame | null
  /** whether `read` would return a frame, in half the time */
  isWhole(seq: number): boolean
  requests(seq: number): readonly RequestEvent[]
}

/** Frames of the file; those that it lacks are recovered from its pages. */
export class LayeredFrames implements Frames {
  constructor(
    readonly stored: Frames,
    readonly recovered: Frames,
  ) {}

  read(seq: number): SecondFrame | null {
    return this.stored.read(seq) ?? this.recovered.read(seq)
  }

  isWhole(seq: number): boolean {
    return this.stored.isWhole(seq) || this.recovered.isWhole(seq)
  }

  requests(seq: number): readonly RequestEvent[] {
    return (this.stored.isWhole(seq) ? this.stored : this.recovered).requests(seq)
  }
}

/** Reads the rows of whole ticks. */
interface Reading {
  readonly rows: SpanReader
  readonly ticks: TickRows
  readonly tick: Query
  readonly upgrade: ReturnType<typeof upgradeFrom>
}

export class FrameReader implements Frames {
  readonly #names: Names
  readonly #chunk: Query
  readonly #start: Query
  readonly #prepare: () => Reading
  #reading: Reading | null = null

  constructor(database: Database, names: DimensionReader) {
    this.#names = { backend: (id) => names.backend(id).value, route: (id) => names.route(id).value }
    this.#chunk = query(database, 'SELECT packed, n FROM request_chunk WHERE tick = ?')
    this.#start = query(database, 'SELECT start FROM tick WHERE seq = ?')
    this.#prepare = () => {
      const ticks = new TickRows(database)
      return {
        rows: new SpanReader(database, '', names),
        ticks,
        tick: query(database, `SELECT ${ticks.select} FROM tick WHERE seq = ?`),
        upgrade: upgradeFrom(formatOf(database)),
      }
    }
  }

  /** Prepared for the first tick that is read: a report reads whole minutes of most files, and no tick. */
  get #whole(): Reading {
    return (this.#reading ??= this.#prepare())
  }

  read(seq: number): SecondFrame | null {
    return nullIfDamaged(() => {
      const { tick, ticks } = this.#whole
      const row = tick.get(seq)
      return row === undefined ? null : this.#frame(seq, ticks.cellsOf(row))
    })
  }

  requests(seq: number): readonly RequestEvent[] {
    const events = nullIfDamaged(() => {
      const row = this.#chunk.get(seq)
      const start = this.#start.get(seq)?.[0]
      return row === undefined || typeof start !== 'number' ? [] : this.#unpack(row, start)
    })
    return events ?? []
  }

  isWhole(seq: number): boolean {
    const whole = nullIfDamaged(() => {
      const { tick, ticks, rows } = this.#whole
      const row = tick.get(seq)
      if (row === undefined) return false
      const chunk = this.#chunk.get(seq)
      const cells = ticks.cellsOf(row)
      const hash = rows.hash(seq, wiresOfTick(cells))
      return ticks.matchesChecksum(cells, chunk === undefined ? hash : fold(hash, bytes(chunk[0])))
    })
    return whole ?? false
  }

  #frame(seq: number, cells: SqlRow): SecondFrame | null {
    const { rows, ticks, upgrade } = this.#whole
    const { traffic, connections, wires, hash } = rows.read(seq, wiresOfTick(cells))
    const chunk = this.#chunk.get(seq)
    if (!ticks.matchesChecksum(cells, chunk === undefined ? hash : fold(hash, bytes(chunk[0])))) return null
    const head = tickHead(cells)
    return upgrade({
      ...head,
      traffic,
      connections,
      wires,
      requests: chunk === undefined ? [] : this.#unpack(chunk, head.start),
    })
  }

  #unpack(chunk: SqlRow, start: number): readonly RequestEvent[] {
    return unpackRequests(bytes(chunk[0]), integer(chunk[1]), wallMicros(start), this.#names)
  }
}
