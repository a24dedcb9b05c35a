/**
 * The recording of `record`: alone under its name, and begun anew where it is moved, removed or spoilt under the recorder. SQLite writes
 * on into a file that has been moved, and keeps its -wal under the old name, where it would be taken for the next file's.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { UserError } from '../../errors.ts'
import type { Marker, SecondFrame } from '../../frame/model/frame.ts'
import type { RecordingSink } from '../../frame/model/recording.ts'
import { damagedError } from '../file/discontinued.ts'
import { takenError } from '../file/lock.ts'
import { NameLock } from '../file/name-lock.ts'
import { openForReading } from '../file/open.ts'
import { leftovers, refuseForeignSideFiles } from '../file/side-files.ts'
import { truePath } from '../file/true-path.ts'
import { readMeta, type RecordingMeta } from '../format/meta.ts'
import { isDamage, openWritable } from '../sqlite/database.ts'
import { goOnRecording } from './go-on.ts'
import { HeldFiles, type Place } from './held-files.ts'
import { leaveWal } from './journal.ts'
import { moveOwnAside, nameBeside } from './move-aside.ts'
import { appendRecording, createRecording, type RecordingWriter, type WriterOptions } from './writer.ts'

export interface LastingOptions extends WriterOptions {
  /** go on with a recording that is there */
  readonly append?: boolean | undefined
}

export interface LastingSink extends RecordingSink {
  /** what is written now */
  readonly path: string
  /** After the end: a reader that was still there then has left an empty WAL beside it. */
  settle(): void
}

