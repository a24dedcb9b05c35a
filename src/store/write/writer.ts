/**
 * Writes a recording: one transaction per tick (WAL, synchronous=FULL), so that a kill at any moment loses at most the tick that was
 * being written.
 */
import { rmSync, statSync } from 'node:fs'
import { ExitCode, usageError } from '../../errors.ts'
import type { GapReason, Marker, SecondFrame } from '../../frame/model/frame.ts'
import type { RecordingSink } from '../../frame/model/recording.ts'
import { micros, type Micros } from '../../frame/model/units.ts'
import { addColumns } from '../file/add-columns.ts'
import { damagedError, Discontinued } from '../file/discontinued.ts'
import { releaseLock, takeLock } from '../file/lock.ts'
import { openForAppend } from '../file/open.ts'
import { addReadings, addRun, addUnseen, readMeta, setMeta, type RecordingMeta } from '../format/meta.ts'
import { APPLICATION_ID, FORMAT } from '../format/schema.ts'
import { formatOf } from '../format/upgrade.ts'
import { DimensionWriter } from '../names/dimensions.ts'
import { integer, isDamage, isFull, scalar, type Database, type Statement } from '../sqlite/database.ts'
import { Backlog, type PendingTick } from './backlog.ts'
import { createFile, createSchema } from './create.ts'
import { checkRoom, Evictor, type Bounds } from './evictor.ts'
import { checkpoint, emptyWal, leaveWal, prepareFile } from './journal.ts'
import { RollupWriter } from './rollup.ts'
import { TickWriter } from './tick-writer.ts'
import { writeError } from './write-error.ts'

export interface WriterOptions extends Bounds {
  /** called once when the recording stops (a full disk) and once when it goes on */
  readonly warn?: ((text: string) => void) | undefined
  /** false: many ticks per transaction, no fsync, commit times not measured. For files that can be created again. */
  readonly durable?: boolean | undefined
  /** a copy is as complete as its original */
  readonly complete?: boolean | undefined
  /** the run goes on in this file: nothing lies between its last tick and the next */
  readonly sameRun?: boolean | undefined
}

/** Ticks between two checkpoints: the WAL stays small without a stall. */
const CHECKPOINT_EVERY = 5
/** A file with a smaller maximum size has no room for a WAL of several ticks, bytes. */
const SMALL = 16e6
/** Ticks per transaction if nothing has to survive a crash. */
const BULK_TICKS = 300

/** A new recording. @throws UserError (exit 2) if the file exists */
export function createRecording(
  file: string,
  meta: RecordingMeta,
  options: WriterOptions = {},
): RecordingWriter {
  checkBounds(options)
  checkRoom(file, options)
  createFile(file)
  let database: Database | null = null
  try {
    database = createSchema(file, meta, options.durable ?? true)
    return new RecordingWriter(file, database, options)
  } catch (error) {
    database?.close()
    removeRecording(file)
    throw writeError(file, error)
  }
}

/** Removes the file and its side files. */
export function removeRecording(file: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(file + ending, { force: true })
}

/** Continues a recording of ours after a gap. @throws UserError if it is none, or is being recorded */
export function appendRecording(
  file: string,
  meta: RecordingMeta,
  options: WriterOptions = {},
): RecordingWriter {
  checkBounds(options)
  checkRoom(file, options)
  const database = openForAppend(file)
  try {
    refuseOlder(database, file)
    refuseDamaged(database, file)
    refuseOtherHost(database, meta, file)
    const writer = new RecordingWriter(file, database, options)
    addUnseen(database, meta.unseen ?? [])
    addReadings(database, meta.tls ?? [])
    const before = options.sameRun === true ? null : addRun(database, meta.arguments)
    if (before !== null) writer.noteOtherOptions(before, meta.arguments)
    return writer
  } catch (error) {
    database.close()
    throw isDamage(error) ? damagedError(file) : writeError(file, error)
  }
}

/** Its backends mean something else: ticks of two formats must not be in one file. `record` moves it aside before. */
function refuseOlder(database: Database, file: string): void {
  const format = formatOf(database)
  if (format === FORMAT) return
  throw new Discontinued(
    `format-${format}`,
    file,
    `is of format ${format}, this version writes format ${FORMAT}`,
    'Record into another file.',
  )
}

