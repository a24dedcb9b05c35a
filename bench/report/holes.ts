/** What a report costs when the wall span is long and the ticks are few: as a ratio of the same ticks in one go. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bestOf, costOf, shown, type Cost } from './measure.ts'

const SIZE = ['--secs', '300', '--rps', '300', '--backends', '100', '--routes', '10']

/** Two recordings of five minutes: the second one begins where the first one ends, or later. */
const SECOND_STARTS = {
  'five minutes later': '2016-03-01T00:05:00Z',
  'a day later': '2016-03-02T00:05:00Z',
  'a year later': '2017-03-01T00:05:00Z',
  'ten years later': '2026-03-01T00:05:00Z',
}

export function benchHoles(main: string): void {
  console.log('\na report of two recordings of five minutes, 100 backends, the second one')
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-holes-'))
  try {
    const first = join(folder, 'first.db')
    synth(main, first, '2016-03-01T00:00:00Z')
    for (const format of ['json', 'html']) {
      let adjacent: Cost | null = null
      for (const [what, start] of Object.entries(SECOND_STARTS)) {
        const second = join(folder, `${what}-${format}.db`)
        synth(main, second, start)
        const cost = bestOf(3, () => costOf('node', [main, 'report', first, second, '--format', format]))
        adjacent ??= cost
        console.log(
          `  ${format}, ${what}: ${shown(cost)}: ${(cost.cpu / adjacent.cpu).toFixed(2)} times the CPU, ${(cost.rss / adjacent.rss).toFixed(2)} times the memory`,
        )
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const synth = (main: string, file: string, start: string): void => {
  execFileSync('node', [main, 'synth', '-o', file, '--start', start, ...SIZE], { stdio: 'ignore' })
}
