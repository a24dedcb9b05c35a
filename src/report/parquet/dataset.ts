/**
 * A Parquet data set, streamed some ticks at a time. Files have temporary names until all of them are complete, so that an interrupted
 * export adds nothing, and readers see nothing of it.
 */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Selection } from '../../frame/expression/selection.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { ticksWithin, type TimeSpan } from '../../frame/time/time.ts'
import { systemError } from '../../errors.ts'
import { Yielder } from '../../interruption.ts'
import { asSystemError } from '../../output.ts'
import { removeStale, temporaryOf } from '../../temporary.ts'
import { ticksIn } from '../data/source.ts'
import { gapsWithin } from '../data/summary.ts'
import {
  extentOf,
  pathOf,
  placeOf,
  unfinishedFilesOf,
  type Extent,
  type Place,
  type Target,
} from './dataset-files.ts'
import { metadataOf, type FileMetadata } from './file-metadata.ts'
import { NDJSON } from './ndjson-file.ts'
import { PARQUET } from './parquet-file.ts'
import { COLUMNS, gapRows, markerRows, TABLES, TICK_TABLES, type TableName } from './parquet-tables.ts'
import { hourOf, hoursOf, ticksByHour, withinDay } from './slices.ts'
import type { TableRows } from './table-columns.ts'
import type { TableFile, TableFormat } from './table-file.ts'
import { batchesOf } from './tick-batches.ts'

export interface ExportProgress {
  readonly ticks: number
  readonly ofTicks: number
  readonly rows: number
}

export interface ExportOptions {
  readonly directory: string
  /** Parquet if absent */
  readonly format?: TableFormat
  readonly range: TimeSpan
  readonly selection: Selection
  readonly signal: AbortSignal
  readonly onProgress: (progress: ExportProgress) => void
}

export interface ExportResult {
  readonly files: readonly string[]
  readonly rows: Readonly<Record<TableName, number>>
}

export const TABLE_FORMATS = { Parquet: PARQUET, NDJSON } as const

/** A recorder with `--keep` may forget the oldest ticks before they are read: then the export is made again, without them. */
const ATTEMPTS = 5

/** @throws the signal's reason when aborted */
export async function exportDataset(
  recordings: readonly Recording[],
  options: ExportOptions,
): Promise<ExportResult> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const result = await exportOnce(recordings, options)
    if (result !== null) return result
  }
  throw systemError(
    `the oldest ticks are forgotten faster than they are read; "${options.directory}" is as before`,
    'Begin later: --from, or keep more: --keep.',
  )
}

/** @returns null if ticks of the range were forgotten meanwhile; nothing is written then */
async function exportOnce(
  recordings: readonly Recording[],
  options: ExportOptions,
): Promise<ExportResult | null> {
  const yielder = new Yielder(options.signal)
  const ofTicks = ticksIn(recordings, options.range)
  const target = { directory: options.directory, format: options.format ?? PARQUET }
  const set = new DatasetWriter(target)
  let ticks = 0
  try {
    options.signal.throwIfAborted()
    for (const host of new Set(recordings.map(({ info }) => info.host)))
      await removeStale(await unfinishedFilesOf(target, host))
    for (const recording of recordings) {
      const before = recording.ticks
      const whole = extentOf(recording, options.range)
      const place = await placeOf(target, whole, recording.ticks)
      const isWhole = place.extent.from === whole.from
      const range = isWhole ? options.range : { ...options.range, from: place.extent.from }
      if (place.extent.from >= place.extent.to) continue
      await set.begin(place, recording)
      await addHappenings(set, recording, range)
      let read = 0
      for (const { hour, runs } of ticksByHour(recording.ticks, range)) {
        for (const batch of batchesOf(recording, runs, options.selection)) {
          for (const table of TICK_TABLES) await set.add(table, hour, batch.tables[table])
          ticks += batch.ticks
          read += batch.ticks - batch.unread
          if (!yielder.isDue) continue
          options.onProgress({ ticks, ofTicks, rows: set.rowCount })
          await yielder.yield()
        }
      }
      if (read < countWithin(before, range) && hasForgotten(recording, before, range)) {
        await set.abandon()
        return null
      }
    }
    return await set.finish()
  } catch (error) {
    await set.abandon()
    throw asSystemError(options.directory, error)
  }
}

async function addHappenings(set: DatasetWriter, recording: Recording, range: TimeSpan): Promise<void> {
  for (const hour of hoursOf(range)) {
    for (const gap of gapsWithin(recording.gaps, hour))
      await set.add('gaps', hourOf(gap.from), gapRows([gap]))
  }
  for (const marker of recording.markers) {
    if (marker.at >= range.from && marker.at < range.to)
      await set.add('markers', hourOf(marker.at), markerRows([marker]))
  }
}

const countWithin = (ticks: readonly TickSummary[], range: TimeSpan): number =>
  ticksWithin(ticks, range).reduce((sum, { from, to }) => sum + to - from, 0)