/** Reading all pages takes 1 s per 170 MB, while the helper's lines wait. */
const CHECKED_BYTES = 200e6

/** What lies in damaged pages is evidence: writing into them would spoil it further. */
function refuseDamaged(database: Database, file: string): void {
  if (statSync(file).size > CHECKED_BYTES) return
  if (scalar(database, 'PRAGMA quick_check(1)') !== 'ok') throw damagedError(file)
}

function refuseOtherHost(database: Database, { host }: RecordingMeta, file: string): void {
  const before = readMeta(database).get('host')
  if (before === host) return
  throw new Discontinued(
    `host-${inFileName(before ?? '')}`,
    file,
    `was recorded on "${before ?? '?'}", this is "${host}"`,
    'Record into another file.',
    ExitCode.usage,
  )
}

/** The file may be hostile, and its host become part of a name. */
const inFileName = (host: string): string => host.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 64) || '_'

/** A smaller file has no room for a minute of ticks, bytes. */
const MIN_SIZE = 1e6
const MIN_KEEP = micros(1e6)

function checkBounds({ keep, maxSize }: Bounds): void {
  if (keep !== undefined && keep < MIN_KEEP)
    throw usageError('--keep: less than a second is nothing', 'Allow at least 1s.')
  if (maxSize === undefined || maxSize >= MIN_SIZE) return
  throw usageError(`--max-size: ${maxSize} bytes are too few`, 'Allow at least 1MB.')
}

export class RecordingWriter implements RecordingSink {
  readonly #names: DimensionWriter
  readonly #ticks: TickWriter
  readonly #rollup: RollupWriter
  readonly #evictor: Evictor
  readonly #backlog: Backlog
  readonly #isDurable: boolean
  readonly #insertMarker: Statement
  readonly #begin: () => void
  readonly #commit: () => void
  #seq: number
  #gap: GapReason | null
  #markers: Marker[] = []
  /** a note whose time is the start of the next tick */
  #noteAtNext: string | null = null
  #final = false
  #lastCommit: Micros = micros(0)
  readonly #checkpointEvery: number
  #sinceCheckpoint: number
  #inBulk = 0

