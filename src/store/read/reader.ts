/** A recording as its readers see it. Every call is a short read; nothing is kept open while a file is being followed. */
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Gap, Marker, RequestEvent, SecondFrame } from '../../frame/model/frame.ts'
import type {
  BackendActivity,
  Recording,
  RecordingInfo,
  SeqRange,
  TickSummary,
} from '../../frame/model/recording.ts'
import type { Span } from '../../frame/model/span.ts'
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
  /** the file is being recorded: look for more at each refresh, and never hold up its recorder */
  readonly follow?: boolean
  /** no ticks to begin with: `focus` brings those around one time, so that a day opens at once, the first refresh all of them */
  readonly outline?: boolean
  /** believe nothing: check every tick at once */
  readonly verify?: boolean
}

/** @param file a path, `-` for standard input; gzipped or not. @throws UserError (exit 2 not there, exit 5 not readable) */
export function openRecording(file: string, options: OpenOptions = {}): StoredRecording {
  return new StoredRecording(new Connection(file, options.follow ?? false), options)
}

/** A recording out of a file, with what only files have. */
export class StoredRecording implements Recording {
  readonly #connection: Connection
  #series: Series
  #damage: readonly string[]
  #info: RecordingInfo
  #markers: readonly Marker[]
  #gaps: readonly Gap[] | null = null
  /** set as long as the series has not been read, or a part of it */
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

  /** Reads the ticks of the span and some around it, where there is but an outline. Numbers of ticks stay, their indexes do not. */
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
  /** what is worth knowing and no fault of the file, in words */
  get notes(): readonly string[] {
    return this.#connection.notes
  }
  get gaps(): readonly Gap[] {
    return (this.#gaps ??= gapsOf(this.#series.ticks))
  }

  frame(seq: number): SecondFrame | null {
    const frame = this.#connection.use(({ frames }) => frames.read(seq))
    if (frame !== null || this.#isChecked || !this.#isExpected({ from: seq, to: seq + 1 }, 0)) return frame
    this.#readChecked()
    return this.#connection.use(({ frames }) => frames.read(seq))
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
    // The numbers of an outline have no holes, and are no more than the file has room for.
    const seqs = this.#outline === null ? seqsOf(ticks) : numbers(this.#outline.last.seq)
    return { minutes, seqs }
  }

  refresh(): boolean {
    if (this.#outline !== null) return this.#readAll()
    this.#forgetEvicted()
    const more = nullIfDamaged(() => this.#readMore())
    // Damage is looked around once, and said; from then on nothing new is found beyond it.
    return more ?? (this.#isChecked ? false : this.#readAll(true))
  }

  /** @throws where the pages that hold it are damaged */
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

  /** The process that records into the file now, if one does. */
  get recorder(): number | null {
    return this.#connection.use(({ database }) => livingHolder(readMeta(database)))
  }

  *checkTicks(): Generator<number, void> {
    for (let done = 0; !this.#isChecked && done < this.ticks.length; done += CHECKED_AT_ONCE) {
      const part = this.ticks.slice(done, done + CHECKED_AT_ONCE)
      const isBad = this.#connection.use((access) =>
        [...badTicks(access, part)].some((seq) => !isEvicted(access.database, seq)),
      )
      if (isBad) this.#readChecked()
      else yield done + part.length
    }
  }

  /** From the start again: if the rest is damaged, all of it has to be looked at. */
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

  /** The tick is there and matches its checksum. */
  isWhole(seq: number): boolean {
    return this.#connection.use(({ frames }) => frames.isWhole(seq))
  }

  /** All backends and routes, in the order of their numbers. */
  names(): AllNames {
    return this.#connection.use(({ database, names }) => allNames(database, names))
  }

  /** Everything that a file tells of itself, for info, check and cut. */
  inspect<T>(look: (access: Access) => T): T {
    return this.#connection.use(look)
  }

  close(): void {
    this.#connection.close()
  }

  /** Read again where ticks of the range are missing, with everything checked. */
  #whole<T>(range: SeqRange, read: () => T, ticksOf: (result: T) => number): T {
    const first = read()
    if (this.#isChecked || !this.#isExpected(range, ticksOf(first))) return first
    this.#readChecked()
    return read()
  }

  /** A tick turned out to be damaged: from here on nothing is believed unchecked. */
  #readChecked(): void {
    this.#readAll(true)
  }

  /** More than so many ticks should be there: fewer is damage, unless a recorder has evicted them meanwhile. */
  #isExpected(range: SeqRange, found: number): boolean {
    if (found >= this.#countIn(range)) return false
    this.#forgetEvicted()
    return found < this.#countIn(range)
  }

  #forgetEvicted(): void {
    const oldest = this.#connection.use(({ database }) => oldestTick(database))
    const { ticks, minutes } = this.#series
    if (oldest === null || ticks[0] === undefined || ticks[0].seq >= oldest) return
    this.#series = {
      ticks: ticks.filter(({ seq }) => seq >= oldest),
      minutes: minutes.filter(({ first }) => first >= oldest),
    }
    this.#gaps = null
  }

  /** Ticks of an undamaged file have no holes in their numbers. */
  #countIn({ from, to }: SeqRange): number {
    const { ticks } = this.#series
    const first = ticks[0]?.seq ?? 0
    return Math.max(0, Math.min(to, first + ticks.length) - Math.max(from, first))
  }
}

/** Of what is there: a number may be followed by one that is a billion greater. */
const seqsOf = (ticks: readonly TickSummary[]): TickIndex['seqs'] =>
  function* (from, to) {
    for (let i = firstFrom(ticks, ({ seq }) => seq, from); i < ticks.length; i++) {
      const { seq } = ticks[i]!
      if (seq >= to) return
      yield seq
    }
  }

const numbers = (last: number): TickIndex['seqs'] =>
  function* (from, to) {
    for (let seq = from; seq < to && seq <= last; seq++) yield seq
  }

/** Ticks; some milliseconds. */
const CHECKED_AT_ONCE = 128

const onlyMinutes = ({ minutes }: Outline): Contents => ({ ticks: [], minutes: [...minutes], damage: [] })

const outlined = ({ first, last }: Outline): Extent => ({ first, last, ticks: last.seq - first.seq + 1 })
