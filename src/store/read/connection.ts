/** The database of a reader. While a file is followed it is closed between polls, so that its recorder can end cleanly. */
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
import { FrameReader, LayeredFrames, type Frames } from './frames.ts'
import { MinuteReader } from './minutes.ts'

export interface Access {
  readonly database: Database
  readonly frames: Frames
  readonly minutes: MinuteReader
  readonly names: DimensionReader
}

/** After the last read of a burst. */
const REST_MS = 200
/** A journal that comes and goes is a `mark`. */
const TRIES = 3

export class Connection {
  readonly damage: string[] = []
  /** what lies beside the file and is not its own, in words */
  notes: readonly string[] = []
  #names: DimensionReader | null = null
  #access: Access | null = null
  #resting: NodeJS.Timeout | null = null
  #isLive = false
  #isSuspect = false
  #raw: Opened['raw'] | null = null
  /** device and inode of what was opened first, where it is followed */
  #identity: string | null = null
  #reading: Reading | null = null
  #recovered: Frames | null = null

  constructor(
    readonly file: string,
    readonly follow: boolean,
  ) {
    this.#open()
  }

  /** Not known to be consistent: a torn copy, or one that was cut off. */
  get isSuspect(): boolean {
    return this.#isSuspect
  }

  use<T>(read: (access: Access) => T): T {
    const access = this.#steady()
    try {
      return read(access)
    } finally {
      this.#reading?.end()
      this.rest()
    }
  }

  /** What is read at once is one state of the file, and its schema the one that was looked at: whoever writes it may change both. */
  #steady(): Access {
    for (let i = 0; i < TRIES; i++) {
      const access = this.#access ?? this.#open()
      if (this.#begins()) return access
      this.close()
    }
    throw recordingError(
      `"${this.file}" is being changed while it is read`,
      'Only a recorder may write into it: look at a copy.',
    )
  }

  #begins(): boolean {
    try {
      return this.#reading?.begin() ?? false
    } catch (error) {
      throw isBusy(error) ? lockedError(this.file) : error
    }
  }

  /** Closes soon, where a recorder may be waiting for it. */
  rest(): void {
    if (!this.follow && !this.#isLive) return
    if (this.#resting !== null) this.#resting.refresh()
    else this.#resting = setTimeout(() => this.close(), REST_MS).unref()
  }

  /** What lies in the file, for a look at its pages. */
  raw(): Buffer | string {
    return this.#raw?.() ?? this.file
  }

  /** From here on, what the file does not say is looked for in `database`. Returns its own frames. */
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
    if (this.#resting !== null) clearTimeout(this.#resting)
    this.#resting = null
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

  /** Between two looks at a file that is followed it may have been removed, or another one put in its place. */
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
    const reading = new Reading(database)
    this.#isLive = opened.isLive
    this.#isSuspect = opened.isSuspect
    this.#raw = opened.raw
    this.notes = opened.notes
    this.damage.push(...opened.damage.filter((words) => !this.damage.includes(words)))
    this.#names?.attach(database)
    this.#names ??= new DimensionReader(database)
    const names = this.#names
    this.#access = {
      database,
      frames: this.#layered(new FrameReader(database, names)),
      minutes: new MinuteReader(database, names),
      names,
    }
    this.#reading = reading
    reading.end()
    return this.#access
  }
}

/** Reads of one state of a file. */
class Reading {
  readonly #database: Database
  readonly #begin: Statement
  readonly #end: Statement
  readonly #version: Query
  /** of the schema that was looked at */
  readonly #known: number

  /** @throws CorruptRow where SQLite sees another schema than ours */
  constructor(database: Database) {
    this.#database = database
    this.#begin = database.prepare('BEGIN')
    // COMMIT fails once more where a page was found damaged.
    this.#end = database.prepare('ROLLBACK')
    this.#version = query(database, 'PRAGMA schema_version')
    this.#begin.run()
    const problem = foreignObject(database)
    if (problem !== null) throw new CorruptRow(problem)
    this.#known = this.#found()
  }

  /** @returns false where the schema is another one meanwhile, or a journal has come to lie beside the file: open it again */
  begin(): boolean {
    try {
      if (!this.#database.inTransaction) this.#begin.run()
      if (this.#found() === this.#known) return true
    } catch (error) {
      if (!cannotWriteBeside(error)) throw error
    }
    this.end()
    return false
  }

  end(): void {
    if (this.#database.open && this.#database.inTransaction) this.#end.run()
  }

  /** The first read, which fixes what all of them see. */
  #found(): number {
    return integer(this.#version.get()?.[0])
  }
}
