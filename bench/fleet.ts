/**
 * What a fleet costs in each engine, by hosts: `report` of all recordings, DuckDB over their Parquet, the cluster of contrib/clickhouse over
 * their NDJSON (three servers of Debian on this machine). The answers of the cluster are compared with the report's, to the digit.
 *
 *   HOSTS=1,10,50 HOURS=6 npx tsx bench/fleet.ts      FLEET=folder keeps and uses again what was made
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { Cluster } from '../test/fleet/cluster.ts'
import { assertEqual } from '../test/fleet/comparison.ts'
import { ask, kitQuery, load } from '../test/fleet/kit.ts'
import { costOf } from './report/measure.ts'

const MAIN = join(import.meta.dirname, '../dist/main.js')
const COUNTS = (process.env.HOSTS ?? '1,10,50').split(',').map(Number)
const HOURS = Number(process.env.HOURS ?? 6)
const KEPT = process.env.FLEET
const folder = KEPT ?? mkdtempSync(join(tmpdir(), 'upstreamtop-bench-fleet-'))
const RANGE = { from: '2026-11-22 14:00:00', to: `2026-11-22 ${14 + HOURS}:00:00` }
const HOSTS = Array.from({ length: Math.max(...COUNTS) }, (_, i) => `web${i + 1}`)
const fileOf = (host: string): string => join(folder, `${host}.db`)
const lakeOf = (kind: string, host: string): string => join(folder, kind, host)

const sizeOf = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const seconds = (value: number): string => `${value.toFixed(2)} s`

mkdirSync(folder, { recursive: true })
const servers = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-servers-'))
const cluster = await Cluster.start(servers, 3)
try {
  for (const host of HOSTS) make(host)
  const urls = cluster.urls.flatMap((url) => ['--url', url])
  must(await load(...urls, '--create'))
  console.log(
    '| hosts | rows of traffic | recordings | Parquet | NDJSON | loading | cluster’s disks | cluster, by minutes | by hours | DuckDB | report | rows equal |',
  )
  console.log('| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |')
  let loaded = 0
  let loading = 0
  for (const count of COUNTS) {
    const hosts = HOSTS.slice(0, count)
    const begun = performance.now()
    must(await load('--url', cluster.urls[0]!, ...hosts.slice(loaded).map((host) => lakeOf('ndjson', host))))
    loading += performance.now() - begun
    loaded = count
    console.log(await measured(hosts, loading / 1000))
  }
} finally {
  await cluster.stop()
  rmSync(servers, { recursive: true })
  if (KEPT === undefined) rmSync(folder, { recursive: true })
}

/** 20 requests per second over 2 backends and 4 routes, and what goes wrong at times. */
function make(host: string): void {
  const number = Number(host.slice(3))
  const incidents = [
    ...(number % 7 === 0 ? ['5xx:1@40m..70m', 'refused:2@3h..3h5m'] : []),
    ...(number % 11 === 0 ? ['gap@2h..2h3m', 'vanish:1@4h..4h10m'] : []),
  ]
  if (!existsSync(fileOf(host)))
    run(
      ...['synth', '-o', fileOf(host), '--host', host, '--seed', String(1000 + number)],
      ...[
        '--secs',
        String(3600 * HOURS),
        '--rps',
        '20',
        '--backends',
        '2',
        '--routes',
        '4',
        '--requests',
        '2',
      ],
      ...incidents.flatMap((incident) => ['--incident', incident]),
    )
  if (!existsSync(lakeOf('ndjson', host)))
    run(
      'report',
      fileOf(host),
      '--ndjson-tables',
      lakeOf('ndjson', host),
      '--parquet',
      lakeOf('parquet', host),
    )
}

async function measured(hosts: readonly string[], loading: number): Promise<string> {
  const files = hosts.map(fileOf)
  const [rows] = await ask(cluster.urls[0]!, 'SELECT count() AS n FROM upstreamtop.traffic')
  const byMinutes = await median(() =>
    ask(cluster.urls[0]!, kitQuery('routes', { ...RANGE, grain: 'minute' })),
  )
  const byHours = await median(() => ask(cluster.urls[0]!, kitQuery('routes', { ...RANGE, grain: 'hour' })))
  const report = costOf('node', [MAIN, 'report', ...files, '--format', 'json'])
  const equal = await assertEqual(cluster.urls[0]!, { files, ...RANGE })
  const cells = [
    String(hosts.length),
    Number(rows!.n).toLocaleString('en'),
    mega(files.reduce((sum, file) => sum + statSync(file).size, 0)),
    mega(hosts.reduce((sum, host) => sum + sizeOf(lakeOf('parquet', host)), 0)),
    mega(hosts.reduce((sum, host) => sum + sizeOf(lakeOf('ndjson', host)), 0)),
    seconds(loading),
    mega(
      ['server1', 'server2', 'server3'].reduce(
        (sum, server) => sum + sizeOf(join(servers, server, 'data')),
        0,
      ),
    ),
    seconds(byMinutes),
    seconds(byHours),
    seconds(await median(await duckdb(hosts))),
    seconds(report.seconds),
    `${equal} of ${equal}`,
  ]
  return `| ${cells.join(' | ')} |`
}

/** docs/fleet.sql over the hosts' Parquet. */
async function duckdb(hosts: readonly string[]): Promise<() => Promise<unknown>> {
  const connection = await (await DuckDBInstance.create()).connect()
  const lakes = hosts.map((host) => `'${lakeOf('parquet', host)}/traffic/**/*.parquet'`).join(', ')
  const sql = readFileSync(join(import.meta.dirname, '../docs/fleet.sql'), 'utf8').replace(
    "'lake/traffic/**/*.parquet'",
    `[${lakes}]`,
  )
  return () => connection.runAndReadAll(sql)
}

async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const begun = performance.now()
    await work()
    times.push(performance.now() - begun)
  }
  return times.sort((a, b) => a - b)[2]! / 1000
}

function run(...args: readonly string[]): void {
  execFileSync('node', [MAIN, ...args], { stdio: 'ignore' })
}

function must({ code, stderr }: { readonly code: number; readonly stderr: string }): void {
  if (code !== 0) throw new Error(stderr)
}