/** Damage is another reason for a tick that can't be read, and is said by the report. */
function hasForgotten(recording: Recording, before: readonly TickSummary[], range: TimeSpan): boolean {
  recording.refresh()
  const [first] = ticksWithin(before, range)
  return first !== undefined && (recording.ticks[0]?.seq ?? Infinity) > first.from
}

interface OpenFile {
  readonly file: TableFile
  readonly temporary: string
  readonly path: string
  readonly table: TableName
}

interface Current {
  readonly day: number
  readonly hour: number
  readonly opened: OpenFile
}

class DatasetWriter {
  rowCount = 0
  readonly #target: Target
  #source: { readonly extent: Extent; readonly recording: Recording } | null = null
  /** one per table. Time goes forward, so a file is complete when the next day or recording begins */
  readonly #open = new Map<TableName, Current>()
  readonly #done: OpenFile[] = []
  /** of the recording, by day: what its files tell, and whether there are ticks among them */
  readonly #days = new Map<number, { readonly metadata: FileMetadata; hasTicks: boolean }>()
  readonly #superseded: string[] = []

  constructor(target: Target) {
    this.#target = target
  }

  /** The rows that follow are of another recording. */
  async begin({ extent, superseded }: Place, recording: Recording): Promise<void> {
    await this.#endSource()
    this.#superseded.push(...superseded)
    this.#source = { extent, recording }
  }

  /** @param hour as of hourOf. A slice of the rows begins with each: hours that are written apart, and joined, are the same bytes */
  async add(table: TableName, hour: number, rows: TableRows): Promise<void> {
    if (rows.count === 0) return
    const day = Math.floor(hour / 24)
    let current = this.#open.get(table)
    if (current?.day !== day) {
      await this.#closeCurrent(table)
      current = { day, hour, opened: await this.#create(table, day) }
    }
    if (current.hour !== hour) await current.opened.file.endSlice()
    this.#open.set(table, { ...current, hour })
    await current.opened.file.append(rows)
    this.rowCount += rows.count
  }

  async #create(table: TableName, day: number): Promise<OpenFile> {
    if (this.#source === null) throw new Error('rows before begin()')
    const { extent, recording } = this.#source
    let path = pathOf(this.#target, table, extent, day, 1)
    for (let part = 2; this.#done.some((file) => file.path === path); part++)
      path = pathOf(this.#target, table, extent, day, part)
    await mkdir(dirname(path), { recursive: true })
    const temporary = temporaryOf(path)
    const about = this.#days.get(day) ?? {
      metadata: metadataOf(recording, extent.id, withinDay(extent, day)),
      hasTicks: false,
    }
    about.hasTicks ||= table === 'ticks'
    this.#days.set(day, about)
    const content = { host: extent.host, columns: COLUMNS[table], metadata: about.metadata }
    return { table, path, temporary, file: await this.#target.format.create(temporary, content) }
  }

  /** Where a day has a gap or a marker and no tick, a file without rows says that nothing was recorded. */
  async #endSource(): Promise<void> {
    for (const table of TABLES) await this.#closeCurrent(table)
    for (const [day, { hasTicks }] of this.#days) {
      if (hasTicks) continue
      this.#open.set('ticks', { day, hour: day * 24, opened: await this.#create('ticks', day) })
      await this.#closeCurrent('ticks')
    }
    this.#days.clear()
  }

  async #closeCurrent(table: TableName): Promise<void> {
    const current = this.#open.get(table)
    if (current === undefined) return
    this.#open.delete(table)
    this.#done.push(current.opened)
    await current.opened.file.close()
  }

  async finish(): Promise<ExportResult> {
    await this.#endSource()
    const written = new Set(this.#done.map(({ path }) => path))
    const old = new Set(this.#superseded.filter((path) => !written.has(path)))
    for (const file of this.#done) await replace(file, old)
    for (const path of old) await rm(path, { force: true })
    const rows = Object.fromEntries(TABLES.map((table) => [table, 0])) as Record<TableName, number>
    for (const { table, file } of this.#done) rows[table] += file.rows
    return { files: this.#done.map(({ path }) => path), rows }
  }

  async abandon(): Promise<void> {
    const open = [...this.#open.values()].map(({ opened }) => opened)
    for (const { file } of open) await file.abandon().catch(() => undefined)
    for (const { temporary } of [...open, ...this.#done]) await rm(temporary, { force: true })
  }
}

/** The old file takes the new name first, so that a reader finds the old rows or the new ones of a table and day, and never both. */
async function replace({ temporary, path }: OpenFile, old: Set<string>): Promise<void> {
  const before = existsSync(path) ? undefined : [...old].find((one) => dirname(one) === dirname(path))
  if (before !== undefined) {
    await rename(before, path)
    old.delete(before)
  }
  await rename(temporary, path)
}