/** @throws UserError (exit 2) if another process records under this name */
export function openLasting(file: string, meta: RecordingMeta, options: LastingOptions): LastingSink {
  const name = options.append === true ? truePath(file) : file
  const lock = NameLock.take(name)
  if (lock === 'taken') throw taken(file)
  try {
    const writer =
      options.append === true ? goOnRecording(name, meta, options) : createRecording(name, meta, options)
    return new LastingRecording(file, meta, options, { name, lock, path: name, writer })
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** Its recorder may be about to make it. */
function taken(file: string): Error {
  try {
    const { database } = openForReading(file)
    const meta = readMeta(database)
    database.close()
    return takenError(file, meta)
  } catch {
    return takenError(file, new Map())
  }
}

interface Target {
  /** where the user's name leads, and the lock on that */
  readonly name: string
  readonly lock: NameLock | null
  /** what is written: that name, or one beside it */
  readonly path: string
  readonly writer: RecordingWriter
}

class LastingRecording implements LastingSink {
  #target: Target
  #held: HeldFiles
  /** it was said that no new file can be begun */
  #wasWarned = false

  constructor(
    readonly file: string,
    readonly meta: RecordingMeta,
    readonly options: LastingOptions,
    target: Target,
  ) {
    this.#target = target
    this.#held = new HeldFiles(target.path, target.writer.database)
  }

  get path(): string {
    return this.#target.path
  }

  append(frame: SecondFrame): void {
    this.#follow()
    try {
      this.#target.writer.append(frame)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#replaceDamaged('is damaged')
      this.#target.writer.append(frame)
    }
    this.#held.written()
  }

  mark(marker: Marker): void {
    this.#target.writer.mark(marker)
  }

  close(): void {
    try {
      this.#leave(this.#held.place)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#target.writer.abandon()
      throw damagedError(this.#target.path)
    } finally {
      this.#target.lock?.release()
    }
  }

  settle(): void {
    const { name, path } = this.#target
    if (leftovers(path) === null) return
    const lock = NameLock.take(name)
    if (lock === 'taken' || lock === null) return
    try {
      makePlain(path)
    } finally {
      lock.release()
    }
  }

  #follow(): void {
    if (this.#target.lock?.isInPlace === false) this.#lockAgain(this.#target.lock)
    const place = this.#held.place
    const name = this.#nameNow()
    if (place === 'stripped') this.#reopen()
    else if (place === 'emptied') this.#replaceDamaged('was emptied while it was recorded')
    else if (place === 'shortened') this.#replaceDamaged('was cut off while it was recorded')
    else if (place === 'moved' || name !== this.#target.name) this.#beginAnew(name, place)
  }

  /** @throws UserError (exit 2) if another recorder was faster: two must not write */
  #lockAgain(before: NameLock): void {
    const lock = NameLock.take(this.#target.name)
    if (lock === 'taken') throw takenError(this.#target.name, new Map())
    if (lock === null) return
    before.release()
    this.#target = { ...this.#target, lock }
  }

  /** A link may lead to another file now. */
  #nameNow(): string {
    try {
      return this.options.append === true ? truePath(this.file) : this.file
    } catch (error) {
      if (error instanceof UserError) return this.#target.name
      throw error
    }
  }

  /** The -wal was removed: what is in it goes into the file, and a new one is made. */
  #reopen(): void {
    const { path, writer } = this.#target
    writer.close()
    this.#warn(`what lay beside "${path}" was removed while it was recorded: nothing of it is lost`)
    const options = { ...this.options, sameRun: true }
    this.#become({ ...this.#target, writer: appendRecording(path, this.meta, options) })
  }

  #replaceDamaged(why: string): void {
    const { path, writer } = this.#target
    writer.abandon()
    const to = moveOwnAside(path, { label: 'damaged', why }, new Date())
    this.#warn(`"${path}" ${why}: it is now "${to}", and recording goes on in a new one`)
    this.#become({ ...this.#target, writer: this.#created(path) })
  }

  #beginAnew(name: string, place: Place): void {
    const before = this.#target
    const now = place === 'moved' ? this.#held.newName() : before.path
    const lock = name === before.name ? before.lock : NameLock.take(name)
    if (lock === 'taken' || !mayCreate(name)) {
      this.#warnOnce(
        `no new recording can be begun as "${name}": what was that is written on, ${whereIs(now)}`,
      )
      return
    }
    this.#leave(place)
    if (name !== before.name) before.lock?.release()
    const path = freePath(name)
    this.#warn(`"${before.path}" ${whatHappened(before.path, now)}; recording goes on in "${path}"`)
    this.#become({ name, lock, path, writer: this.#created(path) })
  }

  /** Ends the file, wherever it is. */
  #leave(place: Place): void {
    const name = place === 'moved' ? this.#held.newName() : null
    this.#target.writer.close(place === 'moved')
    if (place !== 'moved') return
    this.#held.removeBeside()
    if (name !== null) makePlain(name)
  }

  /** The run began before its first tick. */
  #created(path: string): RecordingWriter {
    const more = { ...this.meta.more, starts_late: 'true' }
    return createRecording(path, { ...this.meta, more }, this.options)
  }

  #become(target: Target): void {
    this.#target = target
    this.#held = new HeldFiles(target.path, target.writer.database)
    this.#wasWarned = false
  }

  #warn(text: string): void {
    this.options.warn?.(text)
  }

  #warnOnce(text: string): void {
    if (!this.#wasWarned) this.#warn(text)
    this.#wasWarned = true
  }
}

const whereIs = (now: string | null): string => (now === null ? 'under no name' : `as "${now}"`)

/** @param now its name; null if it has none */
function whatHappened(before: string, now: string | null): string {
  if (now === null) return 'was removed while it was recorded'
  if (now === before) return 'is not where its link leads any more'
  return `was moved to "${now}" while it was recorded, where all of it is`
}

/** The name, if nothing lies there. Something else may lie there now, and is not touched: then a name beside it. */
const freePath = (name: string): string =>
  existsSync(name) || leftovers(name) !== null ? nameBeside(name, 'new', new Date()) : name

/** The folder may have been moved too. */
function mayCreate(name: string): boolean {
  try {
    accessSync(dirname(name), constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** One file that needs nothing beside it. Where that cannot be, it is whole as it is: its WAL is empty. */
function makePlain(file: string): void {
  try {
    refuseForeignSideFiles(file)
    const database = openWritable(file)
    leaveWal(database)
    database.close()
  } catch {
    // its folder may not be ours to write
  }
}
