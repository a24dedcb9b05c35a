/**
 * Clocks that step at random, back and forth, to 1970 and by years, while bounds are kept: a file keeps its newest ticks in their order, and what
 * reads it takes its time from the ticks, not from the span that they claim.
 */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { micros, wallMicros, type WallMicros } from '../../src/frame/model/units.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { createRecording, type WriterOptions } from '../../src/store/write/writer.ts'
import { silent, type Folder } from './kit.ts'
import { sampleFrames } from './sample.ts'

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
const TICKS = 1500
const MAX_SIZE = 2e6
const KEEP = 300
const DAY = 86_400e6
const STEPS = [-40e6, 40e6, -DAY, DAY, -3600e6, 3600e6, 3650 * DAY]

export async function steps(folder: Folder, rounds: number, random: () => number): Promise<string> {
  let stepped = 0
  for (let round = 0; round < rounds; round++) {
    const byAge = round % 2 === 0
    const file = folder.file(`steps-${round}.db`)
    const bounds: WriterOptions = byAge ? { keep: micros(KEEP * 1e6) } : { maxSize: MAX_SIZE }
    const sink = createRecording(file, META, { durable: false, ...bounds })
    let largest = 0
    for (const frame of stepping(random)) {
      if (frame.step !== 0) {
        stepped++
        sink.mark({
          at: frame.frame.start,
          kind: 'clock_step',
          text: `clock stepped by ${(frame.step / 1e6).toFixed(1)} s`,
        })
      }
      sink.append(frame.frame)
      largest = Math.max(largest, bytesOf(file))
    }
    sink.close()
    const verdict = await checkRecording(file, silent)
    assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
    const recording = openRecording(file)
    const kept = recording.ticks.map(({ seq }) => seq)
    recording.close()
    // the newest, without a hole, whatever the clock said of them
    assert.deepEqual(
      kept,
      kept.map((_, n) => TICKS - kept.length + n),
      `round ${round}`,
    )
    if (byAge)
      assert.ok(
        Math.abs(kept.length - KEEP) <= 20,
        `round ${round}: ${kept.length} of ${KEEP} ticks are kept`,
      )
    else assert.ok(largest <= 1.6 * MAX_SIZE, `round ${round}: ${largest} bytes of ${MAX_SIZE}`)
    folder.remove(file)
  }
  return `${rounds} recordings with ${stepped} steps of the clock: the newest ticks are kept, in order, within their bounds`
}

const bytesOf = (file: string): number =>
  statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)

/** Frames whose wall clock steps some times; `step`: by how much before this one, µs. */
function* stepping(random: () => number): Generator<{ frame: SecondFrame; step: number }> {
  let offset = random() < 0.3 ? -1_795_356_000_000_000 : 0
  for (const frame of sampleFrames({ secs: TICKS, rps: 100, routes: 16 })) {
    let step = 0
    if (frame.seq > 0 && random() < 0.004) {
      step = offset < -1e15 ? -offset : STEPS[Math.floor(random() * STEPS.length)]!
      offset += step
    }
    const at = (wall: WallMicros): WallMicros => wallMicros(wall + offset)
    yield {
      step,
      frame: {
        ...frame,
        start: at(frame.start),
        requests: frame.requests.map((request) => ({ ...request, at: at(request.at) })),
      },
    }
  }
}
