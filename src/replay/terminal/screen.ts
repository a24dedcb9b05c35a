/** The terminal as a screen. Every way to leave it restores what was on it before. */
import type { Readable } from 'node:stream'
import { asciiCells, asciiText } from '../../render/ascii.ts'
import type { Size } from '../../render/board.ts'
import { lineWidth, span, type Line } from '../../render/line.ts'
import { visible } from '../../render/text.ts'
import { paint, type Depth } from '../../render/theme.ts'
import type { Output } from './terminal-output.ts'

export interface Terminal {
  readonly input: Readable & { setRawMode(on: boolean): unknown }
  readonly output: Output
  readonly depth: Depth
  /** it shows only ASCII */
  readonly isAscii: boolean
  /** closes what was opened only for this screen */
  readonly release?: () => void
}

/** Alternate screen, no cursor, no automatic wrap (the terminal cuts a line that is too long), pasted text is marked. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[2J'
const BEGIN_FRAME = '\x1b[?2026h'
const END_FRAME = '\x1b[?2026l'
/** Ends the synchronized update first: the last picture may have been written only in part. */
const LEAVE = `${END_FRAME}\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l`
/** Above this many waiting bytes pictures are skipped; the terminal gets the newest one later. */
const MAX_PENDING = 65_536

export class Screen {
  readonly #terminal: Terminal
  #shown: readonly string[] = []
  #open = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  get size(): Size {
    // A pseudo-terminal without a size reports 0.
    const { columns = 0, rows = 0 } = this.#terminal.output
    return { columns: Math.max(20, columns || 80), rows: Math.max(6, rows || 24) }
  }

  get isAscii(): boolean {
    return this.#terminal.isAscii
  }

  get depth(): Depth {
    return this.#terminal.depth
  }

  open(): void {
    if (this.#open) return
    this.#open = true
    // Another program may have changed the mode while we were stopped. Node ignores a call that sets the mode it set last.
    this.#terminal.input.setRawMode(false)
    this.#terminal.input.setRawMode(true)
    this.#write(ENTER)
    this.#shown = []
  }

  /** Synchronous, so that it works while the process exits. Does not throw if the terminal is gone. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    try {
      this.#terminal.input.setRawMode(false)
    } catch {
      // The terminal has been hung up.
    }
    this.#write(LEAVE)
  }

  /** The next picture is drawn whole. */
  invalidate(): void {
    this.#shown = []
  }

  /** The terminal has not accepted the last pictures: draw later. */
  get isBehind(): boolean {
    return this.#open && this.#terminal.output.writableLength > MAX_PENDING
  }

  /** Writes only the lines that changed, in one call. */
  draw(lines: readonly Line[]): void {
    if (!this.#open) return
    const parts: string[] = this.#shown.length === 0 ? ['\x1b[2J'] : []
    const { columns } = this.size
    // After a full line the cursor stays on the last cell, and erasing would clear that cell.
    const texts = lines.map(
      (line) =>
        paint(this.isAscii ? asciiLine(line) : line, this.#terminal.depth) +
        (lineWidth(line) < columns ? '\x1b[K' : ''),
    )
    texts.forEach((text, row) => {
      if (text !== this.#shown[row]) parts.push(`\x1b[${row + 1};1H${text}`)
    })
    this.#shown = texts
    if (parts.length > 0) this.#terminal.output.write(BEGIN_FRAME + parts.join('') + END_FRAME)
  }

  /** Text that stays on the normal screen afterwards. */
  leave(text: string): void {
    this.#write(`${this.isAscii ? asciiText(visible(text)) : visible(text)}\n`)
  }

  #write(text: string): void {
    const { output } = this.#terminal
    if (output.urgent === undefined) output.write(text)
    else output.urgent(text)
  }
}

const asciiLine = (line: Line): Line => line.map(({ text, style }) => span(asciiCells(text), style))
