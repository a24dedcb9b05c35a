/** 1.8 million traffic rows written by us, by hyparquet-writer and by DuckDB's COPY: the same columns, the same values, gzip. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COLUMNS } from '../../src/report/parquet/parquet-tables.ts'
import { costOf, shown, type Cost } from './measure.ts'

const ROWS = Number(process.env.ROWS ?? 1_800_000)

export function benchParquet(main: string, day: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))
  const script = join(import.meta.dirname, 'parquet-writer.ts')
  const fileOf = (writer: string): string => join(folder, `${writer}.parquet`)
  const run = (writer: string, source = day): Cost =>
    costOf('node', ['--import', 'tsx', script, writer, source, fileOf(writer), String(ROWS)])
  console.log(`\n${ROWS.toLocaleString('en')} traffic rows of ${COLUMNS.traffic.length} columns as Parquet`)
  try {
    const [raw, rows, frames] = [run('raw'), run('columns'), run('frames')]
    const times = (cost: Cost): string => (cost.cpu / raw.cpu).toFixed(2)
    console.log(`SQLite's driver    ${raw.cpu.toFixed(1)} s for the stored rows of this table`)
    console.log(`rows by column     ${times(rows)} times as much, of all tables, checked: subtracted below`)
    console.log(`rows by frame      ${times(frames)} times as much`)
    print('upstreamtop', run('upstreamtop'), rows.cpu, fileOf('upstreamtop'))
    print('hyparquet-writer', run('hyparquet'), rows.cpu, fileOf('hyparquet'))
    print("DuckDB's COPY", run('duckdb', fileOf('upstreamtop')), 0, fileOf('duckdb'))
    benchExport(main, day, join(folder, 'lake'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** By CPU time: other processes use this machine too. Only the writers run through tsx, which needs additional memory. */
function print(name: string, { cpu, rss }: Cost, without: number, file: string): void {
  const rate = ROWS / (cpu - without) / 1000
  const size = statSync(file).size / 1e6
  console.log(
    `${name.padEnd(17)} ${rate.toFixed(0)}k rows per CPU second, ${size.toFixed(1)} MB, RSS ${rss.toFixed(0)} MB`,
  )
}

/** The command itself: all tables, with its peak memory, on one core and on all: a thread for each. */
function benchExport(main: string, day: string, lake: string): void {
  const share = Math.min(100, (100 * ROWS) / 2_648_000).toFixed(1)
  const words = (to: string): string[] => [main, 'report', day, '--to', `${share}%`, '--parquet', lake + to]
  const one = costOf('taskset', ['-c', '0', 'node', ...words('1')])
  const all = costOf('node', words('2'))
  console.log(`report --parquet  1 core: ${shown(one)}`)
  console.log(
    `report --parquet  all:    ${shown(all)}; ${(one.seconds / all.seconds).toFixed(2)} times as fast`,
  )
}
