/**
 * A capture as a helper. A file is read by a thread of its own, so that a packet need not wait until what was read before is
 * written; what arrives on standard input by this one.
 */
import { openCapture } from './bytes.ts'
import { linesOf } from '../lines.ts'
import { Reading, type CaptureFileOptions, type ReportReading } from './reading.ts'
import { readInThread, startBundled, type StartThread } from './thread.ts'

/** As a helper's: see helper.ts. */
export interface CaptureLines {
  readonly lines: AsyncIterable<string>
  /** reads no further: the last tick is the one that was reached */
  stop(): void
  readonly ended: Promise<'by itself'>
}

/** @throws UserError if there is no such file; the lines, if it is no capture */
export function openCaptureFile(
  options: CaptureFileOptions,
  report: ReportReading,
  stdin: () => AsyncIterable<Uint8Array> = () => process.stdin,
  start: StartThread = startBundled,
): CaptureLines {
  const bytes = openCapture(options.file, stdin)
  const stopping = new AbortController()
  let end: (() => void) | undefined
  const ended = new Promise<'by itself'>((resolve) => (end = () => resolve('by itself')))
  const read = (): AsyncIterable<Uint8Array> => {
    if (bytes.size === null || start === null)
      return new Reading(options, bytes, report, stopping.signal).lines()
    // The thread opens it for itself.
    bytes.plain?.close()
    return readInThread(start(options), report, stopping.signal)
  }
  async function* lines(): AsyncGenerator<Uint8Array> {
    try {
      yield* read()
    } finally {
      end?.()
    }
  }
  return { lines: linesOf(lines()), stop: () => stopping.abort(), ended }
}
