/** The live source of frames: lines of a running helper, or of a capture of one, become frames as they arrive. */
import { systemError } from '../errors.ts'
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import type { Snapshot } from '../frame/model/snapshot.ts'
import type { WallMicros } from '../frame/model/units.ts'
import { Differ } from '../frame/sum/diff.ts'
import { clockEvent, type ClockEvent, type Clocks } from './clock.ts'
import { Decoder } from './decoder.ts'
import type { HelloLine } from './wire.ts'

export type SourceEvent =
  | { readonly kind: 'hello'; readonly hello: HelloLine }
  | { readonly kind: 'frame'; readonly frame: SecondFrame }
  | { readonly kind: 'marker'; readonly marker: Marker }
  /** once, before the end, where something was not believed */
  | { readonly kind: 'skipped'; readonly skipped: Skipped }
  /** the helper's clean end; its absence means that it died */
  | { readonly kind: 'bye'; readonly reason: string }

/** What the helper wrote and no number shows. */
export interface Skipped {
  /** lines that were torn, of another shape, out of place or impossible */
  readonly lines: number
  /** rows of good lines that could not be */
  readonly rows: number
  /** of the last good snapshot; null where none came */
  readonly at: WallMicros | null
}

/**
 * Ticks are numbered from 0; a recording that is appended to numbers them on.
 * @throws UserError (exit 4) for another version of the wire, and for what is none
 */
export async function* readSource(lines: AsyncIterable<string>): AsyncGenerator<SourceEvent> {
  const source = new Source()
  for await (const line of lines) yield* source.read(line)
  yield* source.end()
}

/** A shell may greet before the helper does; whoever goes on so is none. Lines, and characters of them. */
const MOST_BEFORE_HELLO = 100
const LONGEST_BEFORE_HELLO = 2 ** 17

class Source {
  readonly #decoder = new Decoder()
  #differ: Differ | null = null
  #before: Clocks | null = null
  #suspended = false
  #hasGreeted = false
  #greeting = 0
  /** snapshots whose clocks cannot be true, and farewells that were none */
  #misplaced = 0
  #farewell: string | null = null;

  *read(line: string): Generator<SourceEvent> {
    const decoded = this.#decoder.decode(line)
    if (this.#farewell !== null && decoded.kind !== 'nothing') this.#stay()
    switch (decoded.kind) {
      case 'nothing':
        if (!this.#hasGreeted) this.#beforeHello(line)
        break
      case 'hello':
        this.#hasGreeted = true
        yield decoded
        break
      case 'bye':
        this.#farewell = decoded.reason
        break
      case 'retired':
        this.#differ?.retire(decoded.slot)
        break
      case 'snapshot':
        yield* this.#tick(decoded.snapshot)
        break
    }
  }

  *end(): Generator<SourceEvent> {
    const lines = this.#decoder.malformed + this.#misplaced
    const rows = this.#decoder.badRows + (this.#differ?.badRows ?? 0)
    if (lines + rows > 0) yield { kind: 'skipped', skipped: { lines, rows, at: this.#before?.wall ?? null } }
    if (this.#farewell !== null) yield { kind: 'bye', reason: this.#farewell }
  }

  #beforeHello(line: string): void {
    this.#greeting += line.length
    if (this.#decoder.malformed <= MOST_BEFORE_HELLO && this.#greeting <= LONGEST_BEFORE_HELLO) return
    throw noHelper(line)
  }

  /** Whoever says goodbye and goes on has not gone. */
  #stay(): void {
    this.#farewell = null
    this.#misplaced++
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
      this.#misplaced++
      return
    }
    yield { kind: 'frame', frame: this.#suspended ? { ...frame, gapBefore: 'suspend' } : frame }
    const event = clockEvent(before, snapshot)
    this.#suspended = event.kind === 'suspend'
    const marker = markerOf(event, snapshot)
    if (marker !== null) yield { kind: 'marker', marker }
  }
}

const noHelper = (line: string): Error =>
  systemError(
    `this is no helper: it has not said hello, and writes "${line.slice(0, 60)}"`,
    '--probe takes a command that writes the lines of upstreamtop-probe.',
  )

function markerOf(event: ClockEvent, snapshot: Snapshot): Marker | null {
  switch (event.kind) {
    case 'steady':
      return null
    case 'suspend':
      return { at: snapshot.wall, kind: 'suspend', text: `suspended for ${seconds(event.micros)}` }
    case 'step':
      return { at: snapshot.wall, kind: 'clock_step', text: `clock stepped by ${seconds(event.micros)}` }
  }
}

const seconds = (span: number): string => `${(span / 1_000_000).toFixed(1)} s`
