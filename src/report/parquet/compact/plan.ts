/** Which files of a day become one. A name must not claim a time that was not exported: only ranges that meet are joined. */
import type { ExistingFile } from '../dataset-files.ts'
import type { FileMetadata } from '../file-metadata.ts'
import type { TableName } from '../parquet-tables.ts'

export interface DayFile extends ExistingFile {
  readonly table: TableName
  /** files of a table are joined only if this is equal: recording, schema, columns */
  readonly kind: string
  /** empty where the format has none */
  readonly metadata: FileMetadata
}

/** Ranges of one recording that meet, and the range of all. */
export interface Run {
  readonly id: string
  readonly from: string
  readonly to: string
  /** a file of each range, in their order: what is told of the run is the sum of what they tell */
  readonly tiles: readonly DayFile[]
}

export function runsOf(files: readonly DayFile[]): Run[] {
  const runs: (Run & { to: string; tiles: DayFile[] })[] = []
  for (const range of rangesOf(files)) {
    const { id, from, to } = range[0]!
    const last = runs.at(-1)
    // What a compaction that was killed has left of the hours, beside the files of the day of other tables.
    if (last?.id === id && to <= last.to) continue
    if (last?.id === id && last.to === from && continues(range, files, last)) {
      last.to = to
      last.tiles.push(range[0]!)
    } else runs.push({ id, from, to, tiles: [range[0]!] })
  }
  return runs
}

export const partsOf = (files: readonly DayFile[], run: Run): DayFile[] =>
  files
    .filter(({ id, from, to }) => id === run.id && from >= run.from && to <= run.to)
    .sort((a, b) => compare(a.from, b.from) || a.part - b.part)

/** Files of equal ranges, by recording and time; of those that begin together the longest first. */
function rangesOf(files: readonly DayFile[]): DayFile[][] {
  const ranges = new Map<string, DayFile[]>()
  const sorted = [...files].sort(
    (a, b) => compare(a.id, b.id) || compare(a.from, b.from) || compare(b.to, a.to),
  )
  for (const file of sorted) {
    const key = `${file.id} ${file.from} ${file.to}`
    ranges.set(key, [...(ranges.get(key) ?? []), file])
  }
  return [...ranges.values()]
}

function continues(range: readonly DayFile[], files: readonly DayFile[], run: Run): boolean {
  const before = partsOf(files, run)
  return range.every(({ table, kind }) => before.every((file) => file.table !== table || file.kind === kind))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
