/** Writes a result to standard output, no faster and no further than its reader reads, or to a file. */
import { asciiText } from '../render/ascii.ts'
import { batched } from '../report/formats/batches.ts'
import type { Io } from './io.ts'
import type { Outlet } from './outlet.ts'
import { refuseAddress } from './values/file.ts'

/**
 * @param out undefined or `-`: standard output; else a file, which is written completely or not at all
 * @param bom whether to begin with a byte order mark
 * @throws UserError
 */
export async function writeResult(
  chunks: Iterable<string>,
  out: string | undefined,
  { stdout, signal }: Io,
  bom = false,
): Promise<void> {
  if (out !== undefined) refuseAddress('--out', out)
  if (out !== undefined && out !== '-')
    return (await import('../output.ts')).writeFileWhole(out, chunks, signal, bom)
  if (bom) stdout.byteOrderMark()
  await writeAll(chunks, stdout, (text) => stdout.write(text))
}

/** What people read, in ASCII if that is asked for. What programs read keeps its data. @param out as above */
export function* legible(
  chunks: Iterable<string>,
  format: string,
  out: string | undefined,
  { stdout, asksForAscii }: Io,
): Iterable<string> {
  const isAscii = out === undefined || out === '-' ? stdout.isAscii : asksForAscii
  if (isAscii && FOR_PEOPLE.has(format)) for (const chunk of chunks) yield asciiText(chunk)
  else yield* chunks
}

const FOR_PEOPLE: ReadonlySet<string> = new Set(['text', 'md'])

/** Pictures, in our own colours or as JSON, to standard output. */
export const writePictures = (
  chunks: Iterable<string>,
  format: 'text' | 'json',
  { stdout }: Io,
): Promise<void> =>
  writeAll(chunks, stdout, (text) => (format === 'json' ? stdout.write(text) : stdout.painted(text)))

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
