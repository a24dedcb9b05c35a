/** 20 hosts of 15 minutes against 5 hosts of an hour: the same number of minutes, so a report should be no dearer. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { costOf, type Cost } from './measure.ts'

export function benchHosts(main: string): void {
  console.log('\nreport: 20 hosts of 15 minutes, against 5 hosts of 60 minutes')
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-hosts-'))
  try {
    for (const [name, incidents] of Object.entries(TRAFFIC)) {
      const [many, few] = [
        record(main, folder, `${name}-many`, 20, 15, incidents),
        record(main, folder, `${name}-few`, 5, 60, incidents),
      ]
      const [short, long] = [least(main, many), least(main, few)]
      const ratio = (short / long).toFixed(2)
      console.log(`  ${name}: ${short.toFixed(2)} s and ${long.toFixed(2)} s of CPU, ratio ${ratio}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const TRAFFIC: Readonly<Record<string, readonly string[]>> = {
  quiet: [],
  incidents: ['5xx:1@6m..8m', 'slow:2@10m..11m'],
}

function record(
  main: string,
  folder: string,
  name: string,
  hosts: number,
  minutes: number,
  incidents: readonly string[],
): string[] {
  return Array.from({ length: hosts }, (_, i) => {
    const file = join(folder, `${name}-${i}.db`)
    const what = ['--host', `web${i}`, '--seed', String(i + 1), '--secs', String(minutes * 60)]
    const planned = incidents.flatMap((incident) => ['--incident', incident])
    execFileSync('node', [main, 'synth', '-o', file, ...what, ...planned], { stdio: 'ignore' })
    return file
  })
}

/** Seconds of CPU of the cheapest of five runs: other processes use this machine too. */
function least(main: string, files: readonly string[]): number {
  const costs = Array.from({ length: 5 }, (): Cost => costOf('node', [main, 'report', ...files]))
  return Math.min(...costs.map(({ cpu }) => cpu))
}
