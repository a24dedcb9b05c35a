/** Pieces of a result to standard output, as fast as its reader reads them and no further than it wants. */
import type { Io } from './io.ts'

/** @param pieces may be in our own colours */
export async function writeText(pieces: Iterable<string>, { stdout }: Io): Promise<void> {
  for (const piece of pieces) {
    if (stdout.isClosed) return
    if (!stdout.painted(piece) && !(await stdout.drained())) return
  }
}
