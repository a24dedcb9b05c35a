/** Work that reads for long, as a generator: done a slice at a time, so that keys and pictures live on. */

export interface Slices<Step, End> {
  /** how long a slice may hold up the keys, and what lies between two, ms */
  readonly length: number
  readonly rest: number
  /** after every slice but the last */
  readonly paused: (step: Step) => void
  readonly done: (end: End) => void
  readonly failed: (error: unknown) => void
}

/** The first slice is done at once. Returns what ends the work. */
export function inSlices<Step, End>(
  work: Generator<Step, End>,
  { length, rest, paused, done, failed }: Slices<Step, End>,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const slice = (): void => {
    try {
      const until = performance.now() + length
      let next = work.next()
      while (next.done !== true && performance.now() < until) next = work.next()
      if (next.done === true) {
        done(next.value)
        return
      }
      timer = setTimeout(slice, rest)
      paused(next.value)
    } catch (error) {
      failed(error)
    }
  }
  slice()
  return () => clearTimeout(timer)
}
