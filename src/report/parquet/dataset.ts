/**
 * A Parquet data set, streamed some ticks at a time; or hour by hour on several threads, which gives the same bytes.
 */
import { recordingError, systemError } from '../../errors.ts'
import type { Selection } from '../../frame/expression/selection.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import type { WallMicros } from '../../frame/model/units.ts'
import { ticksWithin, type TimeSpan } from '../../frame/time/time.ts'
import { Yielder } from '../../interruption.ts'
import { asSystemError } from '../../output.ts'
import { removeStale } from '../../temporary.ts'
import { ticksIn } from '../data/source.ts'
import { gapsWithin } from '../data/summary.ts'
import { extentOf, placeOf, unfinishedFilesOf, type Target } from './dataset-files.ts'
import { DatasetWriter, type Slice, type Written } from './dataset-writer.ts'
import type { HourJob, HourProgress, HourResult, TickTable } from './hour-parts.ts'
import { PARQUET } from './file/parquet-file.ts'
import { gapRows, markerRows, TICK_TABLES } from './parquet-tables.ts'
import { dayOf, hourOf, hoursOf, ticksByHour, type HourTicks } from './slices.ts'
import type { TableFormat } from './table-file.ts'
import { batchesOf, countOf } from './tick-batches.ts'

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
  /** absent: on this thread */
  readonly writeHours?: WriteHours
}

export type ExportResult = Written

/**
 * Writes hours of a recording on several threads, several at once. @returns their results in order; null if another thread can't open the
 * recording @throws the reason of the signal when it is aborted, after the threads have ended; so for an error of one of them
 */
export type WriteHours = (
  recording: Recording,
  jobs: readonly HourJob[],
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: HourProgress) => void },
) => Promise<readonly HourResult[] | null>

/**
 * A recorder with `--keep` may forget the oldest ticks before they are read, and damage may show when they are read: then the export is
 * made again, without them.
 */
const ATTEMPTS = 5

/** @throws the signal's reason when aborted */
export async function exportDataset(
  recordings: readonly Recording[],
  options: ExportOptions,
): Promise<ExportResult> {
  let unread: Unread | null = null
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const result = await exportOnce(recordings, options)
    if (!('why' in result)) return result
    unread = result
  }
  const asBefore = `"${options.directory}" is as before`
  throw unread?.why === 'damaged'
    ? recordingError(
        `more damage of "${unread.file}" shows each time it is read; ${asBefore}`,
        `Export what can be saved: upstreamtop repair ${unread.file} -o saved.db`,
      )
    : systemError(
        `the oldest ticks are forgotten faster than they are read; ${asBefore}`,
        'Begin later: --from, or keep more: --keep.',
      )
}

/** Ticks of the range that could not be read, for a reason that was not known before. */
interface Unread {
  readonly why: 'forgotten' | 'damaged'
  readonly file: string
}

/** Where ticks were forgotten meanwhile, or are known to be damaged only now, nothing is written. */
async function exportOnce(
  recordings: readonly Recording[],
  options: ExportOptions,
): Promise<ExportResult | Unread> {
  const target = { directory: options.directory, format: options.format ?? PARQUET }
  const set = new DatasetWriter(target)
  const progress = new Progress(ticksIn(recordings, options.range), options.onProgress)
  try {
    options.signal.throwIfAborted()
    for (const host of new Set(recordings.map(({ info }) => info.host)))
      await removeStale(await unfinishedFilesOf(target, host))
    for (const recording of recordings) {
      const { ticks: before, damage } = recording
      const whole = extentOf(recording, options.range)
      const place = await placeOf(target, whole, recording.ticks)
      const isWhole = place.extent.from === whole.from
      const range = isWhole ? options.range : { ...options.range, from: place.extent.from }
      if (place.extent.from >= place.extent.to) continue
      await set.begin(place, recording)
      await addHappenings(set, recording, range)
      const source = { set, recording, host: place.extent.host, target, options, progress }
      let read = 0
      for (const day of daysOf(recording, range)) read += await addDay(source, day)
      if (read >= countWithin(before, range)) continue
      const why = whyUnread(recording, before, damage, range)
      if (why === null) continue
      await set.abandon()
      return { why, file: recording.info.file }
    }
    return await set.finish()
  } catch (error) {
    await set.abandon()
    throw asSystemError(options.directory, error)
  }
}

interface Source {
  readonly set: DatasetWriter
  readonly recording: Recording
  readonly host: string
  readonly target: Target
  readonly options: ExportOptions
  readonly progress: Progress
}

interface HourSlice extends Slice, HourTicks {}

/** The hours by day: those of a day are joined before the next one begins. */
function daysOf(recording: Recording, range: TimeSpan): HourSlice[][] {
  const days: HourSlice[][] = []
  for (const [number, hour] of ticksByHour(recording.ticks, range).entries()) {
    const slice = { ...hour, day: Math.floor(hour.hour / 24), number }
    if (days.at(-1)?.[0]?.day === slice.day) days.at(-1)!.push(slice)
    else days.push([slice])
  }
  return days
}

