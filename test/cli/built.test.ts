/** What `npm run build` makes does what the sources do. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from './run-command.ts'

const root = join(import.meta.dirname, '../..')
const recording = join(root, 'fixtures/recordings/incident.db')

for (const words of [
  ['report', recording, '--format', 'html'],
  ['report', recording, '--format', 'json'],
  ['replay', recording, '--print', '--at', '30%'],
  ['--help'],
]) {
  test(`built or not: ${words.join(' ').replace(root, '')} says the same`, async () => {
    const built = execFileSync(process.execPath, [join(root, 'dist/main.js'), ...words], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    assert.ok(built.length > 100)
    assert.equal(built, (await runCommand(words)).stdout)
  })
}
