/** Runs long work, a generator, in slices, so that keys and pictures are handled between them. */

export interface Slices<Step, End> {
  /** the longest slice, and the pause between two slices, ms */
  readonly length: number
  readonly rest: number
  /** after every slice but the last */
  readonly paused: (step: Step) => void
  readonly done: (end: End) => void
  readonly failed: (error: unknown) => void
}

/** Runs the first slice immediately. @returns a function that ends the work */
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
