/**
 * The cost of report with a recording of 24 hours and 2.6 million rows, relative to other tools in the same run:
 *   day       report from the rollups; DuckDB over our Parquet; GoAccess over an access log of the same requests
 *   parquet   1.8 million rows by us, by hyparquet-writer, by DuckDB's COPY
 *   holes     how cost grows with the wall span between the same ticks: a clock that was set, recordings years apart
 *   hosts     many hosts for a short time, relative to few for a long one
 *   findings  precision and recall on the seeded incidents of synth: on the seeds used for tuning, on held-out seeds, on weak
 *   incidents, and on quiet days
 * ONLY=day,findings runs some parts; ROWS=300000 rows of Parquet; RUNS=6 recordings of each length for the tuning set;
 * SETS=held-out,quiet some of the sets.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { benchDay } from './report/day.ts'
import { benchFindings } from './report/findings.ts'
import { benchHoles } from './report/holes.ts'
import { benchHosts } from './report/hosts.ts'
import { benchParquet } from './report/parquet.ts'

const ROOT = join(import.meta.dirname, '..')
const MAIN = process.env.MAIN ?? join(ROOT, 'dist/main.js')
const DAY = join(ROOT, 'build/bench/day.db')

const parts = (process.env.ONLY ?? 'day,parquet,holes,hosts,findings').split(',')

if (parts.includes('day') || parts.includes('parquet')) makeDay()
if (parts.includes('day')) await benchDay(MAIN, DAY)
if (parts.includes('parquet')) benchParquet(MAIN, DAY)
if (parts.includes('holes')) benchHoles(MAIN)
if (parts.includes('hosts')) benchHosts(MAIN)
if (parts.includes('findings')) {
  console.log('\nfindings on seeded incidents')
  benchFindings(Number(process.env.RUNS ?? 6))
}

/** The same recording as in bench/replay.ts. */
function makeDay(): void {
  if (existsSync(DAY)) return
  mkdirSync(join(ROOT, 'build/bench'), { recursive: true })
  const size = ['--secs', '86400', '--backends', '5', '--routes', '12', '--rps', '110', '--requests', '10']
  execFileSync('node', [MAIN, 'synth', '-o', DAY, '--seed', '1', ...size], { stdio: 'inherit' })
}
