import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Random } from '../../src/simulate/synth-random.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { repairRecording } from '../../src/store/tools/repair.ts'
import { copyLoop } from '../torture/copy.ts'
import { flips, holes, readable, truncation } from '../torture/damage.ts'
import { killLoop } from '../torture/kill.ts'
import { silent, withFolder } from '../torture/kit.ts'
import { writeSample } from '../torture/sample.ts'

const chance = (seed: number): (() => number) => {
  const random = new Random(seed)
  return () => random.next()
}

test('a recorder that is killed loses at most the tick it was writing', async () => {
  await withFolder((folder) => killLoop(folder, 3, chance(1)))
})

test('a copy of the main file made during recording has all but the last ten seconds, torn or not', async () => {
  await withFolder((folder) => copyLoop(folder, 8, chance(2)))
})

test('every tick whose pages exist can be read from a truncated file', async () => {
  await withFolder((folder) => truncation(folder, 12, chance(3)))
})

test('a zeroed page loses only the ticks on it', async () => {
  await withFolder((folder) => holes(folder, 8, chance(4)))
})

test('a flipped bit never becomes a wrong number', async () => {
  await withFolder((folder) => flips(folder, 20, chance(5)))
})

test('damaged ticks are a gap with the reason damaged', async () => {
  await withFolder((folder) => {
    const file = folder.file('x.db')
    writeSample(file, { secs: 120 })
    const bytes = readFileSync(file)
    const page = 44
    writeFileSync(file, bytes.fill(0, page * 4096, (page + 1) * 4096))
    const recording = openRecording(file, { verify: true })
    assert.ok(
      recording.damage.some((words) => words.includes('ticks are lost')),
      recording.damage.join('; '),
    )
    assert.ok(recording.gaps.length > 0 && recording.gaps.every(({ reason }) => reason === 'damaged'))
    recording.close()
    return Promise.resolve()
  })
})

test('damage found while reading is examined at once', async () => {
  await withFolder((folder) => {
    const file = folder.file('x.db')
    const frames = writeSample(file, { secs: 120 })
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0, 44 * 4096, 45 * 4096))
    const recording = openRecording(file)
    assert.deepEqual(recording.damage, [])
    const read = frames.filter(({ seq }) => recording.frame(seq) !== null)
    assert.ok(read.length > 60 && read.length < frames.length)
    assert.notDeepEqual(recording.damage, [])
    recording.close()
    const again = openRecording(file)
    const spans = frames.flatMap(({ seq }) => again.spans({ from: seq, to: seq + 1 }))
    assert.equal(spans.length, read.length)
    assert.notDeepEqual(again.damage, [])
    again.close()
    return Promise.resolve()
  })
})

test('repair saves what check calls recoverable, and does not change the original', async () => {
  await withFolder(async (folder) => {
    const [file, copy, saved] = [folder.file('x.db'), folder.file('copy.db'), folder.file('saved.db')]
    const frames = writeSample(file, { secs: 120 })
    copyFileSync(file, copy)
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0, 30 * 4096, 32 * 4096))
    const before = readFileSync(file)
    assert.equal((await checkRecording(file, silent)).state, 'recoverable')
    assert.equal((await checkRecording(copy, silent)).state, 'whole')
    const { ticks } = await repairRecording(file, saved, silent)
    assert.deepEqual(readFileSync(file), before)
    assert.ok(ticks > 50 && ticks < frames.length)
    assert.equal((await checkRecording(saved, silent)).state, 'whole')
    const recording = openRecording(saved)
    assert.ok(recording.gaps.some(({ reason }) => reason === 'damaged'))
    recording.close()
  })
})

test('a file without its schema is read from its pages', async () => {
  await withFolder((folder) => {
    const file = folder.file('x.db')
    const frames = writeSample(file, { secs: 30 })
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0, 100, 4096))
    assert.equal(readable(file, frames), 30)
    return Promise.resolve()
  })
})
