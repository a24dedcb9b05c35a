import assert from 'node:assert/strict'
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { micros, wallMicros } from '../../../src/frame/model/units.ts'
import { markRecording } from '../../../src/store/write/mark.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { Random } from '../../../src/simulate/synth-random.ts'
import { Child } from '../../torture/child.ts'
import { withFolder } from '../../torture/kit.ts'
import { endWithReader, readers } from '../../torture/readers.ts'
import { sampleFrames } from '../../torture/sample.ts'
import { inFolder, META } from '../support.ts'

test('readers beside a recorder read whole ticks, and its WAL stays small', async () => {
  const random = new Random(1)
  await withFolder((folder) => readers(folder, 30, () => random.next()))
})

test('a recorder ends cleanly beside a reader', async () => {
  await withFolder(endWithReader)
})

test('a marker can be set while the file is being recorded', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const child = new Child({ file, ticks: 200, pause: 2, rps: 60 })
    await child.reached(20)
    markRecording(file, { at: wallMicros(1_795_356_005_000_000), kind: 'deploy', text: 'deploy 4711' })
    await child.ended
    assert.equal(child.process.exitCode, 0, child.stderr)
    const recording = openRecording(file)
    assert.deepEqual(
      recording.markers.map(({ text }) => text),
      ['deploy 4711'],
    )
    assert.equal(recording.ticks.length, 200)
    recording.close()
  })
})

test('refresh reads new ticks, and returns whether there were any', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const frames = [...sampleFrames({ secs: 130 })]
    const sink = createRecording(file, META)
    for (const frame of frames.slice(0, 50)) sink.append(frame)
    const recording = openRecording(file, { follow: true })
    assert.equal(recording.ticks.length, 50)
    assert.equal(recording.refresh(), false)
    for (const frame of frames.slice(50)) sink.append(frame)
    assert.equal(recording.refresh(), true)
    assert.deepEqual(
      recording.ticks.map(({ start }) => start),
      frames.map(({ start }) => start),
    )
    assert.equal(recording.aggregate({ from: 0, to: 130 }).ticks, 130)
    recording.close()
    sink.close()
  })
})

test('ticks that the recorder evicts during reading are missing, and no damage', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const frames = [...sampleFrames({ secs: 300 })]
    const sink = createRecording(file, META, { keep: micros(100e6) })
    for (const frame of frames.slice(0, 120)) sink.append(frame)
    const recording = openRecording(file, { follow: true })
    const before = recording.ticks[0]!.seq
    for (const frame of frames.slice(120)) sink.append(frame)
    assert.equal(recording.frame(before), null)
    assert.equal(recording.aggregate({ from: before, to: before + 50 }).ticks, 0)
    recording.refresh()
    assert.ok(recording.ticks[0]!.seq > before + 100)
    assert.deepEqual([recording.damage, recording.gaps], [[], []])
    recording.close()
    sink.close()
  })
})

test('a followed file that is replaced or removed is never mixed with another', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const other = join(folder, 'y.db')
    for (const name of [file, other]) {
      const writer = createRecording(name, META)
      for (const frame of sampleFrames({ secs: 3 })) writer.append(frame)
      writer.close()
    }
    const recording = openRecording(file, { follow: true })
    // The connection is closed between two polls.
    recording.close()
    assert.equal(recording.refresh(), false)
    recording.close()
    renameSync(other, file)
    assert.throws(() => recording.refresh(), /is another file now/)
    recording.close()
    rmSync(file)
    assert.throws(() => recording.refresh(), /is gone/)
  })
})
