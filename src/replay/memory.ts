/** The last hour of a running probe as a recording: what gives live its time travel. Bounded; the oldest ticks go. */
import { NOTHING, ofFrame, sumOf, type Aggregate } from '../frame/aggregate.ts'
import { classCount } from '../frame/measure.ts'
import type { FailureKind, Gap, Marker, RequestEvent, SecondFrame } from '../frame/frame.ts'
import { FAILURE_KINDS } from '../frame/frame.ts'
import type { Recording, RecordingInfo, RecordingSink, SeqRange, TickSummary } from '../frame/recording.ts'
import { LATE } from '../frame/diff.ts'
import { addMicros, wallMicros } from '../frame/units.ts'

export type MemoryInfo = Omit<RecordingInfo, 'start' | 'end' | 'ticks' | 'complete'> &
  Partial<Pick<RecordingInfo, 'start' | 'complete'>>

export class MemoryRecording implements Recording, RecordingSink {
  readonly damage: readonly string[] = []
  readonly #about: MemoryInfo
  readonly #limit: number
  #frames: SecondFrame[] = []
  #ticks: TickSummary[] = []
  #gaps: Gap[] = []
  #markers: Marker[] = []
  #changed = false
  #listener: (() => void) | null = null

  /** @param limit ticks kept at most */
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
    const gap = gapBefore(this.#frames.at(-1), frame)
    if (gap !== null) this.#gaps.push(gap)
    this.#frames.push(frame)
    this.#ticks.push(summaryOf(frame))
    if (this.#frames.length > this.#limit) this.#forget(Math.max(1, this.#limit >> 4))
    this.#grown()
  }

  mark(marker: Marker): void {
    this.#markers.push(marker)
    this.#grown()
  }

  frame(seq: number): SecondFrame | null {
    const first = this.#frames[0]
    return first === undefined ? null : (this.#frames[seq - first.seq] ?? null)
  }

  aggregate(range: SeqRange): Aggregate {
    const frames = this.#range(range)
    return frames.length === 0 ? NOTHING : sumOf(frames.map(ofFrame))
  }

  *requests(range: SeqRange): Iterable<RequestEvent> {
    for (const frame of this.#range(range)) yield* frame.requests
  }

  refresh(): boolean {
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  /** Called whenever a frame or a marker has come; there is one listener, the player. */
  onGrowth(listener: (() => void) | null): void {
    this.#listener = listener
  }

  close(): void {
    this.#listener = null
  }

  #range({ from, to }: SeqRange): SecondFrame[] {
    const first = this.#frames[0]?.seq ?? 0
    return this.#frames.slice(Math.max(0, from - first), Math.max(0, to - first))
  }

  /** New arrays, a sixteenth of the hour at a time: whoever holds the old ones keeps a consistent view. */
  #forget(ticks: number): void {
    this.#frames = this.#frames.slice(ticks)
    this.#ticks = this.#ticks.slice(ticks)
    const { start } = this.#ticks[0]!
    this.#gaps = this.#gaps.filter((gap) => gap.to > start)
    this.#markers = this.#markers.filter((marker) => marker.at >= start)
  }

  #grown(): void {
    this.#changed = true
    this.#listener?.()
  }
}

function gapBefore(before: SecondFrame | undefined, frame: SecondFrame): Gap | null {
  if (before === undefined) return null
  const end = addMicros(before.start, before.length)
  if (frame.gapBefore !== null) return { from: end, to: frame.start, reason: frame.gapBefore }
  return before.length > LATE ? { from: addMicros(before.start, LATE), to: end, reason: 'late' } : null
}

export function summaryOf(frame: SecondFrame): TickSummary {
  const sum = ofFrame(frame).totals
  const failures = FAILURE_KINDS.reduce((all, kind: FailureKind) => all + sum.failures[kind], 0)
  return {
    seq: frame.seq,
    start: frame.start,
    length: frame.length,
    requests: sum.requests,
    answered: sum.answered,
    fivexx: classCount(sum, 5),
    failures: failures + sum.connection.refused + sum.connection.connectTimeout,
    headerSum: sum.header.sum,
    gapBefore: frame.gapBefore,
  }
}
