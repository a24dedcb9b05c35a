/** A result to where the user wants it: standard output, as fast as its reader reads and no further than it wants; or a file. */
import { batched } from '../report/formats/batches.ts'
import type { Io } from './io.ts'
import type { Outlet } from './outlet.ts'

/** @param out nothing or `-`: standard output; else a file that is whole or not there @throws UserError */
export async function writeResult(
  chunks: Iterable<string>,
  out: string | undefined,
  { stdout, signal }: Io,
): Promise<void> {
  if (out === undefined || out === '-') await writeAll(chunks, stdout, (text) => stdout.write(text))
  else await (await import('../output.ts')).writeFileWhole(out, chunks, signal)
}

/** Text in our own colours, to standard output. */
export const writePainted = (chunks: Iterable<string>, { stdout }: Io): Promise<void> =>
  writeAll(chunks, stdout, (text) => stdout.painted(text))

/** Waits for a slow reader, so that a million rows never wait in memory. Stops when the stream fails, of which src/main.ts tells. */
async function writeAll(
  chunks: Iterable<string>,
  stdout: Outlet,
  write: (text: string) => boolean,
): Promise<void> {
  for (const batch of batched(chunks)) {
    if (stdout.isClosed) return
    if (!write(batch) && !(await stdout.drained())) return
  }
}
