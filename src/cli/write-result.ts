/** Writes a result to standard output, no faster and no further than its reader reads, or to a file. */
import { batched } from '../report/formats/batches.ts'
import type { Io } from './io.ts'
import type { Outlet } from './outlet.ts'
import { refuseAddress } from './values/file.ts'

/** @param out undefined or `-`: standard output; else a file, which is written completely or not at all @throws UserError */
export async function writeResult(
  chunks: Iterable<string>,
  out: string | undefined,
  { stdout, signal }: Io,
): Promise<void> {
  if (out !== undefined) refuseAddress('--out', out)
  if (out === undefined || out === '-') await writeAll(chunks, stdout, (text) => stdout.write(text))
  else await (await import('../output.ts')).writeFileWhole(out, chunks, signal)
}

/** Text in our own colours, to standard output. */
export const writePainted = (chunks: Iterable<string>, { stdout }: Io): Promise<void> =>
  writeAll(chunks, stdout, (text) => stdout.painted(text))

/** Waits for a slow reader, so that a million rows do not fill the memory. Stops when the stream fails; src/main.ts reports that. */
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
