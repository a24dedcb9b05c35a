/** The whole TypeScript side, with a capture of the simulator: without root, and with the same rows every time. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { assertGolden } from '../golden.ts'
import { runCommand } from './run-command.ts'

const CAPTURE = join(import.meta.dirname, '../../fixtures/probe/simulated.ndjson')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-fixture-'))
after(() => rmSync(folder, { recursive: true }))

test('a capture of the simulator gives the same recording and report every time', async () => {
  for (const name of ['first.db', 'second.db']) {
    const file = join(folder, name)
    const { code, stderr } = await runCommand(['record', '--out', file, '--probe', `cat ${CAPTURE}`])
    assert.equal(code, 0, stderr)
    const { stdout } = await runCommand(['report', file, '--format', 'csv'])
    assertGolden('cli/simulated.csv', stdout)
  }
})

test('a capture of the simulator gives the same screens every time', async () => {
  const file = join(folder, 'pictures.db')
  await runCommand(['record', '--out', file, '--probe', `cat ${CAPTURE}`])
  const { stdout } = await runCommand([
    'replay',
    file,
    '--frames',
    '0%..100%/10s',
    '--tz',
    'UTC',
    '--size',
    '110x30',
  ])
  assertGolden('cli/simulated-110.txt', stdout)
})
