import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { UserError } from '../../src/errors.ts'
import { checkRecording } from '../../src/store/check.ts'
import { openRecording } from '../../src/store/reader.ts'
import { silent } from '../torture/kit.ts'

const folder = new URL('../../fixtures/recordings/', import.meta.url).pathname

/** What each file of the corpus is: a new file needs a line here. */
const CORPUS: Readonly<
  Record<
    string,
    'refused' | { readonly state: string; readonly ticks: number; readonly gaps: readonly string[] }
  >
> = {
  'clock-step.db': { state: 'whole', ticks: 90, gaps: [] },
  'empty.db': 'refused',
  'foreign.db': 'refused',
  'format-1.db': { state: 'whole', ticks: 90, gaps: [] },
  'future-columns.db': { state: 'whole', ticks: 90, gaps: [] },
  'gap.db': { state: 'whole', ticks: 70, gaps: ['stopped'] },
  'holed.db': { state: 'recoverable', ticks: -1, gaps: ['damaged'] },
  'hostile-far.db': { state: 'recoverable', ticks: 4, gaps: [] },
  'hostile-tree.db': { state: 'recoverable', ticks: 5, gaps: [] },
  'hostile-trigger.db': { state: 'recoverable', ticks: 5, gaps: [] },
  'hostile-view.db': { state: 'recoverable', ticks: 5, gaps: [] },
  'hostile-words.db': { state: 'whole', ticks: 5, gaps: [] },
  'incident.db': { state: 'whole', ticks: 450, gaps: ['stopped'] },
  'lone-wal.db': { state: 'whole', ticks: 90, gaps: [] },
  'newer.db': 'refused',
  'no-tick.db': { state: 'whole', ticks: 0, gaps: [] },
  'one-tick.db': { state: 'whole', ticks: 1, gaps: [] },
  'simulated.db': { state: 'whole', ticks: 21, gaps: [] },
  'truncated.db': { state: 'recoverable', ticks: -1, gaps: [] },
  'whole.db': { state: 'whole', ticks: 90, gaps: [] },
  'zipped.db.gz': { state: 'whole', ticks: 90, gaps: [] },
}

const files = readdirSync(folder).filter((name) => /\.db(\.gz)?$/.test(name))

test('every file of the corpus is known', () => {
  assert.deepEqual(files.sort(), Object.keys(CORPUS).sort())
})

for (const [name, expected] of Object.entries(CORPUS)) {
  test(`${name} ${expected === 'refused' ? 'is refused in words' : `is ${expected.state}`}, and stays as it is`, async () => {
    const before = readFileSync(folder + name)
    if (expected === 'refused') {
      assert.throws(
        () => openRecording(folder + name),
        (error: unknown) => error instanceof UserError && error.exitCode === 5,
      )
    } else {
      const { state, ticks, problems } = await checkRecording(folder + name, silent)
      assert.equal(state, expected.state, problems.join('; '))
      if (expected.ticks >= 0) assert.equal(ticks, expected.ticks)
      else assert.ok(ticks > 10 && ticks < 90, `${ticks} ticks`)
      const recording = openRecording(folder + name, { verify: true })
      assert.deepEqual(
        recording.gaps.map(({ reason }) => reason),
        expected.gaps,
      )
      recording.close()
    }
    assert.deepEqual(readFileSync(folder + name), before)
    assert.deepEqual(
      readdirSync(folder).filter((other) => /-(wal|shm|journal)$/.test(other)),
      [],
    )
  })
}

test('after the clock was set back the order is that of the sequence, and nothing is doubled', () => {
  const recording = openRecording(`${folder}clock-step.db`)
  const { ticks } = recording
  assert.ok(ticks.every(({ seq }, i) => seq === i))
  assert.ok(ticks[30]!.start < ticks[29]!.start)
  assert.equal(recording.markers[0]?.kind, 'clock_step')
  recording.close()
})
