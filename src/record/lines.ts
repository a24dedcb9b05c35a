/** Splits bytes into lines of limited length, so that gigabytes without a line end do not fill the memory. */

import { setImmediate } from 'node:timers/promises'

/** Three times what a helper with all its 65,536 routes busy writes. */
const LONGEST = 64 * 2 ** 20
/** Characters of a longer line that are passed on: enough to see that it is no line of the wire. */
const SHOWN = 2 ** 16
const LINE_END = 0x0a

/** The last one may lack its end. A stream that breaks, ends. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>, longest = LONGEST): AsyncGenerator<string> {
  const pending = new PendingLine(longest)
  try {
    for await (const chunk of bytes) {
      let from = 0
      for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
        pending.add(chunk.subarray(from, end))
        yield pending.take()
        from = end + 1
      }
      pending.add(chunk.subarray(from))
      // Said at once: a line end may never come.
      if (pending.isTooLong) yield pending.take()
      // Two megabytes may have been read ahead, and timers wait until they are through: one of them stops the recording.
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

  constructor(readonly longest: number) {}

  get isTooLong(): boolean {
    return this.length > this.longest
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return
    this.length += part.length
    this.#parts.push(part)
  }

  take(): string {
    const line = Buffer.concat(this.#parts, this.isTooLong ? SHOWN : this.length).toString()
    this.#parts = []
    this.length = 0
    return line
  }
}

/** The process was cut off, or its stream was. */
const isBroken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
