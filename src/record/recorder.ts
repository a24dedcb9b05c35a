/** The recorder: reads a source to its end and gives every frame to its taps, in order. */
import { systemError } from '../errors.ts'
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import type { RecordingSink } from '../frame/model/recording.ts'
import type { Helper } from './helper.ts'
import { readSource, type Skipped } from './source.ts'
import type { HelloLine } from './wire.ts'

/** What gets every frame: a file, a buffer in memory, a line on stderr. */
export interface Tap {
  frame(frame: SecondFrame): void
  marker(marker: Marker): void
}

/** On a large host the helper needs some seconds to find all nginx processes. */
const PATIENCE_MS = 60_000
/** How long the helper may run after its lines have ended. */
const LINGER_MS = 1000

/**
 * `attached` is called once, with the programs attached: it opens whatever the frames go into.
 * Resolves when the helper has said goodbye. Whatever came before an early end has reached the taps, and so has, as a marker, how much of
 * what it wrote was not believed.
 * @param patienceMs how long it may be silent before it says hello
 * @throws UserError (exit 4) when the helper could not start or died
 */
export async function record(
  helper: Helper,
  attached: (hello: HelloLine) => readonly Tap[],
  patienceMs = PATIENCE_MS,
): Promise<void> {
  let taps: readonly Tap[] | null = null
  let farewell: string | null = null
  let skipped: Skipped | null = null
  const late = new AbortController()
  const deadline = setTimeout(() => {
    late.abort()
    helper.stop()
  }, patienceMs)
  const mark = (marker: Marker): void => taps?.forEach((tap) => tap.marker(marker))
  try {
    for await (const event of readSource(helper.lines)) {
      switch (event.kind) {
        case 'hello':
          clearTimeout(deadline)
          taps = attached(event.hello)
          break
        case 'frame':
          for (const tap of taps ?? []) tap.frame(event.frame)
          break
        case 'marker':
          mark(event.marker)
          break
        case 'skipped':
          skipped = event.skipped
          if (skipped.at !== null) mark({ at: skipped.at, kind: 'note', text: wordsOf(skipped) })
          break
        case 'bye':
          farewell = event.reason
          break
      }
    }
  } finally {
    clearTimeout(deadline)
  }
  // Without its lines it is of no use.
  const lingering = setTimeout(() => helper.stop(), LINGER_MS)
  await helper.ended.finally(() => clearTimeout(lingering))
  if (taps === null) throw noHello(skipped, late.signal.aborted ? patienceMs : null)
  if (farewell === null)
    throw systemError('the helper ended without its last dump', 'the recording is kept as it is')
}

function noHello(skipped: Skipped | null, waitedMs: number | null): Error {
  if (waitedMs !== null)
    return systemError(`the helper did not say hello within ${waitedMs / 1000} s`, 'Nothing was captured.')
  const said = skipped === null ? '' : ` (${wordsOf(skipped)})`
  return systemError(
    `the helper ended before it said hello${said}`,
    'Nothing was captured; what it said is above.',
  )
}

/** `skipped of the helper's lines: 2 that are not of the wire, 5 rows that cannot be` */
function wordsOf({ lines, rows }: Skipped): string {
  const parts = [
    ...(lines === 0 ? [] : [`${lines} not of the wire`]),
    ...(rows === 0 ? [] : [`${rows} ${rows === 1 ? 'row' : 'rows'} that cannot be`]),
  ]
  return `skipped of the helper's lines: ${parts.join(', ')}`
}

export const tapOf = (sink: RecordingSink): Tap => ({
  frame: (frame) => sink.append(frame),
  marker: (marker) => sink.mark(marker),
})
