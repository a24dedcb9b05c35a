/** 1.8 million traffic rows written by us, by hyparquet-writer and by DuckDB's COPY: the same columns, the same values, gzip. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COLUMNS } from '../../src/report/parquet-tables.ts'
import { costOf, type Cost } from './measure.ts'

const ROWS = 1_800_000

export function benchParquet(day: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))
  const script = join(import.meta.dirname, 'parquet-writer.ts')
  const fileOf = (writer: string): string => join(folder, `${writer}.parquet`)
  const run = (writer: string, source = day): Cost =>
    costOf('node', ['--import', 'tsx', script, writer, source, fileOf(writer), String(ROWS)])
  console.log(`\n${ROWS.toLocaleString('en')} traffic rows of ${COLUMNS.traffic.length} columns as Parquet`)
  try {
    const rows = run('nothing')
    console.log(`making the rows   ${rows.seconds.toFixed(1)} s, ${rows.rss.toFixed(0)} MB: subtracted below`)
    print('upstreamtop', run('upstreamtop'), rows.seconds, fileOf('upstreamtop'))
    print('hyparquet-writer', run('hyparquet'), rows.seconds, fileOf('hyparquet'))
    print("DuckDB's COPY", run('duckdb', fileOf('upstreamtop')), 0, fileOf('duckdb'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function print(name: string, { seconds, rss }: Cost, without: number, file: string): void {
  const rate = ROWS / (seconds - without) / 1000
  const size = statSync(file).size / 1e6
  console.log(
    `${name.padEnd(17)} ${rate.toFixed(0)}k rows/s, ${size.toFixed(1)} MB, RSS ${rss.toFixed(0)} MB`,
  )
}
