/**
 * A Parquet data set, streamed tick by tick. Files have temporary names until all of them are complete, so that an interrupted
 * export adds nothing, and readers see nothing of it.
 */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { matches, selectWires, type Selectable, type Selection } from '../../frame/expression/selection.ts'
import type { SecondFrame } from '../../frame/model/frame.ts'
import type { Recording } from '../../frame/model/recording.ts'
import type { WallMicros } from '../../frame/model/units.ts'
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
import { PARQUET, type ParquetCell } from './parquet-file.ts'
import {
  COLUMNS,
  connectionRow,
  gapRow,
  markerRow,
  requestRow,
  TABLES,
  tickRow,
  trafficRow,
  wireRow,
  type TableName,
} from './parquet-tables.ts'
import { dayOf, hourOf, hoursOf, withinDay } from './slices.ts'
import type { TableFile, TableFormat } from './table-file.ts'

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
      const whole = extentOf(recording, options.range)
      const place = await placeOf(target, whole, recording.ticks)
      const isWhole = place.extent.from === whole.from
      const range = isWhole ? options.range : { ...options.range, from: place.extent.from }
      if (place.extent.from >= place.extent.to) continue
      await set.begin(place, recording)
      const first = recording.ticks[0]?.seq ?? 0
      let unread = 0
      for (const hour of hoursOf(range)) {
        for (const gap of gapsWithin(recording.gaps, hour)) await set.add('gaps', gap.from, gapRow(gap))
      }
      for (const marker of recording.markers) {
        if (marker.at >= range.from && marker.at < range.to) {
          await set.add('markers', marker.at, markerRow(marker))
        }
      }
      for (const run of ticksWithin(recording.ticks, range)) {
        for (let seq = run.from; seq < run.to; seq++) {
          const frame = recording.frame(seq)
          if (frame !== null) await addFrame(set, frame, options.selection)
          else unread++
          ticks++
          if (!yielder.isDue) continue
          options.onProgress({ ticks, ofTicks, rows: set.rowCount })
          await yielder.yield()
        }
      }
      if (unread > 0 && hasForgotten(recording, first)) {
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

/** Damage is another reason for a tick that can't be read, and is said by the report. */
function hasForgotten(recording: Recording, first: number): boolean {
  recording.refresh()
  return (recording.ticks[0]?.seq ?? Infinity) > first
}

async function addFrame(set: DatasetWriter, frame: SecondFrame, { rows, codes }: Selection): Promise<void> {
  const { start } = frame
  const kept = (row: Selectable): boolean => rows === null || matches(rows, row)
  const wires = selectWires(frame.wires, rows)
  await set.add('ticks', start, tickRow({ ...frame, wires }))
  for (const row of frame.traffic) {
    if (rows !== null && !kept({ ...row, outcome: null })) continue
    const wait = set.add('traffic', start, trafficRow(frame, row))
    if (wait !== null) await wait
  }
  for (const row of frame.connections) {
    if (rows !== null && !kept({ ...row, route: null, outcome: null })) continue
    const wait = set.add('connections', start, connectionRow(frame, row))
    if (wait !== null) await wait
  }
  for (const row of wires ?? []) {
    const wait = set.add('wires', start, wireRow(frame, row))
    if (wait !== null) await wait
  }
  for (const event of frame.requests) {
    if (!kept(event) || (codes !== null && !matches(codes, event))) continue
    const wait = set.add('requests', start, requestRow(frame, event))
    if (wait !== null) await wait
  }
}

interface OpenFile {
  readonly file: TableFile
  readonly temporary: string
  readonly path: string
  readonly table: TableName
}

class DatasetWriter {
  rowCount = 0
  readonly #target: Target
  #source: { readonly extent: Extent; readonly recording: Recording } | null = null
  /** one per table. Time goes forward, so a file is complete when the next day or recording begins */
  readonly #open = new Map<TableName, { hour: number; readonly opened: OpenFile }>()
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

  /** Await the returned promise before the next row; most rows return null. */
  add(table: TableName, at: WallMicros, row: readonly ParquetCell[]): Promise<void> | null {
    this.rowCount++
    const hour = hourOf(at)
    const current = this.#open.get(table)
    return current?.hour === hour ? current.opened.file.append(row) : this.#addToNext(table, at, row)
  }

  /** Slices begin at full hours, so that files of hours that are joined are what one export of the day writes. */
  async #addToNext(table: TableName, at: WallMicros, row: readonly ParquetCell[]): Promise<void> {
    const current = this.#open.get(table)
    if (current !== undefined && dayOf(at) === Math.floor(current.hour / 24)) {
      current.hour = hourOf(at)
      await current.opened.file.endSlice()
      await current.opened.file.append(row)
    } else await this.#addToNextFile(table, at, row)
  }

  async #addToNextFile(table: TableName, at: WallMicros, row: readonly ParquetCell[]): Promise<void> {
    await this.#closeCurrent(table)
    const opened = await this.#create(table, dayOf(at))
    this.#open.set(table, { hour: hourOf(at), opened })
    await opened.file.append(row)
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
      this.#open.set('ticks', { hour: day * 24, opened: await this.#create('ticks', day) })
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
