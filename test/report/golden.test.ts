/** The complete report of a fixture: every section, line by line. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../cli/run-command.ts'
import { assertGolden } from '../golden.ts'

const FILE = 'fixtures/recordings/incident.db'

for (const [name, ...options] of [
  ['incident.txt'],
  ['incident.md', '--format', 'md'],
  ['incident-routes.csv', '--by', 'route', '--format', 'csv'],
  ['incident-heatmap.txt', '--heatmap', '--where', "route = '/checkout'"],
  ['incident-heatmap.md', '--heatmap', '--format', 'md'],
  ['incident-minutes.txt', '--by', 'minute', '--where', 'backend = 10.0.1.10:8080'],
] as const) {
  test(`report ${options.join(' ')} equals ${name}`, async () => {
    process.chdir(join(import.meta.dirname, '../..'))
    const { code, stdout, stderr } = await runCommand(['report', FILE, ...options])
    assert.equal(code, 0, stderr)
    assertGolden(`report/${name}`, stdout)
  })
}

test('report --heatmap is for people alone', async () => {
  for (const format of ['json', 'csv', 'ndjson', 'html']) {
    const { code, stderr } = await runCommand(['report', FILE, '--heatmap', '--format', format])
    assert.equal(code, 2)
    assert.match(stderr, /--heatmap is for text and md/)
  }
})
