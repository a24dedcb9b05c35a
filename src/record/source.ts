/** The live source of frames: lines of a running helper, or of a capture of one, become frames as they arrive. */
import { Differ } from '../frame/diff.ts'
import type { Marker, SecondFrame } from '../frame/frame.ts'
import type { Snapshot } from '../frame/snapshot.ts'
import { clockEvent, type ClockEvent, type Clocks } from './clock.ts'
import { Decoder } from './decoder.ts'
import type { HelloLine } from './wire.ts'

export type SourceEvent =
  | { readonly kind: 'hello'; readonly hello: HelloLine }
  | { readonly kind: 'frame'; readonly frame: SecondFrame }
  | { readonly kind: 'marker'; readonly marker: Marker }
  /** the helper's clean end; its absence means that it died */
  | { readonly kind: 'bye'; readonly reason: string }

/** Ticks are numbered from 0; a recording that is appended to numbers them on. */
export async function* readSource(lines: AsyncIterable<string>): AsyncGenerator<SourceEvent> {
  const decoder = new Decoder()
  let differ: Differ | null = null
  let before: Clocks | null = null
  let suspended = false
  for await (const line of lines) {
    const decoded = decoder.decode(line)
    switch (decoded.kind) {
      case 'nothing':
        break
      case 'hello':
      case 'bye':
        yield decoded
        break
      case 'retired':
        differ?.forget(decoded.slot)
        break
      case 'snapshot': {
        const { snapshot } = decoded
        if (differ === null || before === null) {
          differ = new Differ(snapshot)
        } else {
          const frame = differ.next(snapshot)
          yield { kind: 'frame', frame: suspended ? { ...frame, gapBefore: 'suspend' } : frame }
          const event = clockEvent(before, snapshot)
          suspended = event.kind === 'suspend'
          const marker = markerOf(event, snapshot)
          if (marker !== null) yield { kind: 'marker', marker }
        }
        before = { wall: snapshot.wall, mono: snapshot.mono, boot: snapshot.boot }
        break
      }
    }
  }
}

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
