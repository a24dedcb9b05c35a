/** The recording of a file. Every call is a short read; a followed file is not kept open between reads. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Gap, Marker, RequestEvent, SecondFrame } from '../../frame/model/frame.ts'
import type {
  BackendActivity,
  Recording,
  RecordingInfo,
  RecordingPlace,
  SeqRange,
  TickSummary,
} from '../../frame/model/recording.ts'
import type { Span } from '../../frame/model/span.ts'
import type { TickColumns } from '../../frame/model/tick-columns.ts'
import { gapsOf } from '../../frame/time/gaps.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { livingHolder } from '../file/lock.ts'
import { readMeta } from '../format/meta.ts'
import { allNames, type AllNames } from '../names/names.ts'
import { nullIfDamaged } from '../sqlite/database.ts'
import { readActivity } from './activity.ts'
import { aggregate } from './aggregate.ts'
import { Connection, type Access } from './connection.ts'
import { badTicks, readContents, type Contents } from './contents.ts'
import { extentOf, readInfo, type Extent } from './info.ts'
import { readMarkers } from './markers.ts'
import { readAround, readOutline, type Outline } from './outline.ts'
import { firstFrom, spansIn, type TickIndex } from './spans.ts'
import { isEvicted, oldestTick, readSeries, type Minute, type Series } from './ticks.ts'

export interface OpenOptions {
  /** the file is being recorded: each refresh looks for new ticks, and the recorder never has to wait */
  readonly follow?: boolean
  /** open without ticks, so that a day opens at once: `focus` reads those around a time, the first refresh reads all */
  readonly outline?: boolean
  /** check every tick when the file is opened */
  readonly verify?: boolean
}

/** @param file a path, or `-` for standard input; gzipped or not. @throws UserError (exit 2 if there is no such file, exit 5 if it is not readable) */
export function openRecording(file: string, options: OpenOptions = {}): StoredRecording {
  return new StoredRecording(new Connection(file, options.follow ?? false), options)
}

/** A recording in a file. */
export class StoredRecording implements Recording {
  readonly #connection: Connection
  #series: Series
  #damage: readonly string[]
  #info: RecordingInfo
  #markers: readonly Marker[]
  #gaps: readonly Gap[] | null = null
  /** set until the whole series has been read */
  #outline: Outline | null
  /** every tick has been checked */
  #isChecked: boolean

  constructor(connection: Connection, { outline = false, verify = false }: OpenOptions) {
    const isSuspect = verify || connection.isSuspect
    this.#outline = outline && !isSuspect ? connection.use(readOutline) : null
    const { damage, ...series } =
      this.#outline === null ? readContents(connection, isSuspect) : onlyMinutes(this.#outline)
    this.#connection = connection
    this.#isChecked = isSuspect || damage.length > 0
    this.#series = series
    this.#damage = [...connection.damage, ...damage]
    this.#markers = connection.use(({ database }) => readMarkers(database))
    const extent = this.#outline === null ? extentOf(series.ticks) : outlined(this.#outline)
    this.#info = connection.use(({ database }) => readInfo(database, connection.file, extent))
  }

  /** Reads the ticks of the span and some around it, if only an outline was read. Tick numbers stay the same, indexes do not. */
  focus(span: TimeSpan): void {
    const outline = this.#outline
    if (outline === null) return
    const ticks = this.#connection.use((access) => readAround(access, outline, span))
    if (ticks === null) this.#readAll()
    else this.#series = { ticks, minutes: this.#series.minutes }
    this.#gaps = null
  }

