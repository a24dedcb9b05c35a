/** Reads a moment of a recording: the frame, its window and the seconds before it. Each is read once, and only what the page needs. */
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../../frame/model/counters.generated.ts'
import type { RequestEvent, SecondFrame } from '../../frame/model/frame.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { addMicros, micros, monotonicNanos } from '../../frame/model/units.ts'
import { elapsedOf } from '../../frame/time/elapsed.ts'
import { missingBefore } from '../../frame/time/gaps.ts'
import { subjectSecond, type History, type Subject, type SubjectSecond } from '../../frame/views/drilldown.ts'
import { CHART_SECONDS, newestFirst, SERIES_SECONDS, type Moment } from '../../frame/views/moment.ts'
import type { Stop } from '../time/stops.ts'
import { ActivityReader } from './activity-reader.ts'
import { Windows } from './windows.ts'

/** Frames kept for a picture that is redrawn without moving; others are read again when needed. */
const FRAMES_KEPT = 8
/** More than any screen has rows. */
const REQUESTS_KEPT = 120

export class MomentReader {
  readonly #recording: Recording
  readonly #activity: ActivityReader
  readonly #windows: Windows
  readonly #frames = new Map<number, SecondFrame | null>()
  #last: { readonly key: string; readonly moment: Moment } | null = null
  /** seconds of the last subject, by sequence number */
  #kept: { readonly key: string; readonly seconds: ReadonlyMap<number, SubjectSecond | null> } = {
    key: '',
    seconds: new Map(),
  }

  constructor(recording: Recording) {
    this.#recording = recording
    this.#activity = new ActivityReader(recording)
    this.#windows = new Windows(recording)
  }

  /** Called several times per picture for the same moment, so the last result is kept. */
  at(stop: Stop, windowSeconds: number): Moment {
    const key = `${stop.kind === 'gap' ? stop.reason : 'tick'} ${stop.seq} ${windowSeconds}`
    if (this.#last?.key !== key) this.#last = { key, moment: this.#read(stop, windowSeconds) }
    return this.#last.moment
  }

  #read(stop: Stop, windowSeconds: number): Moment {
    const { ticks } = this.#recording
    const at = tickIndexOf(stop, ticks)
    const tick = ticks[at]!
    const frame = this.#frame(tick.seq)
    const series = slotsBefore(ticks, at, SERIES_SECONDS)
    return {
      frame: frame ?? unreadable(tick),
      ...this.#window(ticks, at, windowSeconds, frame ?? unreadable(tick)),
      windowSeconds,
      activity: this.#activity.of(series),
      requests: this.#requests(series),
      gap: stop.kind === 'gap' ? stop : frame === null ? damagedGap(tick) : null,
    }
  }

  /** The values that the charts of a backend or a route show, per second. Only these are kept, not the frames. */
  history(stop: Stop, subject: Subject): History {
    const key = `${subject.backend} ${subject.route ?? ''}`
    const known = this.#kept.key === key ? this.#kept.seconds : new Map<never, never>()
    const seconds = new Map<number, SubjectSecond | null>()
    const { ticks } = this.#recording
    const history = slotsBefore(ticks, tickIndexOf(stop, ticks), CHART_SECONDS).map((slot) => {
      if (slot === null) return null
      const second = known.get(slot.seq) ?? this.#second(slot.seq, subject)
      seconds.set(slot.seq, second)
      return second
    })
    this.#kept = { key, seconds }
    return history
  }

  #second(seq: number, subject: Subject): SubjectSecond | null {
    const frame = this.#recording.frame(seq)
    return frame && subjectSecond(frame, subject)
  }

  /** The sum of the ticks up to `last` that began within the window; half a second of tolerance. */
  #window(
    ticks: readonly TickSummary[],
    last: number,
    seconds: number,
    frame: SecondFrame,
  ): Pick<Moment, 'window' | 'elapsed'> {
    let first = last
    let back: number = ticks[last]!.length
    for (let i = last - 1; i >= 0; i--) {
      back += ticks[i]!.length + gapLength(ticks, i + 1)
      if (back > seconds * 1e6 + 500_000) break
      first = i
    }
    return {
      window: this.#windows.sum({ from: ticks[first]!.seq, to: ticks[last]!.seq + 1 }, frame),
      elapsed: elapsedOf(ticks.slice(first, last + 1)),
    }
  }

  /** Newest first. Reads only as many seconds as fill a screen. */
  #requests(slots: readonly (TickSummary | null)[]): RequestEvent[] {
    const found: RequestEvent[] = []
    for (let i = slots.length - 1; i >= 0 && found.length < REQUESTS_KEPT; i--) {
      const slot = slots[i]
      if (slot) found.push(...this.#requestsOf(slot.seq).sort(newestFirst).slice(0, REQUESTS_KEPT))
    }
    return found
  }

  #requestsOf(seq: number): RequestEvent[] {
    const known = this.#frames.get(seq)
    return known ? [...known.requests] : [...this.#recording.requests({ from: seq, to: seq + 1 })]
  }

  #frame(seq: number): SecondFrame | null {
    const known = this.#frames.get(seq)
    if (known !== undefined) {
      this.#frames.delete(seq)
      this.#frames.set(seq, known)
      return known
    }
    const frame = this.#recording.frame(seq)
    this.#frames.set(seq, frame)
    if (this.#frames.size > FRAMES_KEPT) this.#frames.delete(this.#frames.keys().next().value!)
    return frame
  }
}

/** Indexes of ticks shift when more is read or damage is found; sequence numbers stay. */
function tickIndexOf({ tick, seq }: Stop, ticks: readonly TickSummary[]): number {
  if (ticks[tick]?.seq === seq) return tick
  return Math.max(
    0,
    ticks.findLastIndex((candidate) => candidate.seq <= seq),
  )
}

/** The tick of each of the last seconds, in order; null for a second without one. */
function slotsBefore(ticks: readonly TickSummary[], last: number, seconds: number): (TickSummary | null)[] {
  const slots: (TickSummary | null)[] = []
  for (let i = last; i >= 0 && slots.length < seconds; i--) {
    // Empty slots: the seconds of a late tick after its first one, and the seconds that were not recorded.
    const late = Math.round(ticks[i]!.length / 1e6) - 1
    const missing = i < last ? Math.round(gapLength(ticks, i + 1) / 1e6) : 0
    for (let k = Math.min(seconds, late + missing); k > 0; k--) slots.push(null)
    slots.push(ticks[i]!)
  }
  return slots.slice(0, seconds).reverse()
}

/** Length of the gap before a tick, µs; 0 without a gap. A clock step is no gap. */
function gapLength(ticks: readonly TickSummary[], i: number): number {
  const gap = missingBefore(ticks[i - 1], ticks[i]!)
  return gap === null ? 0 : gap.to - gap.from
}

const unreadable = ({ seq, start, length, gapBefore }: TickSummary): SecondFrame => ({
  seq,
  start,
  mono: monotonicNanos(0n),
  length,
  traffic: [],
  connections: [],
  wires: null,
  requests: [],
  loss: NO_LOSS,
  excluded: NO_EXCLUDED,
  control: NO_CONTROL,
  cost: { cpu: micros(0), rssBytes: 0, commit: micros(0) },
  gapBefore,
  final: false,
})

const damagedGap = ({ start, length }: TickSummary): Moment['gap'] => ({
  from: start,
  to: addMicros(start, length),
  reason: 'damaged',
})
