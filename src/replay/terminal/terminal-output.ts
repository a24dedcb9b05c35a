/**
 * Writes to a terminal without blocking. Node's own writes to a terminal block: a terminal that is stopped, or whose connection
 * hangs, would also stop the recording.
 */
import { writeSync } from 'node:fs'

/** Where a screen is drawn. */
export interface Output {
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  /** bytes that the terminal has not accepted yet */
  readonly writableLength: number
  write(text: string): unknown
  /** Drops what is still waiting and writes this. Gives up when the terminal accepts nothing for too long. Synchronous. */
  urgent?(text: string): void
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

/** Time between two attempts, ms. */
const RETRY = 5
/** Time after which `urgent` gives up, ms. */
const GIVE_UP_AFTER = 500

export class TerminalOutput implements Output {
  readonly #stdout: Omit<Output, 'urgent'>
  readonly #fd: number
  #waiting: Buffer = Buffer.alloc(0)
  #timer: NodeJS.Timeout | undefined

  /**
   * @param fd of the terminal, non-blocking
   * @param stdout gives the terminal's size
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
    const until = performance.now() + GIVE_UP_AFTER
    while (!this.#push() && performance.now() < until) Atomics.wait(NEVER, 0, 0, RETRY)
    this.#waiting = Buffer.alloc(0)
  }

  on(event: 'resize', listener: () => void): void {
    this.#stdout.on(event, listener)
  }

  off(event: 'resize', listener: () => void): void {
    this.#stdout.off(event, listener)
  }

  /** Drops what is still waiting. Nothing may be written afterwards. */
  end(): void {
    clearTimeout(this.#timer)
    this.#waiting = Buffer.alloc(0)
  }

  #flush(): void {
    this.#timer = this.#push() ? undefined : setTimeout(() => this.#flush(), RETRY)
  }

  /** Writes as much as the terminal accepts now; true if that was everything. */
  #push(): boolean {
    try {
      while (this.#waiting.length > 0) {
        this.#waiting = this.#waiting.subarray(writeSync(this.#fd, this.#waiting))
      }
    } catch (error) {
      if (isFull(error)) return false
      // EIO: the terminal was hung up. The keyboard's listener reports it.
      this.#waiting = Buffer.alloc(0)
    }
    return true
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4))

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN'
