/** Markers and backends of the recording on a command line that is being typed. Whatever it is: no error, and no word that acts. */
import { statSync } from 'node:fs'
import { visible } from '../../render/text.ts'
import type { NamesOfFile } from './candidates.ts'

/** More are no help in a list. */
const MOST = 200
const LONGEST = 100

export async function namesOfFile(file: string): Promise<NamesOfFile> {
  try {
    // A pipe or a device would wait, and a packed file be unpacked, at every Tab.
    if (statSync(file).isFile() && !file.endsWith('.gz')) return await readNames(file)
  } catch {
    // No recording, or one that cannot be read now.
  }
  return { markers: [], backends: [] }
}

async function readNames(file: string): Promise<NamesOfFile> {
  const { openRecording } = await import('../../store/read/reader.ts')
  const recording = openRecording(file, { outline: true })
  try {
    return {
      markers: listed(recording.markers.map(({ text }) => text).reverse()),
      backends: listed(
        recording.names().backends.flatMap(({ address, names }) => [address, ...(names ?? [])]),
      ),
    }
  } finally {
    recording.close()
  }
}

/** A text with control characters is not offered: a shell would show them, or take a line end for Enter. */
const listed = (texts: readonly string[]): readonly string[] =>
  [...new Set(texts)]
    .filter((text) => text !== '' && text.length <= LONGEST && visible(text) === text)
    .slice(0, MOST)
