/** SIGKILL at random moments: at most one tick is lost, and every page is in order. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { Child } from './child.ts'
import { silent, type Folder } from './kit.ts'

export async function killLoop(folder: Folder, rounds: number, random: () => number): Promise<string> {
  let most = 0
  for (let round = 0; round < rounds; round++) {
    const file = folder.file(`kill-${round}.db`)
    const child = new Child({ file, ticks: 100_000, pause: 1, rps: 200 })
    await child.reached(Math.floor(random() * 80))
    await setTimeout(random() * 20)
    await child.kill()
    assert.ok(child.committed >= 0, child.stderr)
    const verdict = await checkRecording(file, silent)
    assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
    const recording = openRecording(file)
    const behind = child.committed + 1 - recording.ticks.length
    recording.close()
    // One more is fine: the recorder was killed between the commit and its report.
    assert.ok(behind <= 1 && behind >= -1, `${behind} ticks behind what was committed`)
    most = Math.max(most, behind)
    folder.remove(file)
  }
  return `${rounds} × kill -9: whole each time, at most ${Math.max(0, most)} committed ticks lost`
}
