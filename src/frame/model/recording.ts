/** The metadata of a recording, and the port through which replay and report read one. */
import type { Aggregate } from './aggregate.ts'
import type { Backend, Gap, GapReason, Marker, RequestEvent, SecondFrame } from './frame.ts'
import type { Span } from './span.ts'
import type { TickColumns } from './tick-columns.ts'
import type { TlsReading } from './tls.ts'
import type { Micros, WallMicros } from './units.ts'

export interface RecordingInfo {
  /** as the user named it; '-' for standard input, 'live' for a running helper */
  readonly file: string
  readonly host: string
  /** IANA name: times are shown and read in it */
  readonly timeZone: string
  /** program and version that wrote it, `upstreamtop 0.1.0` */
  readonly tool: string
  readonly format: number
  readonly kernel: string
  /** of the first run */
  readonly arguments: readonly string[]
  /** all runs in their order, equal ones together; absent if there was one */
  readonly runs?: readonly Runs[] | undefined
  readonly interfaces: readonly string[]
  /** what it lacks, as its helper said at the start; absent in older recordings */
  readonly unseen?: readonly Unseen[]
  /** what was read within TLS, of each run with `--tls`; absent: nothing */
  readonly tls?: readonly TlsReading[] | undefined
  /** it ended cleanly, with the helper's last dump */
  readonly complete: boolean
  readonly start: WallMicros
  /** where it started before its oldest ticks were forgotten; absent if none were */
  readonly began?: WallMicros | undefined
  /** end of the last tick */
  readonly end: WallMicros
  readonly ticks: number
}

/** Format 1 has the address of a backend as the packet leaves; later formats have what was connected to. */
export const hasPacketAddresses = ({ format }: Pick<RecordingInfo, 'format'>): boolean => format === 1

/** Runs of the recorder, one after the other, with the same command line. */
export interface Runs {
  readonly arguments: readonly string[]
  readonly count: number
}

/** Something that a recording cannot show, and what would help. */
export interface Unseen {
  readonly what: string
  readonly remedy: string
}

/** One row of the tick table. Series of the whole file, scrubber and jumps need no frame beside it. */
export interface TickSummary {
  readonly seq: number
  readonly start: WallMicros
  readonly length: Micros
  readonly requests: number
  readonly answered: number
  readonly fivexx: number
  readonly failures: number
  /** sum of header times over `answered` */
  readonly headerSum: Micros
  readonly gapBefore: GapReason | null
}

/** Half open, by tick sequence. A tick belongs to a range of time if its wall start does. */
export interface SeqRange {
  readonly from: number
  readonly to: number
}

/** A backend's requests in one tick. */
export interface BackendActivity {
  readonly seq: number
  readonly backend: Backend
  readonly requests: number
}

/** A file, and the µs that are added to its clock. */
export interface RecordingPlace {
  readonly file: string
  readonly offset: number
}

/** The read interface of a recording: the store implements it over SQLite, tests over arrays. Every call is a short read. */
export interface Recording {
  readonly info: RecordingInfo
  /** all ticks in order; re-read by `refresh` while a file grows */
  readonly ticks: readonly TickSummary[]
  readonly gaps: readonly Gap[]
  readonly markers: readonly Marker[]
  /** what was repaired in memory to open it, as text; empty for an undamaged file */
  readonly damage: readonly string[]
  /** where another thread can open the same; null or absent: it can't, because it is in memory, or is being repaired there */
  readonly place?: RecordingPlace | null
  /** null if the tick's rows cannot be read */
  frame(seq: number): SecondFrame | null
  /**
   * The first ticks of the range by column, as many as are read at once: the same as their frames, in a part of the time. null: the first
   * ones can be read as frames only, because some are damaged, or the format is an older one. Absent where frames are in memory.
   */
  columns?(range: SeqRange): TickColumns | null
  /** exact sum over the range: rollups for whole minutes, ticks at both ends */
  aggregate(range: SeqRange): Aggregate
  /** the same range, not summed, for callers that sum it; absent where frames are in memory */
  spans?(range: SeqRange): readonly Span[]
  /** the request ring of the range, in order */
  requests(range: SeqRange): Iterable<RequestEvent>
  /**
   * Requests per backend and tick of the range, in order, cheaper to read than its frames. Damaged rows may be missing: compare it with the
   * ticks' requests. Absent where frames are in memory.
   */
  activity?(range: SeqRange): readonly BackendActivity[]
  /**
   * Checks unread ticks, of the range or all, in steps; yields the number of ticks done. It ends at the first damage, which is then in
   * `damage` and `gaps`. Absent where nothing can be damaged.
   */
  checkTicks?(range?: SeqRange): Generator<number, void>
  /** looks for new ticks and markers; true if there are any */
  refresh(): boolean
  close(): void
}

/** Where the recorder writes its frames: the store implements it. */
export interface RecordingSink {
  append(frame: SecondFrame): void
  mark(marker: Marker): void
  /** clean end; afterwards the file is complete and needs no other file */
  close(): void
}
