/** The database of a reader. A followed file is closed between polls, so that its recorder can end cleanly. */
import { statSync } from 'node:fs'
import { recordingError } from '../../errors.ts'
import { lockedError, openForReading, refuseNewer, withoutSchema, type Opened } from '../file/open.ts'
import { foreignObject } from '../file/schema-check.ts'
import { DimensionReader } from '../names/dimensions.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import {
  cannotWriteBeside,
  isMissingTable,
  integer,
  isBusy,
  isDamage,
  query,
  type Database,
  type Query,
  type Statement,
} from '../sqlite/database.ts'
import { ColumnReader } from './column-reader.ts'
import { FrameReader, LayeredFrames, type Frames } from './frames.ts'
import { MinuteReader } from './minutes.ts'

export interface Access {
  readonly database: Database
  readonly frames: Frames
  readonly columns: ColumnReader
  readonly minutes: MinuteReader
  readonly names: DimensionReader
}

/** Time without reads before a followed file is closed. */
const IDLE_MS = 200
/** Openings per read. A second one is needed, for example, while `mark` has a journal beside the file. */
const MAX_TRIES = 3

export class Connection {
  readonly damage: string[] = []
  /** side files that do not belong to the file, in words */
  notes: readonly string[] = []
  #names: DimensionReader | null = null
  #access: Access | null = null
  #closeTimer: NodeJS.Timeout | null = null
  #isLive = false
  #isSuspect = false
  #isInPlace = false
  #raw: Opened['raw'] | null = null
  /** device and inode of the followed file when it was first opened */
  #identity: string | null = null
  #transaction: ReadTransaction | null = null
  #recovered: Frames | null = null

  constructor(
    readonly file: string,
    readonly follow: boolean,
  ) {
    this.#open()
  }

  /** It may be inconsistent: a torn copy, or a file that was cut off. */
  get isSuspect(): boolean {
    return this.#isSuspect
  }

  /** Another connection can be opened to what this one reads. */
  get isInPlace(): boolean {
    return this.#isInPlace && this.#recovered === null
  }

  use<T>(read: (access: Access) => T): T {
    const access = this.#beginRead()
    try {
      return read(access)
    } finally {
      this.#transaction?.end()
      this.#closeSoon()
    }
  }

  /** One read sees one state of the file, with the schema that was checked: a writer may change both between two reads. */
  #beginRead(): Access {
    for (let i = 0; i < MAX_TRIES; i++) {
      const access = this.#access ?? this.#open()
      if (this.#tryBegin()) return access
      this.close()
    }
    throw recordingError(
      `"${this.file}" is being changed while it is read`,
      'Only a recorder may write into it: look at a copy.',
    )
  }

  /** Where a file was cut short after it was opened nothing can be begun: opened again, it says what it is. */
  #tryBegin(): boolean {
    try {
      return this.#transaction?.begin() ?? false
    } catch (error) {
      if (isDamage(error)) return false
      throw isBusy(error) ? lockedError(this.file) : error
    }
  }

  /** Closes after a pause if a recorder may write to the file: it waits for its readers at its end. */
  #closeSoon(): void {
    if (!this.follow && !this.#isLive) return
    if (this.#closeTimer !== null) this.#closeTimer.refresh()
    else this.#closeTimer = setTimeout(() => this.close(), IDLE_MS).unref()
  }

  /** The content or the path of the file, for reading its pages. */
  raw(): Buffer | string {
    return this.#raw?.() ?? this.file
  }

  /** From here on, rows that the file lacks are read from `database`. Returns the frames of `database` alone. */
  addLayer(database: Database): Frames {
    this.#names?.addLayer(database)
    const frames = new FrameReader(database, this.#names ?? new DimensionReader(database))
    this.#recovered = frames
    if (this.#access !== null) this.#access = { ...this.#access, frames: this.#layered(this.#access.frames) }
    return frames
  }

  #layered(frames: Frames): Frames {
    return this.#recovered === null ? frames : new LayeredFrames(frames, this.#recovered)
  }

  close(): void {
    if (this.#closeTimer !== null) clearTimeout(this.#closeTimer)
    this.#closeTimer = null
    this.#access?.database.close()
    this.#access = null
  }

  #open(): Access {
    this.#checkIdentity()
    const opened = openForReading(this.file)
    try {
      return this.#attach(opened)
    } catch (error) {
      opened.database.close()
      if (!isDamage(error) && !isMissingTable(error)) throw error
      const problem = 'the pages that name its tables are damaged'
      const database = withoutSchema(opened.raw(), this.file, problem)
      return this.#attach({ ...opened, database, damage: [...opened.damage, problem] })
    }
  }

  /** Between two polls, a followed file may be removed or replaced. */
  #checkIdentity(): void {
    if (!this.follow || this.file === '-') return
    const found = statSync(this.file, { throwIfNoEntry: false })
    const known = this.#identity
    this.#identity = found === undefined ? known : `${found.dev} ${found.ino}`
    if (known === null || known === (found && this.#identity)) return
    throw recordingError(
      `"${this.file}" ${found === undefined ? 'is gone' : 'is another file now'}`,
      'It was removed or replaced while it was followed.',
    )
  }

  #attach(opened: Opened): Access {
    const { database } = opened
    refuseNewer(database, this.file)
    const transaction = new ReadTransaction(database)
    this.#isLive = opened.isLive
    this.#isSuspect = opened.isSuspect
    this.#isInPlace = opened.isInPlace === true
    this.#raw = opened.raw
    this.notes = opened.notes
    this.damage.push(...opened.damage.filter((words) => !this.damage.includes(words)))
    this.#names?.attach(database)
    this.#names ??= new DimensionReader(database)
    const names = this.#names
    this.#access = {
      database,
      frames: this.#layered(new FrameReader(database, names)),
      columns: new ColumnReader(database, names),
      minutes: new MinuteReader(database, names),
      names,
    }
    this.#transaction = transaction
    transaction.end()
    return this.#access
  }
}

/** Makes all reads of one call see one state of the file. */
class ReadTransaction {
  readonly #database: Database
  readonly #begin: Statement
  readonly #end: Statement
  readonly #version: Query
  /** the version of the schema that was checked */
  readonly #checkedVersion: number

  /** @throws CorruptRow if SQLite sees another schema than ours */
  constructor(database: Database) {
    this.#database = database
    this.#begin = database.prepare('BEGIN')
    // Not COMMIT: after a damaged page it fails again.
    this.#end = database.prepare('ROLLBACK')
    this.#version = query(database, 'PRAGMA schema_version')
    this.#begin.run()
    const problem = foreignObject(database)
    if (problem !== null) throw new CorruptRow(problem)
    this.#checkedVersion = this.#readVersion()
  }

  /** @returns false if the schema has changed, or there is a journal beside the file now: open it again */
  begin(): boolean {
    try {
      if (!this.#database.inTransaction) this.#begin.run()
      if (this.#readVersion() === this.#checkedVersion) return true
    } catch (error) {
      if (!cannotWriteBeside(error)) throw error
    }
    this.end()
    return false
  }

  end(): void {
    if (this.#database.open && this.#database.inTransaction) this.#end.run()
  }

  /** The first read of a transaction fixes the state that the others see. */
  #readVersion(): number {
    return integer(this.#version.get()?.[0])
  }
}
