/**
 * A terminal that is written to without ever waiting for it. Node writes to a terminal with blocking calls: one that is stopped,
 * or at the other end of a connection that hangs, would hold up whoever records.
 */
import { writeSync } from 'node:fs'

/** Where a screen is drawn. */
export interface Output {
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  /** bytes that the terminal has not taken yet */
  readonly writableLength: number
  write(text: string): unknown
  /** What is still waiting is dropped: this gets through, or the terminal is beyond help. Synchronous. */
  urgent?(text: string): void
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

/** ms */
const RETRY = 5
/** How long a terminal that takes nothing is begged to take the end of the screen, ms. */
const PATIENCE = 500

export class TerminalOutput implements Output {
  readonly #stdout: Omit<Output, 'urgent'>
  readonly #fd: number
  #waiting: Buffer = Buffer.alloc(0)
  #timer: NodeJS.Timeout | undefined

  /**
   * @param fd of the terminal, non-blocking
   * @param stdout knows the terminal's size
   */
  constructor(fd: number, stdout: Omit<Output, 'urgent'>) {
    this.#fd = fd
    this.#stdout = stdout
  }

  get columns(): number | undefined {
    return this.#stdout.columns
  }

  get rows(): number | undefined {
    return this.#stdout.rows
  }

  get writableLength(): number {
    return this.#waiting.length
  }

  write(text: string): void {
    this.#waiting = Buffer.concat([this.#waiting, Buffer.from(text)])
    if (this.#timer === undefined) this.#flush()
  }

  urgent(text: string): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting = Buffer.from(text)
    const until = performance.now() + PATIENCE
    while (!this.#push() && performance.now() < until) Atomics.wait(NEVER, 0, 0, RETRY)
    this.#waiting = Buffer.alloc(0)
  }

  on(event: 'resize', listener: () => void): void {
    this.#stdout.on(event, listener)
  }

  off(event: 'resize', listener: () => void): void {
    this.#stdout.off(event, listener)
  }

  /** Nothing is written any more. */
  end(): void {
    clearTimeout(this.#timer)
    this.#waiting = Buffer.alloc(0)
  }

  #flush(): void {
    this.#timer = this.#push() ? undefined : setTimeout(() => this.#flush(), RETRY)
  }

  /** As much as the terminal takes now; true when that was all. */
  #push(): boolean {
    try {
      while (this.#waiting.length > 0) {
        this.#waiting = this.#waiting.subarray(writeSync(this.#fd, this.#waiting))
      }
    } catch (error) {
      if (isFull(error)) return false
      // EIO: hung up. Who listens to the keys is told.
      this.#waiting = Buffer.alloc(0)
    }
    return true
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4))

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN'
