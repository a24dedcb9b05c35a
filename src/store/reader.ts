/** A recording as its readers see it. Every call is a short read; nothing is kept open while a file is being followed. */
import type { Aggregate } from '../frame/aggregate.ts'
import type { Gap, Marker, RequestEvent, SecondFrame } from '../frame/frame.ts'
import type { Recording, RecordingInfo, SeqRange, TickSummary } from '../frame/recording.ts'
import { aggregate } from './aggregate.ts'
import { Connection } from './connection.ts'
import { readInfo } from './info.ts'
import { readMarkers } from './markers.ts'
import { gapsOf, readSeries, type Series } from './ticks.ts'

export interface OpenOptions {
  /** the file is being recorded: look for more at each refresh, and never hold up its recorder */
  readonly follow?: boolean
}

/** @param file a path, `-` for standard input; gzipped or not. @throws UserError (exit 2 not there, exit 5 not readable) */
export function openRecording(file: string, options: OpenOptions = {}): Recording {
  return new StoredRecording(new Connection(file, options.follow ?? false))
}

class StoredRecording implements Recording {
  readonly #connection: Connection
  readonly #series: Series = { ticks: [], minutes: [] }
  #info: RecordingInfo
  #markers: readonly Marker[] = []
  #gaps: readonly Gap[] | null = null

  constructor(connection: Connection) {
    this.#connection = connection
    readSeries(connection.database, this.#series)
    this.#markers = readMarkers(connection.database)
    this.#info = readInfo(connection.database, connection.file, this.#series.ticks)
    connection.rest()
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
    return this.#connection.damage
  }
  get gaps(): readonly Gap[] {
    return (this.#gaps ??= gapsOf(this.#series.ticks))
  }

  frame(seq: number): SecondFrame | null {
    return this.#connection.use(({ frames }) => frames.read(seq))
  }

  aggregate(range: SeqRange): Aggregate {
    return this.#connection.use((access) => aggregate(access, this.#series.minutes, range))
  }

  *requests(range: SeqRange): Iterable<RequestEvent> {
    for (let seq = range.from; seq < range.to; seq++) {
      yield* this.#connection.use(({ frames }) => frames.requests(seq))
    }
  }

  refresh(): boolean {
    const { database } = this.#connection
    const markers = readMarkers(database)
    const more = readSeries(database, this.#series) || markers.length > this.#markers.length
    if (more) {
      this.#markers = markers
      this.#gaps = null
    }
    this.#info = readInfo(database, this.#connection.file, this.#series.ticks)
    this.#connection.rest()
    return more
  }

  close(): void {
    this.#connection.close()
  }
}
