/** A file that is cut short after it was opened: what is left of it is read, and no error is a bug. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from '../../../src/errors.ts'
import { openRecording } from '../../../src/store/read/reader.ts'

const INCIDENT = join(import.meta.dirname, '../../../fixtures/recordings/incident.db')

test('a file that is cut short while it is open is read as far as it goes', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-cut-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'cut.db')
  copyFileSync(INCIDENT, file)
  const recording = openRecording(file)
  t.after(() => recording.close())
  const { length } = recording.ticks
  truncateSync(file, Math.floor(statSync(file).size / 8192) * 4096)
  assert.equal(recording.recorder, null)
  try {
    recording.aggregate({ from: 0, to: length })
  } catch (error) {
    assert.ok(error instanceof UserError, String(error))
  }
  assert.ok(recording.ticks.length <= length)
})
