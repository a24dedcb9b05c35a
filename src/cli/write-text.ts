/** Pieces of a result to standard output, as fast as its reader reads them and no further than it wants. */
import { once } from 'node:events'
import type { Io } from './io.ts'

export async function writeText(pieces: Iterable<string>, { stdout, signal }: Io): Promise<void> {
  for (const piece of pieces) {
    if (stdout.destroyed || signal.aborted) return
    if (stdout.write(piece)) continue
    // Where it fails, src/main.ts tells.
    const goesOn = once(stdout, 'drain').then(
      () => true,
      () => false,
    )
    if (!(await goesOn)) return
  }
}
