/** An in-memory terminal: it takes keys, and an emulator gives the screen. */
import { PassThrough, Writable } from 'node:stream'
import xterm from '@xterm/headless'
import type { Depth } from '../../src/render/theme.ts'
import type { Terminal } from '../../src/replay/terminal/screen.ts'

export interface Cell {
  readonly text: string
  readonly inverse: boolean
  readonly bold: boolean
  /** palette index, -1 for the default colour */
  readonly foreground: number
}

export class FakeTerminal implements Terminal {
  readonly input: PassThrough & { setRawMode(on: boolean): unknown }
  readonly output: Writable & { columns: number; rows: number }
  readonly depth: Depth
  readonly isAscii: boolean
  isRaw = false
  /** all output so far */
  written = ''
  readonly #emulator: xterm.Terminal

  constructor(columns = 120, rows = 36, depth: Depth = 'colour', isAscii = false) {
    this.depth = depth
    this.isAscii = isAscii
    this.#emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
    this.input = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => (this.isRaw = on) })
    const write = (chunk: Buffer, _: string, done: () => void): void => {
      this.written += chunk.toString()
      this.#emulator.write(chunk, done)
    }
    this.output = Object.assign(new Writable({ write }), { columns, rows })
  }

  /** Types keys and waits for the screen. */
  async type(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.input.write(key)
      // A lone ESC is recognised only after a delay.
      await pause(key === '\u001b' ? 150 : 5)
    }
    await this.settled()
  }

  async settled(): Promise<void> {
    await pause(5)
    await new Promise<void>((done) => this.#emulator.write('', done))
  }

  /** Waits until the screen shows it. @throws with the screen after a timeout */
  async shows(what: RegExp | (() => boolean)): Promise<string> {
    for (let tries = 0; tries < 500; tries++) {
      await this.settled()
      if (what instanceof RegExp ? what.test(this.text) : what()) return this.text
      await pause(20)
    }
    throw new Error(`${String(what)} did not come:\n${this.text}`)
  }

  resize(columns: number, rows: number): void {
    this.#emulator.resize(columns, rows)
    Object.assign(this.output, { columns, rows })
    this.output.emit('resize')
  }

  get isAlternate(): boolean {
    return this.#emulator.buffer.active.type === 'alternate'
  }

  get lines(): readonly string[] {
    const { active } = this.#emulator.buffer
    return Array.from(
      { length: this.#emulator.rows },
      (_, row) => active.getLine(row)?.translateToString().trimEnd() ?? '',
    )
  }

  get text(): string {
    return this.lines.join('\n')
  }

  cell(row: number, column: number): Cell {
    const cell = this.#emulator.buffer.active.getLine(row)?.getCell(column)
    return {
      text: cell?.getChars() ?? '',
      inverse: cell?.isInverse() === 1 || (cell?.isInverse() ?? 0) > 0,
      bold: (cell?.isBold() ?? 0) > 0,
      foreground: cell?.isFgPalette() === true ? cell.getFgColor() : -1,
    }
  }
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((done) => setTimeout(done, milliseconds))

export const KEYS = {
  escape: '\u001b',
  enter: '\r',
  up: '\u001b[A',
  down: '\u001b[B',
  right: '\u001b[C',
  left: '\u001b[D',
  shiftRight: '\u001b[1;2C',
  shiftLeft: '\u001b[1;2D',
  ctrlRight: '\u001b[1;5C',
  ctrlLeft: '\u001b[1;5D',
} as const
