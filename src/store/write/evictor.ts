/**
 * Keeps a recording within its bounds: the transaction of each tick also deletes a few of the oldest ticks, and their pages are reused.
 * The WAL keeps its size after a checkpoint, so there is room for deleting even if other programs have filled the disk.
 */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemError } from '../../errors.ts'
import { wallMicros, type Micros } from '../../frame/model/units.ts'
import { integer, type Database, type SqlValue } from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { Ages, type NewTick } from './ages.ts'

export interface Bounds {
  /** age of the oldest tick, by the time that passed: a clock that is set does not change it */
  readonly keep?: Micros | undefined
  /** bytes of file and WAL */
  readonly maxSize?: number | undefined
  /** bytes that must stay free on the disk: with less, the file does not grow */
  readonly minFree?: number | undefined
}

/** Ticks deleted per tick at most: enough to catch up after a change of the bounds, too few to delay a tick. */
const MAX_TICKS = 16
/** Pages given back per tick at most. */
const MAX_VACUUM = 256
/** Pages that stay available for the next tick and the rollup before it. */
const HEADROOM = 48
/** Room for the growth of the WAL, bytes. */
const SLACK = 1e6
/** Free pages beyond this share of the file, and beyond MIN_FREE pages, are given back. */
const MAX_FREE = 0.01
const MIN_FREE = 4

/** @throws UserError (exit 4) if there is less room than must stay free */
export function checkRoom(file: string, { minFree }: Bounds): void {
  if (minFree === undefined) return
  const free = freeBytes(file)
  if (free >= minFree + 2 * SLACK) return
  throw systemError(
    `--min-free: only ${Math.floor(free / 1e6)} MB are free beside "${file}"`,
    'Make room, record to another disk, or ask for less.',
  )
}

export class Evictor {
  readonly #pages: () => number
  readonly #free: () => number
  readonly #oldest: () => readonly SqlValue[] | undefined
  readonly #ages: Ages | null
  readonly #deletes: readonly ((tick: number) => void)[]

  constructor(
    readonly file: string,
    readonly database: Database,
    readonly bounds: Bounds,
  ) {
    const count = (sql: string): (() => number) => {
      const statement = database.prepare<[], SqlValue>(sql).pluck()
      return () => integer(statement.get())
    }
    this.#pages = count('PRAGMA page_count')
    this.#free = count('PRAGMA freelist_count')
    const oldest = database
      .prepare<[], SqlValue[]>('SELECT seq, start + length FROM tick ORDER BY seq LIMIT 1')
      .raw()
    this.#oldest = () => oldest.get()
    this.#ages = bounds.keep === undefined ? null : new Ages(database)
    this.#deletes = DELETE_TICK.map((sql) => {
      const statement = database.prepare(sql)
      return (tick) => statement.run({ 1: tick })
    })
    const first = this.oldest
    if (first !== null) for (const sql of DELETE_LEFT_BEHIND) database.prepare(sql).run({ 1: first })
  }

  /** The first tick of the file; null if no tick is ever evicted. */
  get oldest(): number | null {
    const [seq] = this.#isBounded ? (this.#oldest() ?? []) : []
    return seq === undefined ? null : integer(seq)
  }

  /** Call within the transaction of the tick, which is never removed itself. */
  evict(tick: NewTick): void {
    if (!this.#isBounded) return
    const limit = this.#limit()
    this.#ages?.add(tick, this.oldest ?? tick.seq)
    for (let i = 0; i < MAX_TICKS; i++) {
      const [first, end] = (this.#oldest() ?? [tick.seq, 0]).map(integer) as [number, number]
      if (first >= tick.seq || !(this.#isOld(first, end, tick) || this.#lacksRoom(limit))) break
      for (const remove of this.#deletes) remove(first)
    }
    this.#shrink(limit)
  }

  #isOld(seq: number, end: number, { start }: NewTick): boolean {
    const { keep } = this.bounds
    return keep !== undefined && this.#ages !== null && this.#ages.of(seq, wallMicros(end), start) > keep
  }

  get #isBounded(): boolean {
    const { keep, maxSize, minFree } = this.bounds
    return keep !== undefined || maxSize !== undefined || minFree !== undefined
  }

  /** The largest number of pages that the file may have. */
  #limit(): number {
    const { maxSize, minFree } = this.bounds
    const wal = statSync(`${this.file}-wal`, { throwIfNoEntry: false })?.size ?? 0
    const most = maxSize === undefined ? Infinity : Math.floor((maxSize - wal) / PAGE_SIZE)
    return minFree !== undefined && freeBytes(this.file) < minFree + SLACK
      ? Math.min(most, this.#pages())
      : most
  }

  #lacksRoom(limit: number): boolean {
    return this.#free() + Math.max(0, limit - this.#pages()) < HEADROOM
  }

  #shrink(limit: number): void {
    const free = this.#free()
    const pages = this.#pages()
    const surplus = Math.max(pages - limit, free - Math.max(MIN_FREE, pages * MAX_FREE))
    const given = Math.min(Math.ceil(surplus), free, MAX_VACUUM)
    if (given > 0) this.database.pragma(`incremental_vacuum(${given})`)
  }
}

const deleteRows = (table: string): string =>
  `DELETE FROM ${table} WHERE id >= ?1 << 20 AND id < (?1 + 1) << 20`

/** A rollup is deleted with its first tick: the other ticks of its minute are summed one by one. One that comes later is not written. */
const DELETE_TICK = [
  // A recording is known by its start (RecordingInfo.began), also when that is forgotten.
  "INSERT INTO meta SELECT 'began', CAST(start AS TEXT) FROM tick WHERE seq = ?1 ON CONFLICT DO NOTHING",
  deleteRows('traffic'),
  deleteRows('status'),
  deleteRows('connection'),
  deleteRows('wire_traffic'),
  deleteRows('minute_traffic'),
  deleteRows('minute_status'),
  deleteRows('minute_connection'),
  deleteRows('minute_wire_traffic'),
  'DELETE FROM request_chunk WHERE tick = ?1',
  'DELETE FROM minute WHERE first = ?1',
  'DELETE FROM tick WHERE seq = ?1',
]

/** Recorders up to 0.2 left rollups behind whose first tick was evicted within its minute. */
const DELETE_LEFT_BEHIND = [
  ...['traffic', 'status', 'connection', 'wire_traffic'].map(
    (table) => `DELETE FROM minute_${table} WHERE id < ?1 << 20`,
  ),
  'DELETE FROM minute WHERE first < ?1',
]

function freeBytes(file: string): number {
  const { bavail, bsize } = statfsSync(dirname(file))
  return bavail * bsize
}
