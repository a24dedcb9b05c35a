/** A result to where the user wants it: standard output, or a file that is whole or not there. */
import type { Io } from './io.ts'

/** @param out nothing or `-`: standard output @throws UserError */
export async function writeResult(
  chunks: Iterable<string>,
  out: string | undefined,
  { stdout, signal }: Io,
): Promise<void> {
  const { writeAll, writeFileWhole } = await import('../report/output.ts')
  if (out === undefined || out === '-') await writeAll(chunks, stdout)
  else await writeFileWhole(out, chunks, signal)
}
