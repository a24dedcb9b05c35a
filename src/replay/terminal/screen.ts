/** The terminal as a screen: what was there is there again on every way out. The only impure part of the display. */
import type { Readable } from 'node:stream'
import type { Size } from '../../render/board.ts'
import { lineWidth, type Line } from '../../render/line.ts'
import { visible } from '../../render/text.ts'
import { paint, type Depth } from '../../render/theme.ts'
import type { Output } from './terminal-output.ts'

export interface Terminal {
  readonly input: Readable & { setRawMode(on: boolean): unknown }
  readonly output: Output
  readonly depth: Depth
  /** gives back what was opened for it alone */
  readonly release?: () => void
}

/** Alternate screen, no cursor, no automatic wrap: what would be too long is cut by the terminal at the worst. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J'
const BEGIN_FRAME = '\x1b[?2026h'
const END_FRAME = '\x1b[?2026l'
/** A frame may have been cut short. */
const LEAVE = `${END_FRAME}\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l`
/** A terminal that does not keep up gets the newest picture later instead of every one. */
const MOST_PENDING = 65_536

export class Screen {
  readonly #terminal: Terminal
  #shown: readonly string[] = []
  #open = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  get size(): Size {
    // A pseudo-terminal that nobody gave a size says 0.
    const { columns = 0, rows = 0 } = this.#terminal.output
    return { columns: Math.max(20, columns || 80), rows: Math.max(6, rows || 24) }
  }

  open(): void {
    if (this.#open) return
    this.#open = true
    // What another program did to the terminal while we were stopped is not what Node remembers.
    this.#terminal.input.setRawMode(false)
    this.#terminal.input.setRawMode(true)
    this.#write(ENTER)
    this.#shown = []
  }

  /** Synchronous, so that it works while the process is dying; a terminal that is gone is no reason to fail. */
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

  /** Everything is drawn again at the next frame. */
  forget(): void {
    this.#shown = []
  }

  /** It would show nothing more now: draw later. */
  get isBehind(): boolean {
    return this.#open && this.#terminal.output.writableLength > MOST_PENDING
  }

  /** Only lines that changed are written, in one go. */
  draw(lines: readonly Line[]): void {
    if (!this.#open) return
    const parts: string[] = this.#shown.length === 0 ? ['\x1b[2J'] : []
    const { columns } = this.size
    // Erasing behind a full line would take its last cell: the cursor stays on it.
    const texts = lines.map(
      (line) => paint(line, this.#terminal.depth) + (lineWidth(line) < columns ? '\x1b[K' : ''),
    )
    texts.forEach((text, row) => {
      if (text !== this.#shown[row]) parts.push(`\x1b[${row + 1};1H${text}`)
    })
    this.#shown = texts
    if (parts.length > 0) this.#terminal.output.write(BEGIN_FRAME + parts.join('') + END_FRAME)
  }

  /** Left behind on the screen that was there before. */
  leave(text: string): void {
    this.#write(`${visible(text)}\n`)
  }

  #write(text: string): void {
    const { output } = this.#terminal
    if (output.urgent === undefined) output.write(text)
    else output.urgent(text)
  }
}
