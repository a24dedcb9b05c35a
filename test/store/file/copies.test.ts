/** A large recording that must be copied to be read finds a place for the copy. */
import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { IN_MEMORY } from '../../../src/store/file/image.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { withFolder } from '../../torture/kit.ts'
import { writeSample } from '../../torture/sample.ts'

/** A file in WAL mode without a -wal, longer than what is read into memory. */
function writeLarge(file: string): void {
  writeSample(file, { secs: 5 })
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.from([2, 2]), 0, 2, 18)
  ftruncateSync(descriptor, IN_MEMORY + 4096)
  closeSync(descriptor)
}

test('with a TMPDIR that is missing or no folder, the copy is made elsewhere, and nothing is left', async () => {
  await withFolder((folder) => {
    const file = folder.file('x.db')
    writeLarge(file)
    writeFileSync(folder.file('plain'), '')
    const before = process.env.TMPDIR
    try {
      for (const name of ['none', 'plain']) {
        process.env.TMPDIR = folder.file(name)
        const recording = openRecording(file)
        recording.close()
        assert.equal(recording.ticks.length, 5)
      }
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    }
    assert.deepEqual(readdirSync(folder.path).sort(), ['plain', 'x.db'])
    return Promise.resolve()
  })
})
