/** The recorder: reads a source to its end and passes every frame to its taps, in order. */
import { systemError } from '../errors.ts'
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import type { RecordingSink } from '../frame/model/recording.ts'
import type { Labels } from './decoder.ts'
import type { Helper } from './helper.ts'
import { readSource, type Skipped } from './source.ts'
import type { Thinner } from './thinner.ts'
import type { HelloLine } from './wire.ts'

/** A receiver of every frame: a file, a buffer in memory, a status line on stderr. */
export interface Tap {
  frame(frame: SecondFrame): void
  marker(marker: Marker): void
}

/** On a large host the helper needs some seconds to find all nginx processes. */
const HELLO_TIMEOUT_MS = 60_000
/** How long the helper may run after its stdout has ended. */
const EXIT_TIMEOUT_MS = 1000

export interface RecordOptions {
  readonly labels?: Labels
  readonly helloTimeoutMs?: number
  readonly thinner?: Thinner | null
}

/**
 * Resolves after the helper's bye. If the helper ends early, the taps have all frames until then. Lines and rows that were rejected are
 * counted in a marker.
 * @param attached is called once, when the programs are attached, and opens the taps
 * @param labels names of addresses, instead of those that the helper knows
 * @param helloTimeoutMs how long to wait for the helper's hello
 * @param thinner what every frame goes through before the taps have it
 * @throws UserError (exit 4) when the helper could not start or died
 */
export async function record(
  helper: Helper,
  attached: (hello: HelloLine) => readonly Tap[],
  { labels, helloTimeoutMs = HELLO_TIMEOUT_MS, thinner = null }: RecordOptions = {},
): Promise<void> {
  let taps: readonly Tap[] | null = null
  let bye: string | null = null
  let skipped: Skipped | null = null
  const late = new AbortController()
  const deadline = setTimeout(() => {
    late.abort()
    helper.stop()
  }, helloTimeoutMs)
  const mark = (marker: Marker): void => taps?.forEach((tap) => tap.marker(marker))
  try {
    for await (const event of readSource(helper.lines, labels)) {
      switch (event.kind) {
        case 'hello':
          clearTimeout(deadline)
          taps = attached(event.hello)
          break
        case 'frame': {
          const { frame, note } = thinner?.next(event.frame) ?? { frame: event.frame, note: null }
          for (const tap of taps ?? []) tap.frame(frame)
          if (note !== null) mark(note)
          break
        }
        case 'marker':
          mark(event.marker)
          break
        case 'skipped':
          skipped = event.skipped
          if (skipped.at !== null) mark({ at: skipped.at, kind: 'note', text: skippedText(skipped) })
          break
        case 'bye':
          bye = event.reason
          break
      }
    }
  } finally {
    clearTimeout(deadline)
  }
  // A helper whose stdout has ended is of no use.
  const exitTimeout = setTimeout(() => helper.stop(), EXIT_TIMEOUT_MS)
  await helper.ended.finally(() => clearTimeout(exitTimeout))
  if (taps === null) throw noHello(skipped, late.signal.aborted ? helloTimeoutMs : null)
  if (bye === null)
    throw systemError('the helper ended without its last dump', 'the recording is kept as it is')
}

function noHello(skipped: Skipped | null, waitedMs: number | null): Error {
  if (waitedMs !== null)
    return systemError(`the helper did not say hello within ${waitedMs / 1000} s`, 'Nothing was captured.')
  const said = skipped === null ? '' : ` (${skippedText(skipped)})`
  return systemError(
    `the helper ended before it said hello${said}`,
    'Nothing was captured; what it said is above.',
  )
}

/** `skipped of the helper's lines: 2 not of the wire, 5 rows that cannot be` */
function skippedText({ lines, rows }: Skipped): string {
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
