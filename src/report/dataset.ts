/**
 * A Parquet data set: DIR/TABLE/host=H/date=YYYY-MM-DD/TABLE-START.parquet, UTC. Streamed a tick at a time; each file is
 * written beside its place and renamed when all are whole, so that an interrupted export adds nothing.
 */
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { gapsWithin, summarise, ticksIn } from './summary.ts'
import { BY_REQUESTS } from './order.ts'
import { ParquetFile, type ParquetCell } from './parquet-file.ts'
import {
  COLUMNS,
  connectionRow,
  gapRow,
  markerRow,
  requestRow,
  TABLES,
  tickRow,
  trafficRow,
  type TableName,
} from './parquet-tables.ts'
import type { SecondFrame } from '../frame/frame.ts'
import type { Recording } from '../frame/recording.ts'
import { matches, type Selectable, type Selection } from '../frame/selection.ts'
import { ticksWithin, type TimeSpan } from '../frame/time.ts'
import { isoUtc } from '../frame/timezone.ts'
import type { WallMicros } from '../frame/units.ts'
import { asSystemError } from './output.ts'
import { coverageEntry, recordingEntry } from './json.ts'

export interface ExportProgress {
  readonly ticks: number
  readonly ofTicks: number
  readonly rows: number
}

export interface ExportOptions {
  readonly directory: string
  readonly range: TimeSpan
  readonly selection: Selection
  readonly signal: AbortSignal
  readonly onProgress: (progress: ExportProgress) => void
}

export interface ExportResult {
  readonly files: readonly string[]
  readonly rows: Readonly<Record<TableName, number>>
}

/** Version of tables and columns, in the footer of every file. */
const SCHEMA = '1'

/** Ticks between looks at signals and the clock. */
const BREATH = 64

/** @throws the signal's reason when aborted */
export async function exportDataset(
  recordings: readonly Recording[],
  options: ExportOptions,
): Promise<ExportResult> {
  const ofTicks = ticksIn(recordings, options.range)
  const set = new DatasetWriter(options.directory)
  let ticks = 0
  try {
    options.signal.throwIfAborted()
    for (const recording of recordings) {
      set.metadata = metadataOf(recording, options)
      for (const gap of gapsWithin(recording.gaps, options.range))
        await set.add('gaps', recording, gap.from, gapRow(gap))
      for (const marker of recording.markers) {
        if (marker.at >= options.range.from && marker.at < options.range.to) {
          await set.add('markers', recording, marker.at, markerRow(marker))
        }
      }
      for (const run of ticksWithin(recording.ticks, options.range)) {
        for (let seq = run.from; seq < run.to; seq++) {
          const frame = recording.frame(seq)
          if (frame !== null) await addFrame(set, recording, frame, options.selection)
          if (++ticks % BREATH !== 0) continue
          options.onProgress({ ticks, ofTicks, rows: set.rowCount })
          await setImmediate()
          options.signal.throwIfAborted()
        }
      }
    }
    return await set.finish()
  } catch (error) {
    await set.abandon()
    throw asSystemError(options.directory, error)
  }
}

async function addFrame(
  set: DatasetWriter,
  recording: Recording,
  frame: SecondFrame,
  { rows, codes }: Selection,
): Promise<void> {
  const { start } = frame
  const kept = (row: Selectable): boolean => rows === null || matches(rows, row)
  await set.add('ticks', recording, start, tickRow(frame))
  for (const row of frame.traffic) {
    if (rows !== null && !kept({ ...row, outcome: null })) continue
    const wait = set.add('traffic', recording, start, trafficRow(frame, row))
    if (wait !== null) await wait
  }
  for (const row of frame.connections) {
    if (rows !== null && !kept({ ...row, route: null, outcome: null })) continue
    const wait = set.add('connections', recording, start, connectionRow(frame, row))
    if (wait !== null) await wait
  }
  for (const event of frame.requests) {
    if (!kept(event) || (codes !== null && !matches(codes, event))) continue
    const wait = set.add('requests', recording, start, requestRow(frame, event))
    if (wait !== null) await wait
  }
}

/** What a reader needs to trust the numbers, and to know where they are from. */
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
  readonly file: ParquetFile
  readonly temporary: string
  readonly path: string
  readonly table: TableName
}

class DatasetWriter {
  metadata: Record<string, string> = {}
  rowCount = 0
  readonly #directory: string
  /** one a table: time goes forward, so that a file is done when the next day or host begins */
  readonly #open = new Map<
    TableName,
    { readonly recording: Recording; readonly day: number; readonly opened: OpenFile }
  >()
  readonly #done: OpenFile[] = []

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Await what is returned before the next row. */
  add(
    table: TableName,
    recording: Recording,
    at: WallMicros,
    row: readonly ParquetCell[],
  ): Promise<void> | null {
    this.rowCount++
    const day = Math.floor(at / 86_400_000_000)
    const current = this.#open.get(table)
    return current?.recording === recording && current.day === day
      ? current.opened.file.append(row)
      : this.#addToNext(table, recording, at, day, row)
  }

  async #addToNext(
    table: TableName,
    recording: Recording,
    at: WallMicros,
    day: number,
    row: readonly ParquetCell[],
  ): Promise<void> {
    await this.#closeCurrent(table)
    const path = this.#pathOf(table, recording, at)
    await mkdir(dirname(path), { recursive: true })
    const temporary = `${path}.${process.pid}.tmp`
    const opened = {
      table,
      path,
      temporary,
      file: await ParquetFile.create(temporary, COLUMNS[table], this.metadata),
    }
    this.#open.set(table, { recording, day, opened })
    await opened.file.append(row)
  }

  #pathOf(table: TableName, { info }: Recording, at: WallMicros): string {
    const time = isoUtc(at)
    const day = `date=${time.slice(0, 10)}`
    const name = `${table}-${time.replace(/[-:]/g, '').replace(/\.\d+/, '')}-${digest(info.host, info.start)}.parquet`
    return join(this.#directory, table, `host=${partitionValue(info.host)}`, day, name)
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
    for (const { temporary, path } of this.#done) await rename(temporary, path)
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

/** Hive's own escapes, which every engine undoes. */
const partitionValue = (text: string): string =>
  Array.from(Buffer.from(text), (byte) =>
    /[\w.-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')

/** Tells recordings of a host apart; the same recording exported again takes its own place. FNV-1a, 32 bit. */
function digest(host: string, start: WallMicros): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(`${host} ${start}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
