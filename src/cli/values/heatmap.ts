/** `report --heatmap`: for which formats, how wide, and in which colours. */
import { usageError } from '../../errors.ts'
import type { HeatMapRequest } from '../../report/formats/report.ts'
import type { Io } from '../io.ts'
import { depthOf } from './terminal.ts'

export interface HeatMapFlags {
  readonly heatmap?: boolean
  readonly format: string
  readonly parquet?: string
  readonly out?: string
}

export function checkHeatmap({ heatmap, format, parquet }: HeatMapFlags): void {
  if (heatmap === true && (parquet !== undefined || (format !== 'text' && format !== 'md')))
    throw usageError(
      `--heatmap is for text and md, and the format is "${parquet === undefined ? format : 'Parquet'}"`,
      'The HTML page has one in any case; JSON, CSV and NDJSON have no pictures.',
    )
}

/** Whether the report has our own colours: nothing else of it has any. */
export const isPainted = ({ heatmap, format, out }: HeatMapFlags, { stdout }: Io): boolean =>
  heatmap === true && format === 'text' && out === undefined && stdout.isTTY

/** As wide as the terminal; elsewhere the same bytes on every machine. */
export function heatmapFor(flags: HeatMapFlags, io: Io): HeatMapRequest {
  if (!isPainted(flags, io)) return { columns: flags.format === 'md' ? 90 : WIDTH - INDENT, depth: 'none' }
  const columns = Math.max(40, Math.min(MOST, io.stdout.columns ?? WIDTH))
  return { columns: columns - INDENT, depth: io.stdout.isAscii ? 'none' : depthOf(io.env, false) }
}

/** Cells of a text report; what its lines begin with. */
const WIDTH = 100
const INDENT = 2
/** More columns are more than anybody sees at once. */
const MOST = 250
