/** Interrupted copies, copies without their beginning, and special file names. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from '../../src/errors.ts'
import { micros } from '../../src/frame/model/units.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { repairRecording } from '../../src/store/tools/repair.ts'
import { appendRecording, createRecording } from '../../src/store/write/writer.ts'
import { silent } from '../torture/kit.ts'
import { sampleFrames, writeSample } from '../torture/sample.ts'
import { inFolder, META } from './support.ts'

const refusal = (exitCode: number, words: RegExp) => (error: unknown) =>
  error instanceof UserError && error.exitCode === exitCode && words.test(error.message)

test('a killed copy leaves no valid recording', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const sink = createRecording(file, META, { durable: false })
    const killed = (name: string): string => {
      copyFileSync(file, join(folder, name))
      return join(folder, name)
    }
    const early = killed('early.db')
    // A transaction has 300 ticks.
    for (const frame of sampleFrames({ secs: 310 })) sink.append(frame)
    for (const broken of [early, killed('late.db')]) {
      assert.throws(() => openRecording(broken), refusal(5, /is not whole/))
      assert.throws(() => appendRecording(broken, META), refusal(5, /is not whole/))
    }
    sink.close()
    const recording = openRecording(file)
    assert.equal(recording.ticks.length, 310)
    recording.close()
  })
})

test('the repair of a recording without its beginning is whole: missing ticks are not reconciled', async () => {
  await inFolder(async (folder) => {
    const [kept, saved, again] = ['kept.db', 'saved.db', 'again.db'].map((name) => join(folder, name))
    const sink = createRecording(kept!, META, { keep: micros(60e6) })
    for (const frame of sampleFrames({ secs: 200, rps: 900 })) sink.append(frame)
    sink.close()
    await repairRecording(kept!, saved!, silent)
    await repairRecording(saved!, again!, silent)
    for (const file of [kept!, saved!, again!]) {
      const { state, problems } = await checkRecording(file, silent)
      assert.equal(state, 'whole', problems.join('; '))
    }
  })
})

test('special names are names of files', () => {
  inFolder((folder) => {
    const before = process.cwd()
    process.chdir(folder)
    try {
      for (const name of [':memory:', 'file:x.db?mode=ro', 'new\nline.db', '-x.db', 'n'.repeat(240)]) {
        writeSample(name, { secs: 3 })
        assert.ok(existsSync(join(folder, name)))
        const recording = openRecording(name)
        assert.equal(recording.ticks.length, 3)
        recording.close()
      }
    } finally {
      process.chdir(before)
    }
  })
})

test('a name that is too long, or has a file as its folder, is refused', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeFileSync(file, '')
    for (const [name, words] of [
      [join(folder, 'n'.repeat(300)), /is too long/],
      [join(file, 'y.db'), /is not the name of a file/],
    ] as const) {
      assert.throws(() => createRecording(name, META), refusal(2, words))
      assert.throws(() => openRecording(name), refusal(2, /is not the name of a file/))
    }
    assert.equal(readFileSync(file).length, 0)
  })
})

test('--keep 0 is refused', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    assert.throws(() => createRecording(file, META, { keep: micros(0) }), refusal(2, /--keep/))
    assert.ok(!existsSync(file))
  })
})
