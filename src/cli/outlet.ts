/**
 * All text leaves the program here. Control sequences in it are shown as text, so that no file or packet can control the terminal.
 * Text in our own colours has its own method.
 */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { asciiCells, asciiText } from '../render/ascii.ts'
import { BYTE_ORDER_MARK, printable, printablePainted, visible } from '../render/text.ts'

/** A stream that is given to the program. */
export type TextStream = Writable & {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

export class Outlet {
  /** the raw stream. Only a screen may write to it, because a screen makes all its lines visible */
  readonly stream: TextStream
  /** text for people is written in ASCII */
  readonly isAscii: boolean

  constructor(stream: TextStream, isAscii = false) {
    this.stream = stream
    this.isAscii = isAscii
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

  /** its reader is gone */
  get isClosed(): boolean {
    return this.stream.destroyed
  }

  /** Text for programs, or for both, of any number of lines. @returns false: wait for `drained` before the next */
  write(text: string): boolean {
    return this.stream.write(printable(text))
  }

  /** Before all text: elsewhere `write` escapes it, because it is not visible. */
  byteOrderMark(): void {
    this.stream.write(BYTE_ORDER_MARK)
  }

  /** The same for people. */
  text(text: string): boolean {
    return this.write(this.#legible(text))
  }

  /** Exactly one line: line breaks in the text are escaped, so that no value can start a line. */
  line(text: string): void {
    this.stream.write(`${this.#legible(visible(text))}\n`)
  }

  /** Text in our own colours. */
  painted(text: string): boolean {
    return this.stream.write(printablePainted(this.isAscii ? asciiCells(text) : text))
  }

  /** Overwrites the cursor's line, and leaves the cursor at its start: for progress. */
  inPlace(text: string): void {
    this.stream.write(`\r${this.#legible(visible(text)).padEnd(PROGRESS_CELLS)}\r`)
  }

  #legible(text: string): string {
    return this.isAscii ? asciiText(text) : text
  }

  /** False if the stream has failed; src/main.ts reports that. */
  async drained(): Promise<boolean> {
    return once(this.stream, 'drain').then(
      () => true,
      () => false,
    )
  }
}

const PROGRESS_CELLS = 70
