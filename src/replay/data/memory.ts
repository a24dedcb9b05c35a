/** The last hour of a running helper as a recording, for time travel in `live`. Bounded in time and memory; the oldest ticks are dropped. */
import { NOTHING, type Aggregate } from '../../frame/model/aggregate.ts'
import type { Gap, Marker, RequestEvent, SecondFrame } from '../../frame/model/frame.ts'
import type {
  Recording,
  RecordingInfo,
  RecordingSink,
  SeqRange,
  TickSummary,
} from '../../frame/model/recording.ts'
import { addMicros, wallMicros } from '../../frame/model/units.ts'
import { ofFrame, sumOf } from '../../frame/sum/merge.ts'
import { summaryOf } from '../../frame/sum/tick-summary.ts'
import { addGaps, gapsOf } from '../../frame/time/gaps.ts'
import { RowPacker, unpackRows, type PackedRows } from './packed-rows.ts'

export type MemoryInfo = Omit<RecordingInfo, 'start' | 'end' | 'ticks' | 'complete'> &
  Partial<Pick<RecordingInfo, 'start' | 'complete'>>

/** Holds an hour of 100 routes, or more than half an hour of 200. */
const BUDGET = 128e6
/** The newest NEW_TICKS ticks keep all requests. An older tick keeps at most so many failed and 5xx requests, and as many of all. */
const NEW_TICKS = 120
const OLD_REQUESTS = 100

/** A frame as it is kept: compact, because it is seldom read again. */
type KeptFrame = Omit<SecondFrame, 'traffic'> & { readonly traffic: PackedRows }

const unpacked = (frame: KeptFrame): SecondFrame => ({ ...frame, traffic: unpackRows(frame.traffic) })

/** Measured heap size of a connection and of a request, bytes. */
const bytesOf = ({ traffic, connections, wires, requests }: KeptFrame): number =>
  1000 +
  (16 * traffic.routes.length + traffic.numbers.byteLength) +
  700 * connections.length +
  100 * (wires?.length ?? 0) +
  100 * requests.length

export class MemoryRecording implements Recording, RecordingSink {
  readonly damage: readonly string[] = []
  readonly #about: MemoryInfo
  readonly #limit: number
  /** approximate bytes of all frames */
  #bytes = 0
  #frames: KeptFrame[] = []
  /** the frame that live draws, not packed */
  #newest: SecondFrame | null = null
  readonly #packer = new RowPacker()
  #ticks: TickSummary[] = []
  #gaps: Gap[] = []
  #markers: Marker[] = []
  #changed = false
  #listener: (() => void) | null = null

  /** @param limit most ticks that are kept */
  constructor(about: MemoryInfo, limit = 3600) {
    this.#about = about
    this.#limit = limit
  }

  get info(): RecordingInfo {
    const first = this.#ticks[0]
    const last = this.#ticks.at(-1)
    const start = first?.start ?? this.#about.start ?? wallMicros(0)
    const end = last === undefined ? start : addMicros(last.start, last.length)
    return { complete: false, ...this.#about, start, end, ticks: this.#ticks.length }
  }

  get ticks(): readonly TickSummary[] {
    return this.#ticks
  }

  get gaps(): readonly Gap[] {
    return this.#gaps
  }

  get markers(): readonly Marker[] {
    return this.#markers
  }

  append(frame: SecondFrame): void {
    addGaps(this.#gaps, this.#ticks.at(-1), frame)
    const kept = { ...frame, traffic: this.#packer.pack(frame.traffic) }
    this.#newest = frame
    this.#frames.push(kept)
    this.#ticks.push(summaryOf(frame))
    this.#bytes += bytesOf(kept)
    this.#thin()
    if (this.#frames.length > this.#limit || this.#bytes > BUDGET)
      this.#dropOldest(Math.max(1, this.#frames.length >> 4))
    this.#notify()
  }

  mark(marker: Marker): void {
    this.#markers.push(marker)
    this.#notify()
  }

  frame(seq: number): SecondFrame | null {
    if (seq === this.#newest?.seq) return this.#newest
    const frame = this.#frames[seq - (this.#frames[0]?.seq ?? 0)]
    return frame === undefined ? null : unpacked(frame)
  }

  aggregate(range: SeqRange): Aggregate {
    const frames = this.#range(range)
    return frames.length === 0 ? NOTHING : sumOf(frames.map((frame) => ofFrame(unpacked(frame))))
  }

  *requests(range: SeqRange): Iterable<RequestEvent> {
    for (const frame of this.#range(range)) yield* frame.requests
  }

  refresh(): boolean {
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  /** The listener is called after each new frame or marker. There is only one, the player. */
  onGrowth(listener: (() => void) | null): void {
    this.#listener = listener
  }

  close(): void {
    this.#listener = null
  }

  #range({ from, to }: SeqRange): KeptFrame[] {
    const first = this.#frames[0]?.seq ?? 0
    return this.#frames.slice(Math.max(0, from - first), Math.max(0, to - first))
  }

  /** Keeps a smaller sample of the requests of an older tick. */
  #thin(): void {
    const at = this.#frames.length - 1 - NEW_TICKS
    const frame = this.#frames[at]
    if (frame === undefined || frame.requests.length <= 2 * OLD_REQUESTS) return
    const thinned = { ...frame, requests: smallerSample(frame.requests) }
    this.#bytes += bytesOf(thinned) - bytesOf(frame)
    this.#frames[at] = thinned
  }

  /** Drops a sixteenth at a time, into new arrays: a reader that holds the old ones keeps a consistent view. */
  #dropOldest(ticks: number): void {
    for (const frame of this.#frames.slice(0, ticks)) this.#bytes -= bytesOf(frame)
    this.#frames = this.#frames.slice(ticks)
    this.#ticks = this.#ticks.slice(ticks)
    const { start } = this.#ticks[0]!
    this.#gaps = gapsOf(this.#ticks)
    this.#markers = this.#markers.filter((marker) => marker.at >= start)
  }

  #notify(): void {
    this.#changed = true
    this.#listener?.()
  }
}

function smallerSample(requests: readonly RequestEvent[]): readonly RequestEvent[] {
  const troubled = requests.filter(({ outcome }) => typeof outcome === 'string' || outcome >= 500)
  const kept = new Set([...evenly(troubled), ...evenly(requests)])
  return requests.filter((request) => kept.has(request))
}

function evenly(requests: readonly RequestEvent[]): readonly RequestEvent[] {
  const step = Math.ceil(requests.length / OLD_REQUESTS)
  return requests.filter((_, i) => i % step === 0)
}
