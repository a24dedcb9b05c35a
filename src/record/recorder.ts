/** The recorder: pulls a source dry and hands every frame to its taps, in order. */
import type { Marker, SecondFrame } from '../frame/frame.ts'
import type { RecordingSink } from '../frame/recording.ts'
import { systemError } from '../errors.ts'
import type { Probe } from './probe.ts'
import { readSource } from './source.ts'
import type { HelloLine } from './wire.ts'

/** What gets every frame: a file, a buffer in memory, a line on stderr. */
export interface Tap {
  frame(frame: SecondFrame): void
  marker(marker: Marker): void
}

/**
 * `attached` is called once, with the programs attached: it opens whatever the frames go into.
 * Resolves when the helper has said goodbye. Whatever came before an early end has reached the taps.
 * @throws UserError (exit 4) when the helper could not start or died
 */
export async function record(probe: Probe, attached: (hello: HelloLine) => readonly Tap[]): Promise<void> {
  let taps: readonly Tap[] | null = null
  let farewell: string | null = null
  for await (const event of readSource(probe.lines)) {
    switch (event.kind) {
      case 'hello':
        taps = attached(event.hello)
        break
      case 'frame':
        for (const tap of taps ?? []) tap.frame(event.frame)
        break
      case 'marker':
        for (const tap of taps ?? []) tap.marker(event.marker)
        break
      case 'bye':
        farewell = event.reason
        break
    }
  }
  await probe.ended
  if (taps === null)
    throw systemError('the helper ended before it said hello', 'Nothing was captured; what it said is above.')
  if (farewell === null)
    throw systemError('the helper ended without its last dump', 'the recording is kept as it is')
}

export const tapOf = (sink: RecordingSink): Tap => ({
  frame: (frame) => sink.append(frame),
  marker: (marker) => sink.mark(marker),
})