  constructor(
    readonly file: string,
    readonly database: Database,
    readonly options: WriterOptions,
  ) {
    const durable = (this.#isDurable = options.durable ?? true)
    prepareFile(database, durable)
    database.transaction(() => takeLock(database, readMeta(database), file)).immediate()
    addColumns(database)
    setMeta(database, 'complete', '0')
    const last = scalar(database, 'SELECT max(seq) FROM tick')
    this.#seq = last === null ? 0 : integer(last) + 1
    this.#gap = last === null || options.sameRun === true ? null : 'stopped'
    this.#names = new DimensionWriter(database, this.#seq)
    this.#ticks = new TickWriter(database, this.#names)
    this.#rollup = new RollupWriter(database, this.#names)
    this.#evictor = new Evictor(file, database, options)
    this.#backlog = new Backlog(options.warn ?? (() => undefined))
    this.#insertMarker = database.prepare('INSERT INTO marker (at, kind, text) VALUES (?, ?, ?)')
    const begin = database.prepare('BEGIN IMMEDIATE')
    const commit = database.prepare('COMMIT')
    this.#begin = () => begin.run()
    this.#commit = () => commit.run()
    this.#checkpointEvery = (options.maxSize ?? Infinity) < SMALL ? 1 : CHECKPOINT_EVERY
    // The first tick is checkpointed at once, so that it is in the file itself.
    this.#sinceCheckpoint = this.#checkpointEvery - 1
    if (durable) checkpoint(database)
  }

  /**
   * Gives the frame the next number. On a full disk a durable recording does not throw: it keeps a minute of ticks in memory, warns once,
   * and goes on when there is room again. Other recordings throw: they can be created again, so they must not get a gap.
   */
  append(frame: SecondFrame): void {
    if (this.#noteAtNext !== null) this.mark({ at: frame.start, kind: 'note', text: this.#noteAtNext })
    this.#noteAtNext = null
    const tick = { frame, gapBefore: this.#gap ?? frame.gapBefore }
    this.#gap = null
    if (!this.#isDurable) {
      this.#write(tick)
      return
    }
    this.#backlog.push(tick)
    this.#backlog.drain((pending) => this.#write(pending))
  }

  /** A step in its numbers may be one of its options. */
  noteOtherOptions(before: readonly string[], now: readonly string[]): void {
    this.options.warn?.(
      `"${this.file}" goes on with other options: before "${before.join(' ')}", now "${now.join(' ')}"`,
    )
    this.#noteAtNext = `other options from here: ${now.join(' ')}`
  }

  /** The marker is written with the next tick, or at the end. */
  mark(marker: Marker): void {
    this.#markers.push(marker)
  }

  /** @param wasMoved the file has another name now, or none */
  close(wasMoved = false): void {
    this.#backlog.drain((tick) => this.#write(tick))
    if (this.#backlog.isDiskFull)
      this.options.warn?.('the disk is still full: what was kept in memory is lost')
    else this.#finishOrWarn()
    if (wasMoved) emptyWal(this.database)
    else leaveWal(this.database)
    this.database.close()
  }

  #finishOrWarn(): void {
    try {
      this.#finish()
    } catch (error) {
      if (!this.#isDurable || !isFull(error)) throw error
      this.#rollback()
      this.options.warn?.('the disk is full: every tick is kept, but not that this is the end')
    }
  }

  /** Closes without a clean end, for a file that is removed afterwards. */
  abandon(): void {
    this.#rollback()
    this.database.close()
  }

  #write({ frame, gapBefore }: PendingTick): void {
    const started = process.hrtime.bigint()
    if (this.#inBulk === 0) this.#begin()
    try {
      this.#writeRows(frame, gapBefore)
      if (!this.#staysOpen()) this.#commit()
    } catch (error) {
      this.#rollback()
      throw error
    }
    // This state may change only after the commit.
    this.#names.commit()
    this.#markers = []
    this.#seq++
    this.#final = frame.final
    this.#lastCommit = micros(Number((process.hrtime.bigint() - started) / 1000n))
    this.#checkpoint()
  }

  #writeRows(frame: SecondFrame, gapBefore: GapReason | null): void {
    if (this.#rollup.isDueBefore(frame)) this.#rollup.write(this.#evictor.oldest)
    this.#insertMarkers()
    const commit = frame.cost.commit === 0 && this.#isDurable ? this.#lastCommit : frame.cost.commit
    this.#rollup.beginTick(frame)
    this.#rollup.endTick(this.#ticks.write(frame, { seq: this.#seq, gapBefore, commit }, this.#rollup.add))
    this.#evictor.evict({ seq: this.#seq, start: frame.start, gapBefore })
    this.#names.removeUnused(this.#evictor.oldest)
  }

  #rollback(): void {
    if (this.database.inTransaction) this.database.exec('ROLLBACK')
    this.#inBulk = 0
    this.#names.rollback()
    this.#ticks.discard()
    this.#rollup.discard()
  }

  /** Counts the tick. Whether the transaction stays open for more ticks. */
  #staysOpen(): boolean {
    if (this.#isDurable) return false
    this.#inBulk = (this.#inBulk + 1) % BULK_TICKS
    return this.#inBulk !== 0
  }

  #checkpoint(): void {
    if (!this.#isDurable || ++this.#sinceCheckpoint % this.#checkpointEvery !== 0) return
    checkpoint(this.database)
  }

  #insertMarkers(): void {
    for (const { at, kind, text } of this.#markers) this.#insertMarker.run(at, kind, text)
  }

  #finish(): void {
    if (this.#inBulk === 0) this.#begin()
    this.#rollup.write(this.#evictor.oldest)
    this.#insertMarkers()
    setMeta(this.database, 'complete', this.#final || this.options.complete === true ? '1' : '0')
    releaseLock(this.database)
    if (!this.#isDurable) this.database.pragma(`application_id = ${APPLICATION_ID}`)
    this.#commit()
  }
}
