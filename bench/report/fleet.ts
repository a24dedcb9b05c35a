/** The table of docs/fleet.md: the cost of a fleet, by hosts × hours. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bestOf, costOf } from './measure.ts'

export function benchFleet(main: string): void {
  console.log('\na fleet: 100 requests per second and host, 3 backends, 8 routes')
  console.log(
    '| hosts × hours | rows of traffic | recordings | export | Parquet | report of all | SQL over all |',
  )
  console.log('| --: | --: | --: | --: | --: | --: | --: |')
  for (const [hosts, hours] of [
    [1, 1],
    [3, 1],
    [10, 1],
    [3, 6],
    [1, 24],
  ] as const)
    measureFleet(main, hosts, hours)
}

function measureFleet(main: string, hosts: number, hours: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-fleet-'))
  try {
    const files = Array.from({ length: hosts }, (_, i) => join(folder, `web${i + 1}.db`))
    files.forEach((file, i) => {
      const size = [
        '--secs',
        String(hours * 3600),
        '--rps',
        '100',
        '--host',
        `web${i + 1}`,
        '--seed',
        String(i + 1),
      ]
      execFileSync('node', [main, 'synth', '-o', file, ...size], { stdio: 'ignore' })
    })
    const lake = join(folder, 'lake')
    const start = performance.now()
    const { stderr } = {
      stderr: execFileSync(
        'sh',
        ['-c', 'exec "$@" 2>&1', 'sh', 'node', main, 'report', ...files, '--parquet', lake],
        { encoding: 'utf8' },
      ),
    }
    const exported = (performance.now() - start) / 1000
    const rows = /traffic ([\d,]*\d)/.exec(stderr)?.[1] ?? '?'
    const report = bestOf(2, () => costOf('node', [main, 'report', ...files, '--format', 'json']))
    const sql = bestOf(2, () =>
      costOf('node', ['--import', 'tsx', join(import.meta.dirname, 'duckdb-query.ts'), lake]),
    )
    const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
    console.log(
      `| ${hosts} × ${hours} | ${rows} | ${mega(sizeOf(folder, '.db'))} | ${exported.toFixed(1)} s | ${mega(sizeOf(lake, '.parquet'))} | ${report.seconds.toFixed(2)} s | ${sql.seconds.toFixed(2)} s |`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const sizeOf = (folder: string, ending: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
