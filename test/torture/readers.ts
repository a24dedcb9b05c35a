/** Readers beside a recorder, active and paused: none delays it, and its WAL stays small. */
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openRecording } from '../../src/store/read/reader.ts'
import { Child } from './child.ts'
import type { Folder } from './kit.ts'

const WAL_AT_MOST = 6e6

/** @param rounds of reading, about 20 ms each */
export async function readers(folder: Folder, rounds: number, random: () => number): Promise<string> {
  const file = folder.file('read.db')
  const child = new Child({ file, ticks: rounds * 20, pause: 1, rps: 400 })
  let [wal, reads] = [0, 0]
  try {
    await child.reached(10)
    const paused = openRecording(file, { follow: true })
    const open = [openRecording(file), openRecording(file, { follow: true })]
    for (let round = 0; round < rounds && child.isRunning; round++) {
      for (const recording of open) {
        recording.refresh()
        const tick = recording.ticks[Math.floor(random() * recording.ticks.length)]!
        assert.ok(recording.frame(tick.seq) !== null, `tick ${tick.seq} cannot be read`)
        reads++
      }
      wal = Math.max(wal, statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)
      await setTimeout(20)
    }
    const last = child.committed
    await child.reached(last + 20)
    assert.ok(paused.refresh())
    for (const recording of [paused, ...open]) recording.close()
  } finally {
    if (child.isRunning) child.process.kill('SIGKILL')
    await child.ended
  }
  assert.ok(wal < WAL_AT_MOST, `the WAL grew to ${wal} bytes`)
  return `${reads} reads beside ${child.committed + 1} ticks, one reader paused: WAL at most ${(wal / 1e6).toFixed(1)} MB`
}

/** The recorder ends while a reader has the file open: one file is left, or an empty WAL beside it. */
export async function endWithReader(folder: Folder): Promise<string> {
  const file = folder.file('ended.db')
  const child = new Child({ file, ticks: 60, pause: 2, rps: 60 })
  await child.reached(10)
  const recording = openRecording(file, { follow: true })
  await child.ended
  assert.equal(child.process.exitCode, 0, child.stderr)
  recording.refresh()
  assert.equal(recording.ticks.length, 60)
  assert.ok(recording.info.complete)
  recording.close()
  assert.ok(!existsSync(`${file}-wal`) || statSync(`${file}-wal`).size === 0)
  return 'a clean end beside a reader'
}
