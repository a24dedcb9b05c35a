/**
 * A clock that is set at random, by milliseconds to decades, while a recorder with bounds is stopped and goes on. The bounds hold, no tick
 * is missing but the evicted ones, and a report is of what is left.
 */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { micros, addMicros } from '../../src/frame/model/units.ts'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { spanOf } from '../../src/frame/time/time.ts'
import { EVERYTHING } from '../../src/frame/expression/selection.ts'
import { BY_REQUESTS } from '../../src/report/data/order.ts'
import { reportOf } from '../../src/report/formats/report.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import type { Bounds } from '../../src/store/write/evictor.ts'
import { appendRecording, createRecording } from '../../src/store/write/writer.ts'
import { silent, type Folder } from './kit.ts'
import { sampleFrames } from './sample.ts'

const META = { host: 'web1', timeZone: 'Europe/Berlin', kernel: '6.18', arguments: [], interfaces: [] }
const TICKS = 150
/** Seconds; the greatest is from 1970 to now. */
const SIZES = [0.001, 0.1, 0.5, 5, 60, 3600, 86_400, 31_536_000, 1_790_000_000]
/** µs since 1970 */
const LATEST = 7.2e15
const MAX_SIZE = 1.2e6

/** @param rounds recordings */
export async function steps(folder: Folder, rounds: number, random: () => number): Promise<string> {
  let [kept, set] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const file = folder.file('set.db')
    const keep = 20 + Math.floor(random() * 100)
    const bounds: Bounds = random() < 0.5 ? { keep: micros(keep * 1e6) } : { maxSize: MAX_SIZE }
    const stop = 1 + Math.floor(random() * (TICKS - 1))
    const runs = [stop, TICKS - stop].map((secs, run) => [
      ...sampleFrames({ secs, seed: 2 * round + run + 1, rps: 300, backends: 6, routes: 60 }),
    ])
    const frames = runs.flatMap((run, i) =>
      run.map((frame) => ({ ...frame, start: addMicros(frame.start, i * stop * 1e6) })),
    )
    const moved = steppedBy(frames, random)
    set += moved.steps
    const sink = createRecording(file, META, bounds)
    for (const frame of moved.frames.slice(0, stop)) sink.append(frame)
    sink.close()
    const next = appendRecording(file, META, bounds)
    for (const frame of moved.frames.slice(stop)) next.append(frame)
    next.close()
    kept += await verify(file, frames, bounds)
    folder.remove(file)
  }
  return `${rounds} recordings of ${TICKS} ticks, the clock set ${set} times: bounds held, ${kept} ticks kept`
}

/** Between 1970 and 2200, as the wire has it. */
function steppedBy(
  frames: readonly SecondFrame[],
  random: () => number,
): { readonly frames: readonly SecondFrame[]; readonly steps: number } {
  let [offset, count] = [0, 0]
  const moved = frames.map((frame) => {
    if (random() < 0.04) {
      const size = SIZES[Math.floor(random() * SIZES.length)]! * 1e6
      const now = frame.start + offset
      const isBack = random() < 0.5
      offset += (isBack && now > size) || now + size > LATEST ? 0 - size : size
      count++
    }
    return { ...frame, start: addMicros(frame.start, Math.round(offset)) }
  })
  return { frames: moved, steps: count }
}

async function verify(file: string, frames: readonly SecondFrame[], { keep }: Bounds): Promise<number> {
  const { state, problems } = await checkRecording(file, silent)
  assert.equal(state, 'whole', problems.join('; '))
  const recording = openRecording(file)
  try {
    const { ticks, gaps } = recording
    assert.equal(ticks.at(-1)!.seq, frames.length - 1)
    assert.ok(ticks.every(({ seq }, i) => seq === ticks[0]!.seq + i))
    // The stop between the runs; a step forward in it is believed, so --keep may have taken what is before it.
    assert.ok(gaps.length <= 1 && gaps.every(({ reason }) => reason === 'stopped'))
    if (keep === undefined) assert.ok(statSync(file).size <= 1.05 * MAX_SIZE, `${statSync(file).size} bytes`)
    else assert.ok(ticks.length <= keep / 1e6 + 2, `${ticks.length} ticks with --keep ${keep / 1e6}s`)
    const { document } = reportOf([recording], {
      query: { range: spanOf(ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null },
      by: null,
      timeZone: 'Europe/Berlin',
      command: '',
      points: 88,
      slowest: true,
    })
    const left = frames.slice(ticks[0]!.seq).flatMap(({ traffic }) => traffic)
    assert.equal(
      document.totals.requests,
      left.reduce((sum, { requests }) => sum + requests, 0),
    )
    return ticks.length
  } finally {
    recording.close()
  }
}