/** @returns the number of ticks that could be read */
async function addDay(source: Source, hours: readonly HourSlice[]): Promise<number> {
  const results = hours.length > 1 ? await writtenApart(source, hours) : null
  if (results === null) return addHere(source, hours)
  let read = 0
  for (const [i, { parts, result }] of results.entries()) {
    for (const table of TICK_TABLES) {
      const rows = result.rows[table]
      if (rows !== undefined) await source.set.addPart(table, hours[i]!, { path: parts[table], rows })
    }
    read += result.read
  }
  return read
}

async function addHere(
  { set, recording, options, progress }: Source,
  hours: readonly HourSlice[],
): Promise<number> {
  const yielder = new Yielder(options.signal)
  let read = 0
  for (const hour of hours) {
    for (const batch of batchesOf(recording, hour.runs, options.selection)) {
      for (const table of TICK_TABLES) await set.add(table, hour, batch.tables[table])
      progress.add({ ticks: batch.ticks, rows: countOf(batch.tables) })
      read += batch.ticks - batch.unread
      if (!yielder.isDue) continue
      progress.report()
      await yielder.yield()
    }
  }
  return read
}

interface PartsOfHour {
  readonly parts: Readonly<Record<TickTable, string>>
  readonly result: HourResult
}

/** null: not on other threads */
async function writtenApart(
  { set, recording, host, target, options, progress }: Source,
  hours: readonly HourSlice[],
): Promise<PartsOfHour[] | null> {
  if (options.writeHours === undefined) return null
  const jobs: HourJob[] = []
  for (const hour of hours) {
    const paths = await Promise.all(
      TICK_TABLES.map(async (table) => [table, await set.partPath(table, hour)]),
    )
    jobs.push({
      host,
      extension: target.format.extension,
      runs: hour.runs,
      selection: options.selection,
      paths: Object.fromEntries(paths) as HourJob['paths'],
    })
  }
  const results = await options.writeHours(recording, jobs, {
    signal: options.signal,
    onProgress: (done) => {
      progress.add(done)
      progress.report()
    },
  })
  return results?.map((result, i) => ({ parts: jobs[i]!.paths, result })) ?? null
}

class Progress {
  #ticks = 0
  #rows = 0
  readonly #ofTicks: number
  readonly #onProgress: ExportOptions['onProgress']

  constructor(ofTicks: number, onProgress: ExportOptions['onProgress']) {
    this.#ofTicks = ofTicks
    this.#onProgress = onProgress
  }

  add({ ticks, rows }: HourProgress): void {
    this.#ticks += ticks
    this.#rows += rows
  }

  report(): void {
    this.#onProgress({ ticks: this.#ticks, ofTicks: this.#ofTicks, rows: this.#rows })
  }
}

async function addHappenings(set: DatasetWriter, recording: Recording, range: TimeSpan): Promise<void> {
  const sliceOf = (time: WallMicros): Slice => ({ day: dayOf(time), number: hourOf(time) })
  for (const hour of hoursOf(range)) {
    for (const gap of gapsWithin(recording.gaps, hour))
      await set.add('gaps', sliceOf(gap.from), gapRows([gap]))
  }
  for (const marker of recording.markers) {
    if (marker.at >= range.from && marker.at < range.to)
      await set.add('markers', sliceOf(marker.at), markerRows([marker]))
  }
}

const countWithin = (ticks: readonly TickSummary[], range: TimeSpan): number =>
  ticksWithin(ticks, range).reduce((sum, { from, to }) => sum + to - from, 0)

/** null: it was known before, and the gaps tell it */
function whyUnread(
  recording: Recording,
  before: readonly TickSummary[],
  damage: readonly string[],
  range: TimeSpan,
): Unread['why'] | null {
  if (hasForgotten(recording, before, range)) return 'forgotten'
  return findsDamage(recording, damage, range) ? 'damaged' : null
}

function hasForgotten(recording: Recording, before: readonly TickSummary[], range: TimeSpan): boolean {
  recording.refresh()
  const [first] = ticksWithin(before, range)
  return first !== undefined && (recording.ticks[0]?.seq ?? Infinity) > first.from
}

/**
 * Whether there is more damage than before. Another thread may have found it: then it is read once more here, so that the recording of this
 * thread knows it, and the next attempt writes it as a gap.
 * @param known the damage before reading
 */
function findsDamage(recording: Recording, known: readonly string[], range: TimeSpan): boolean {
  const isNew = (): boolean => recording.damage.length > known.length
  for (const { from, to } of ticksWithin(recording.ticks, range))
    for (let seq = from; seq < to && !isNew(); seq++) recording.frame(seq)
  return isNew()
}
