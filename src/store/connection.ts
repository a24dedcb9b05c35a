/** The database of a reader. While a file is followed it is closed between polls, so that its recorder can end cleanly. */
import { statSync } from 'node:fs'
import { recordingError } from '../errors.ts'
import { hasNoTables, isDamage, type Database } from './database.ts'
import { DimensionReader } from './dimensions.ts'
import { FrameReader, LayeredFrames, type Frames } from './frames.ts'
import { MinuteReader } from './minutes.ts'
import { openForReading, refuseNewer, withoutSchema, type Opened } from './open.ts'

export interface Access {
  readonly database: Database
  readonly frames: Frames
  readonly minutes: MinuteReader
  readonly names: DimensionReader
}

/** After the last read of a burst. */
const REST_MS = 200

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
    const result = read(this.#access ?? this.#open())
    this.rest()
    return result
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
      if (!isDamage(error) && !hasNoTables(error)) throw error
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
    this.#isLive = opened.isLive
    this.#isSuspect = opened.isSuspect
    this.#raw = opened.raw
    this.notes = opened.notes
    if (this.damage.length === 0) this.damage.push(...opened.damage)
    this.#names?.attach(database)
    this.#names ??= new DimensionReader(database)
    const names = this.#names
    this.#access = {
      database,
      frames: this.#layered(new FrameReader(database, names)),
      minutes: new MinuteReader(database, names),
      names,
    }
    return this.#access
  }
}
