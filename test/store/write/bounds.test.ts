import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from '../../../src/errors.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { checkRecording } from '../../../src/store/tools/check.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { bounds, keep } from '../../torture/bounds.ts'
import { fullDisk, minFree } from '../../torture/full.ts'
import { withFolder } from '../../torture/kit.ts'
import { Random } from '../../../src/simulate/synth-random.ts'
import { sampleFrames } from '../../torture/sample.ts'
import { steps } from '../../torture/steps.ts'
import { inFolder, META } from '../support.ts'

const isRoot = process.getuid?.() === 0

test('a file and its WAL stay within --max-size, and the recording is whole', async () => {
  await withFolder((folder) => bounds(folder, 700))
})

test('bounds hold while the clock is set at random, and over a stop', async () => {
  const random = new Random(1)
  await withFolder((folder) => steps(folder, 2, () => random.next()))
})

test('--keep removes older ticks one by one', async () => {
  await withFolder((folder) => keep(folder, 420))
})

test(
  'on a full disk the recorder goes on in memory, warns once, and the file shows the gap',
  { skip: isRoot ? false : 'needs root for a small tmpfs' },
  async () => {
    await withFolder(fullDisk)
  },
)

test(
  'below --min-free the newest ticks replace the oldest',
  { skip: isRoot ? false : 'needs root for a small tmpfs' },
  async () => {
    await withFolder(minFree)
  },
)

test('less free space than --min-free is an error before recording starts', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    assert.throws(
      () => createRecording(file, META, { minFree: 1e18 }),
      (error: unknown) => error instanceof UserError && error.exitCode === 4,
    )
    assert.throws(() => openRecording(file), UserError)
  })
})

test('ticks that the recorder removes during a check are not reported as missing', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const frames = [...sampleFrames({ secs: 700 })]
    const sink = createRecording(file, META, { keep: micros(400e6) })
    for (const frame of frames.slice(0, 400)) sink.append(frame)
    let more = frames.slice(400)
    const report = (): void => {
      for (const frame of more) sink.append(frame)
      more = []
    }
    const { state, problems } = await checkRecording(file, { report })
    assert.deepEqual([state, problems, more], ['whole', [], []])
    sink.close()
  })
})

test('sums over the rest of a minute are exact', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const frames = [...sampleFrames({ secs: 200 })]
    const sink = createRecording(file, META, { keep: micros(90e6) })
    for (const frame of frames) sink.append(frame)
    sink.close()
    const recording = openRecording(file)
    const first = recording.ticks[0]!.seq
    assert.ok(first % 60 > 5)
    const left = frames.slice(first)
    const requests = left.flatMap(({ traffic }) => traffic).reduce((sum, row) => sum + row.requests, 0)
    const sum = recording.aggregate({ from: 0, to: 200 })
    assert.equal(sum.totals.requests, requests)
    assert.equal(sum.ticks, left.length)
    recording.close()
  })
})
