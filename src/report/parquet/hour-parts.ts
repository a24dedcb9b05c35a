/** The ticks of an hour as files of their own, which are joined to those of the day: hours can be written on several threads. */
import type { Selection } from '../../frame/expression/selection.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { NDJSON } from './ndjson-file.ts'
import { PARQUET } from './file/parquet-file.ts'
import { COLUMNS, TICK_TABLES, type TableName } from './parquet-tables.ts'
import type { TableFile } from './table-file.ts'
import { batchesOf, countOf } from './tick-batches.ts'

export const TABLE_FORMATS = { Parquet: PARQUET, NDJSON } as const

export type TickTable = (typeof TICK_TABLES)[number]

/** All of it can be sent to another thread. */
export interface HourJob {
  readonly host: string
  /** of a file's name: which format */
  readonly extension: string
  readonly runs: readonly SeqRange[]
  readonly selection: Selection
  /** where the rows go; a table without rows makes no file */
  readonly paths: Readonly<Record<TickTable, string>>
}

export interface HourResult {
  /** written, by table */
  readonly rows: Readonly<Partial<Record<TableName, number>>>
  /** ticks that could be read */
  readonly read: number
}

export interface HourProgress {
  readonly ticks: number
  readonly rows: number
}

/** @param onProgress is told what was done since it was told before */
export async function writeHour(
  recording: Recording,
  { host, extension, runs, selection, paths }: HourJob,
  onProgress: (progress: HourProgress) => void,
): Promise<HourResult> {
  const format = Object.values(TABLE_FORMATS).find((one) => one.extension === extension)!
  const files = new Map<TickTable, TableFile>()
  let read = 0
  for (const batch of batchesOf(recording, runs, selection)) {
    for (const table of TICK_TABLES) {
      const added = batch.tables[table]
      if (added.count === 0) continue
      const content = { host, columns: COLUMNS[table], metadata: {} }
      const file = files.get(table) ?? (await format.create(paths[table], content))
      files.set(table, file)
      await file.append(added)
    }
    read += batch.ticks - batch.unread
    onProgress({ ticks: batch.ticks, rows: countOf(batch.tables) })
  }
  for (const file of files.values()) await file.close()
  return { rows: Object.fromEntries([...files].map(([table, file]) => [table, file.rows])), read }
}
