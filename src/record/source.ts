/** The live source of frames: turns the lines of a running helper, or of its captured output, into frames as they arrive. */
import { systemError } from '../errors.ts'
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import type { Snapshot } from '../frame/model/snapshot.ts'
import type { WallMicros } from '../frame/model/units.ts'
import { Differ } from '../frame/sum/diff.ts'
import { clockEvent, type ClockEvent, type Clocks } from './clock.ts'
import { Decoder, type Labels } from './decoder.ts'
import type { HelloLine } from './wire.ts'

export type SourceEvent =
  | { readonly kind: 'hello'; readonly hello: HelloLine }
  | { readonly kind: 'frame'; readonly frame: SecondFrame }
  | { readonly kind: 'marker'; readonly marker: Marker }
  /** once, before the end, if lines or rows were rejected */
  | { readonly kind: 'skipped'; readonly skipped: Skipped }
  /** the helper's clean end; without it, the helper died */
  | { readonly kind: 'bye'; readonly reason: string }

/** Output of the helper that is not in the frames. */
export interface Skipped {
  /** lines that were incomplete, invalid, out of order or with impossible clocks */
  readonly lines: number
  /** invalid rows of valid lines */
  readonly rows: number
  /** time of the last valid snapshot; null if there was none */
  readonly at: WallMicros | null
}

/**
 * Ticks are numbered from 0; a recording that is appended to continues its own numbers.
 * @throws UserError (exit 4) for another version of the wire, and for output that is not of a helper
 */
export async function* readSource(
  lines: AsyncIterable<string>,
  labels?: Labels,
): AsyncGenerator<SourceEvent> {
  const source = new Source(labels)
  for await (const line of lines) yield* source.read(line)
  yield* source.end()
}

/** A snapshot that waits, and what the helper has retired since. */
interface Held {
  readonly snapshot: Snapshot
  readonly since: (() => void)[]
}

/** ns; a helper that was stopped for longer is believed when its next snapshot follows. */
const LONGEST_STEADY = 60_000_000_000n

const goesOn = (before: Clocks, { mono }: Clocks): boolean =>
  mono > before.mono && mono - before.mono <= LONGEST_STEADY

/** A shell may print a few lines before the helper's hello. Beyond these limits, lines and characters, the source is no helper. */
const MAX_LINES_BEFORE_HELLO = 100
const MAX_CHARACTERS_BEFORE_HELLO = 2 ** 17
const MAX_REMARKS = 100

class Source {
  readonly #decoder: Decoder
  #differ: Differ | null = null
  #before: Clocks | null = null
  #held: Held | null = null
  #suspended = false
  #hasHello = false
  #charactersBeforeHello = 0
  /** snapshots with impossible clocks, and bye lines that were not the last line */
  #rejected = 0
  #remarks = 0
  #bye: string | null = null

  constructor(labels?: Labels) {
    this.#decoder = new Decoder(labels)
  }

  *read(line: string): Generator<SourceEvent> {
    const decoded = this.#decoder.decode(line)
    if (this.#bye !== null && decoded.kind !== 'nothing') this.#rejectBye()
    switch (decoded.kind) {
      case 'nothing':
        if (!this.#hasHello) this.#beforeHello(line)
        break
      case 'hello':
        this.#hasHello = true
        yield decoded
        break
      case 'bye':
        this.#bye = decoded.reason
        break
      case 'remark':
        yield* this.#remark(decoded.text)
        break
      case 'retired':
        this.#afterHeld(() => this.#differ?.retire(decoded.slot))
        break
      case 'retired_backend':
        this.#afterHeld(() => this.#differ?.retireBackend(decoded.backend))
        break
      case 'retired_wire':
        this.#afterHeld(() => this.#differ?.retireWire(decoded.id))
        break
      case 'snapshot':
        yield* this.#snapshot(decoded.snapshot)
        break
    }
  }

  *end(): Generator<SourceEvent> {
    if (this.#held !== null) yield* this.#release(this.#held)
    const lines = this.#decoder.malformed + this.#rejected
    const rows = this.#decoder.badRows + (this.#differ?.badRows ?? 0)
    if (lines + rows > 0) yield { kind: 'skipped', skipped: { lines, rows, at: this.#before?.wall ?? null } }
    if (this.#bye !== null) yield { kind: 'bye', reason: this.#bye }
  }

  /** A note in the evidence. A helper says a few; more are no help. */
  *#remark(text: string): Generator<SourceEvent> {
    if (this.#before === null || this.#remarks++ >= MAX_REMARKS) this.#rejected++
    else yield { kind: 'marker', marker: { at: this.#before.wall, kind: 'note', text } }
  }

  #beforeHello(line: string): void {
    this.#charactersBeforeHello += line.length
    if (
      this.#decoder.malformed <= MAX_LINES_BEFORE_HELLO &&
      this.#charactersBeforeHello <= MAX_CHARACTERS_BEFORE_HELLO
    )
      return
    throw notAHelper(line)
  }

  /** A bye that is followed by another line is not the end. */
  #rejectBye(): void {
    this.#bye = null
    this.#rejected++
  }

  /** A jump of the clock waits for the next snapshot: if that goes on from before the jump, the jump was a spoilt line. */
  *#snapshot(snapshot: Snapshot): Generator<SourceEvent> {
    const [held, before] = [this.#held, this.#before]
    this.#held = null
    if (held === null && before !== null && !goesOn(before, snapshot)) {
      this.#held = { snapshot, since: [] }
      return
    }
    if (held !== null && before !== null && goesOn(before, snapshot)) this.#withhold(held)
    else if (held !== null) yield* this.#release(held)
    yield* this.#tick(snapshot)
  }

  #afterHeld(retire: () => void): void {
    if (this.#held === null) retire()
    else this.#held.since.push(retire)
  }

  #withhold({ snapshot, since }: Held): void {
    this.#rejected++
    this.#differ?.withhold(snapshot)
    for (const retire of since) retire()
  }

  *#release({ snapshot, since }: Held): Generator<SourceEvent> {
    yield* this.#tick(snapshot)
    for (const retire of since) retire()
  }

  *#tick(snapshot: Snapshot): Generator<SourceEvent> {
    const before = this.#before
    this.#before = { wall: snapshot.wall, mono: snapshot.mono, boot: snapshot.boot }
    if (this.#differ === null || before === null) {
      this.#differ = new Differ(snapshot)
      return
    }
    const frame = this.#differ.next(snapshot)
    if (frame === null) {
      this.#rejected++
      return
    }
    yield { kind: 'frame', frame: this.#suspended ? { ...frame, gapBefore: 'suspend' } : frame }
    const event = clockEvent(before, snapshot)
    this.#suspended = event.kind === 'suspend'
    const marker = markerOf(event, snapshot)
    if (marker !== null) yield { kind: 'marker', marker }
  }
}

const notAHelper = (line: string): Error =>
  systemError(
    `this is no helper: it has not said hello, and writes "${line.slice(0, 60)}"`,
    '--probe takes a command that writes the lines of upstreamtop-probe.',
  )

function markerOf(event: ClockEvent, snapshot: Snapshot): Marker | null {
  switch (event.kind) {
    case 'steady':
      return null
    case 'suspend':
      return { at: snapshot.wall, kind: 'suspend', text: `suspended for ${secondsText(event.micros)}` }
    case 'step':
      return { at: snapshot.wall, kind: 'clock_step', text: `clock stepped by ${secondsText(event.micros)}` }
  }
}

const secondsText = (span: number): string => `${(span / 1_000_000).toFixed(1)} s`
