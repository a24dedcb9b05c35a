/** The next of a stream, unless it pauses or reading is stopped. A race of promises would keep something of every piece. */
export class Waiting<T> {
  readonly #iterator: AsyncIterator<T>
  readonly #signal: AbortSignal
  #isAsked = false
  /** what came while nobody waited, or has just come; throws what the stream has thrown */
  #answer: (() => IteratorResult<T>) | null = null
  #wake: () => void = () => undefined

  constructor(iterator: AsyncIterator<T>, signal: AbortSignal) {
    this.#iterator = iterator
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  /** @param ms how long to wait: a pause */
  async next(ms: number): Promise<T | 'pause' | 'end'> {
    this.#ask()
    if (this.#answer === null && !this.#signal.aborted) await this.#woken(ms)
    if (this.#signal.aborted) return 'end'
    if (this.#answer === null) return 'pause'
    const result = this.#answer()
    this.#isAsked = false
    this.#answer = null
    return result.done === true ? 'end' : result.value
  }

  #ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    const answer = (result: () => IteratorResult<T>): void => {
      this.#answer = result
      this.#wake()
    }
    this.#iterator.next().then(
      (result) => answer(() => result),
      (error: unknown) =>
        answer(() => {
          throw error
        }),
    )
  }

  #woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
