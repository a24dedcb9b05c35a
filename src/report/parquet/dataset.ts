/**
 * A Parquet data set, streamed some ticks at a time. Files have temporary names until all of them are complete, so that an interrupted
 * export adds nothing, and readers see nothing of it.
 */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Selection } from '../../frame/expression/selection.ts'
import type { Recording } from '../../frame/model/recording.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { Yielder } from '../../interruption.ts'
import { asSystemError } from '../../output.ts'
import { removeStale, temporaryOf } from '../../temporary.ts'
import { BY_REQUESTS } from '../data/order.ts'
import { ticksIn } from '../data/source.ts'
import { gapsWithin, summarise } from '../data/summary.ts'
import { coverageEntry, recordingEntry } from '../document/json.ts'
import {
  extentOf,
  pathOf,
  placeOf,
  unfinishedFilesOf,
  type Extent,
  type Place,
  type Target,
} from './dataset-files.ts'
import { dayOfHour, hourOf, hoursOf } from './hours.ts'
import { NDJSON } from './ndjson-file.ts'
import { PARQUET } from './parquet-file.ts'
import { COLUMNS, gapRows, markerRows, TABLES, type TableName } from './parquet-tables.ts'
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

/** Version of tables and columns, in the footer of every file. */
const SCHEMA = '1'

/** @throws the signal's reason when aborted */
export async function exportDataset(
  recordings: readonly Recording[],
  options: ExportOptions,
): Promise<ExportResult> {
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
      if (!isWhole && range.from >= place.extent.to) continue
      await set.begin(place, metadataOf(recording, { ...options, range }))
      await addHappenings(set, recording, range)
      for (const { hour, runs } of hoursOf(recording.ticks, range)) {
        for (const run of runs) {
          for (const batch of batchesOf(recording, run, options.selection)) {
            for (const table of TICK_TABLES) await set.add(table, hour, batch.tables[table])
            ticks += batch.ticks
            if (!yielder.isDue) continue
            options.onProgress({ ticks, ofTicks, rows: set.rowCount })
            await yielder.yield()
          }
        }
      }
    }
    return await set.finish()
  } catch (error) {
    await set.abandon()
    throw asSystemError(options.directory, error)
  }
}

const TICK_TABLES = ['traffic', 'connections', 'requests', 'ticks', 'wires'] as const

async function addHappenings(set: DatasetWriter, recording: Recording, range: TimeSpan): Promise<void> {
  for (const gap of gapsWithin(recording.gaps, range)) await set.add('gaps', hourOf(gap.from), gapRows([gap]))
  for (const marker of recording.markers) {
    if (marker.at >= range.from && marker.at < range.to)
      await set.add('markers', hourOf(marker.at), markerRows([marker]))
  }
}

/** The origin and the coverage of the rows, for the footer of each file. */
function metadataOf(recording: Recording, { range, selection }: ExportOptions): Record<string, string> {
  const summary = summarise([recording], { range, selection, order: BY_REQUESTS, top: null })
  return {
    'upstreamtop.schema': SCHEMA,
    'upstreamtop.recording': JSON.stringify(recordingEntry(recording.info)),
    'upstreamtop.range': JSON.stringify({ from: isoUtc(range.from), to: isoUtc(range.to) }),
    'upstreamtop.coverage': JSON.stringify(coverageEntry(summary)),
    'upstreamtop.histogram': 'log-linear, 16 buckets an octave, µs',
  }
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
  #source: { readonly extent: Extent; readonly metadata: Record<string, string> } | null = null
  /** one per table. Time goes forward, so a file is complete when the next day or recording begins */
  readonly #open = new Map<TableName, Current>()
  readonly #done: OpenFile[] = []
  readonly #superseded: string[] = []

  constructor(target: Target) {
    this.#target = target
  }

  /** The rows that follow are of another recording. */
  async begin({ extent, superseded }: Place, metadata: Record<string, string>): Promise<void> {
    for (const table of TABLES) await this.#closeCurrent(table)
    this.#superseded.push(...superseded)
    this.#source = { extent, metadata }
  }

  /** @param hour as of hourOf. A slice of the rows begins with each: hours that are written apart, and joined, are the same bytes */
  async add(table: TableName, hour: number, rows: TableRows): Promise<void> {
    if (rows.count === 0) return
    const day = dayOfHour(hour)
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
    const { extent, metadata } = this.#source
    let path = pathOf(this.#target, table, extent, day, 1)
    for (let part = 2; this.#done.some((file) => file.path === path); part++)
      path = pathOf(this.#target, table, extent, day, part)
    await mkdir(dirname(path), { recursive: true })
    const temporary = temporaryOf(path)
    const content = { host: extent.host, columns: COLUMNS[table], metadata }
    const file = await this.#target.format.create(temporary, content)
    return { table, path, temporary, file }
  }

  async #closeCurrent(table: TableName): Promise<void> {
    const current = this.#open.get(table)
    if (current === undefined) return
    this.#open.delete(table)
    this.#done.push(current.opened)
    await current.opened.file.close()
  }

  async finish(): Promise<ExportResult> {
    for (const table of TABLES) await this.#closeCurrent(table)
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
