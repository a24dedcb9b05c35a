/** Splits bytes into lines of limited length, so that gigabytes without a line end do not fill the memory. */

import { setImmediate } from 'node:timers/promises'

/** Three times the longest line of a helper whose 65,536 routes are all busy, bytes. */
const MAX_LENGTH = 64 * 2 ** 20
/** Bytes that are kept of a longer line: enough to recognise that it is no line of the wire. */
const KEPT_OF_LONG = 2 ** 16
const LINE_END = 0x0a

/** The last line may have no line end. A stream that breaks counts as ended. */
export async function* linesOf(
  bytes: AsyncIterable<Uint8Array>,
  maxLength = MAX_LENGTH,
): AsyncGenerator<string> {
  const pending = new PendingLine(maxLength)
  try {
    for await (const chunk of bytes) {
      let from = 0
      for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
        pending.add(chunk.subarray(from, end))
        yield pending.take()
        from = end + 1
      }
      pending.add(chunk.subarray(from))
      // A line that is too long is given at once: its end may never come.
      if (pending.isTooLong) yield pending.take()
      // Up to two megabytes are read ahead. Timers would wait until all of it is processed, and one of them stops the recording.
      await setImmediate()
    }
  } catch (error) {
    if (!isBroken(error)) throw error
  }
  if (pending.length > 0) yield pending.take()
}

class PendingLine {
  length = 0
  #parts: Uint8Array[] = []

  constructor(readonly maxLength: number) {}

  get isTooLong(): boolean {
    return this.length > this.maxLength
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return
    this.length += part.length
    this.#parts.push(part)
  }

  take(): string {
    const line = Buffer.concat(this.#parts, this.isTooLong ? KEPT_OF_LONG : this.length).toString()
    this.#parts = []
    this.length = 0
    return line
  }
}

/** The process was killed, or its stream was destroyed. */
const isBroken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
