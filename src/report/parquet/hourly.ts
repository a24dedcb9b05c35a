/** A data set that is filled hour by hour: full hours that it does not have yet, each as files of its own. */
import { UserError } from '../../errors.ts'
import type { Recording } from '../../frame/model/recording.ts'
import type { WallMicros } from '../../frame/model/units.ts'
import { spanOf } from '../../frame/time/time.ts'
import { extentOf, missingOf } from './dataset-files.ts'
import { exportDataset, type ExportOptions, type ExportResult } from './dataset.ts'
import { PARQUET } from './file/parquet-file.ts'
import { TABLES, type TableName } from './parquet-tables.ts'
import { hourOf, hoursOf } from './slices.ts'

export interface HourlyResult extends ExportResult {
  readonly hours: number
  /** that were there */
  readonly present: number
}

/**
 * An hour that cannot be exported (another recording's rows are there) does not keep the others from being exported.
 * @param now hours that have not ended by then are left for later @throws the first error, when all hours have been tried
 */
export async function exportHours(
  recordings: readonly Recording[],
  options: Omit<ExportOptions, 'range'>,
  now: WallMicros,
): Promise<HourlyResult> {
  const target = { directory: options.directory, format: options.format ?? PARQUET }
  const files: string[] = []
  const rows = Object.fromEntries(TABLES.map((table) => [table, 0])) as Record<TableName, number>
  let [hours, present] = [0, 0]
  let refused: UserError | null = null
  for (const recording of recordings) {
    const span = spanOf(recording.ticks)
    const full = span === null ? [] : hoursOf(span).filter(({ from }) => hourOf(from) < hourOf(now))
    for (const hour of full) {
      const range = await missingOf(target, extentOf(recording, hour))
      if (range === null) {
        present++
        continue
      }
      try {
        const result = await exportDataset([recording], { ...options, range })
        files.push(...result.files)
        for (const table of TABLES) rows[table] += result.rows[table]
        hours++
      } catch (error) {
        if (!(error instanceof UserError) || options.signal.aborted) throw error
        refused ??= error
      }
    }
  }
  if (refused !== null) throw refused
  return { files, rows, hours, present }
}