  get info(): RecordingInfo {
    return this.#info
  }
  get ticks(): readonly TickSummary[] {
    return this.#series.ticks
  }
  get markers(): readonly Marker[] {
    return this.#markers
  }
  get damage(): readonly string[] {
    const later = this.#connection.damage.filter((words) => !this.#damage.includes(words))
    return later.length === 0 ? this.#damage : [...this.#damage, ...later]
  }
  get place(): RecordingPlace | null {
    const { file, isInPlace } = this.#connection
    return isInPlace && this.damage.length === 0 ? { file, offset: 0 } : null
  }
  /** facts about the file that are no damage, in words */
  get notes(): readonly string[] {
    return this.#connection.notes
  }
  get gaps(): readonly Gap[] {
    return (this.#gaps ??= gapsOf(this.#series.ticks))
  }

  frame(seq: number): SecondFrame | null {
    const frame = this.#connection.use(({ frames }) => frames.read(seq))
    if (frame !== null || this.#isChecked || !this.#hasMissing({ from: seq, to: seq + 1 }, 0)) return frame
    this.#readChecked()
    return this.#connection.use(({ frames }) => frames.read(seq))
  }

  columns(range: SeqRange): TickColumns | null {
    return this.#connection.use(({ columns }) => columns.read(range))
  }

  aggregate(range: SeqRange): Aggregate {
    const sum = (): Aggregate => this.#connection.use((access) => aggregate(access, this.#index, range))
    return this.#whole(range, sum, ({ ticks }) => ticks)
  }

  spans(range: SeqRange): readonly Span[] {
    const read = (): Span[] => this.#connection.use((access) => [...spansIn(access, this.#index, range)])
    return this.#whole(range, read, (spans) => spans.reduce((sum, { ticks }) => sum + ticks, 0))
  }

  activity(range: SeqRange): readonly BackendActivity[] {
    return this.#connection.use((access) => readActivity(access, range))
  }

  *requests({ from, to }: SeqRange): Iterable<RequestEvent> {
    for (const seq of this.#index.seqs(from, to)) {
      yield* this.#connection.use(({ frames }) => frames.requests(seq))
    }
  }

  get #index(): TickIndex {
    const { ticks, minutes } = this.#series
    // The numbers of an outline have no holes, and there are no more of them than the file has room for.
    const seqs = this.#outline === null ? seqsOf(ticks) : consecutive(this.#outline.last.seq)
    return { minutes, seqs }
  }

  refresh(): boolean {
    if (this.#outline !== null) return this.#readAll()
    this.#dropEvicted()
    const more = nullIfDamaged(() => this.#readMore())
    // On the first damage the whole file is read and checked, once. After that, no new tick is found behind the damage.
    return more ?? (this.#isChecked ? false : this.#readAll(true))
  }

  /** @throws if the pages are damaged */
  #readMore(): boolean {
    return this.#connection.use(({ database }) => {
      const markers = readMarkers(database)
      const more = readSeries(database, this.#series) || markers.length > this.#markers.length
      if (more) {
        this.#markers = markers
        this.#gaps = null
      }
      this.#info = readInfo(database, this.#connection.file, extentOf(this.#series.ticks))
      return more
    })
  }

  /** The pid of the process that records into the file now, or null. */
  get recorder(): number | null {
    const { file } = this.#connection
    return this.#connection.use(({ database }) => livingHolder(readMeta(database), file))
  }

  *checkTicks(range: SeqRange = { from: 0, to: Infinity }): Generator<number, void> {
    const indexOf = (seq: number): number => firstFrom(this.ticks, (tick) => tick.seq, seq)
    const first = indexOf(range.from)
    const count = indexOf(range.to) - first
    for (let done = 0; !this.#isChecked && done < count; done += CHECKED_AT_ONCE) {
      const part = this.ticks.slice(first + done, first + Math.min(done + CHECKED_AT_ONCE, count))
      const isBad = this.#connection.use((access) =>
        [...badTicks(access, part)].some((seq) => !isEvicted(access.database, seq)),
      )
      if (isBad) this.#readChecked()
      else yield done + part.length
    }
  }

  /** Reads the whole file again. @param isSuspect check every tick */
  #readAll(isSuspect = false): true {
    const { damage, ...series } = readContents(this.#connection, isSuspect)
    this.#outline = null
    this.#isChecked = isSuspect || damage.length > 0
    this.#series = series
    this.#damage = [...this.#connection.damage, ...damage]
    this.#gaps = null
    const { file } = this.#connection
    this.#info = this.#connection.use(({ database }) => readInfo(database, file, extentOf(series.ticks)))
    return true
  }

  /** The rollups that may be used. */
  get minutes(): readonly Minute[] {
    return this.#series.minutes
  }

  /** The tick exists and matches its checksum. */
  isWhole(seq: number): boolean {
    return this.#connection.use(({ frames }) => frames.isWhole(seq))
  }

  /** All backends and routes, in the order of their numbers. */
  names(): AllNames {
    return this.#connection.use(({ database, names }) => allNames(database, names))
  }

  /** Access to the tables, for info, check and cut. */
  inspect<T>(read: (access: Access) => T): T {
    return this.#connection.use(read)
  }

  close(): void {
    this.#connection.close()
  }

  /** If ticks of the range are missing, checks the whole file and reads again. */
  #whole<T>(range: SeqRange, read: () => T, ticksOf: (result: T) => number): T {
    const first = read()
    if (this.#isChecked || !this.#hasMissing(range, ticksOf(first))) return first
    this.#readChecked()
    return read()
  }

  /** A tick is damaged: reads the whole file again and checks every tick. */
  #readChecked(): void {
    this.#readAll(true)
  }

  /** Whether ticks of the range are missing: that is damage, unless a recorder has evicted them meanwhile. @param found ticks that were read */
  #hasMissing(range: SeqRange, found: number): boolean {
    if (found >= this.#countIn(range)) return false
    this.#dropEvicted()
    return found < this.#countIn(range)
  }

  #dropEvicted(): void {
    const oldest = this.#connection.use(({ database }) => oldestTick(database))
    const { ticks, minutes } = this.#series
    if (oldest === null || ticks[0] === undefined || ticks[0].seq >= oldest) return
    this.#series = {
      ticks: ticks.filter(({ seq }) => seq >= oldest),
      minutes: minutes.filter(({ first }) => first >= oldest),
    }
    this.#gaps = null
  }

  /** Ticks that the range should have: the numbers in an undamaged file have no holes. */
  #countIn({ from, to }: SeqRange): number {
    const { ticks } = this.#series
    const first = ticks[0]?.seq ?? 0
    return Math.max(0, Math.min(to, first + ticks.length) - Math.max(from, first))
  }
}

/** Only numbers that exist: in a damaged file the next number may be a billion greater. */
const seqsOf = (ticks: readonly TickSummary[]): TickIndex['seqs'] =>
  function* (from, to) {
    for (let i = firstFrom(ticks, ({ seq }) => seq, from); i < ticks.length; i++) {
      const { seq } = ticks[i]!
      if (seq >= to) return
      yield seq
    }
  }

const consecutive = (last: number): TickIndex['seqs'] =>
  function* (from, to) {
    for (let seq = from; seq < to && seq <= last; seq++) yield seq
  }

/** Ticks per step of `checkTicks`, which takes some milliseconds. */
const CHECKED_AT_ONCE = 128

const onlyMinutes = ({ minutes }: Outline): Contents => ({ ticks: [], minutes: [...minutes], damage: [] })

const outlined = ({ first, last }: Outline): Extent => ({ first, last, ticks: last.seq - first.seq + 1 })
