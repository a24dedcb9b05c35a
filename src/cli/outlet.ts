/**
 * All text leaves the program here. Control sequences in it are shown as text, so that no file or packet can control the terminal.
 * Text that we coloured ourselves has methods of its own.
 */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { printable, printablePainted, visible } from '../render/text.ts'

/** A stream as a program is given it. */
export type TextStream = Writable & {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

export class Outlet {
  /** the stream itself: only a screen, which draws nothing but lines made visible, may write to it */
  readonly stream: TextStream

  constructor(stream: TextStream) {
    this.stream = stream
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true
  }

  get columns(): number | undefined {
    return this.stream.columns
  }

  get rows(): number | undefined {
    return this.stream.rows
  }

  /** nobody reads it any more */
  get isClosed(): boolean {
    return this.stream.destroyed
  }

  /** Text of any number of lines. @returns false: wait for `drained` before the next */
  write(text: string): boolean {
    return this.stream.write(printable(text))
  }

  /** One line, whatever is in it: no value begins a line of its own. */
  line(text: string): void {
    this.stream.write(`${visible(text)}\n`)
  }

  /** Text in our own colours. */
  painted(text: string): boolean {
    return this.stream.write(printablePainted(text))
  }

  /** Over the line that the cursor is in, where it stays: progress. */
  inPlace(text: string): void {
    this.stream.write(`\r${visible(text).padEnd(PROGRESS_CELLS)}\r`)
  }

  /** False when it failed instead; src/main.ts tells of it. */
  async drained(): Promise<boolean> {
    return once(this.stream, 'drain').then(
      () => true,
      () => false,
    )
  }
}

const PROGRESS_CELLS = 70
