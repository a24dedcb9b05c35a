/** Writes a month of ticks at full speed with `--keep 1h`: memory and file size stay constant, and no tick is missing. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { addMicros, micros } from '../../src/frame/model/units.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { silent, type Folder } from './kit.ts'
import { sampleFrames } from './sample.ts'

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
const DAY = 86_400
const HOUR = 3600
const KEEP = micros(HOUR * 1e6)
const MB = 1e6
/** Number of different ticks: made once, then written again and again with later times. */
const CYCLE = 120

/** @param rounds ticks. The first two hours fill the file and are not compared; the next four are the baseline. */
export async function month(folder: Folder, rounds: number): Promise<string> {
  // Like `record`.
  setFlagsFromString('--semi-space-growth-factor=1')
  const file = folder.file('month.db')
  const frames = [...sampleFrames({ secs: CYCLE, rps: 1500, backends: 10, routes: 30 })]
  const sink = createRecording(file, META, { keep: KEEP })
  const early: Sizes = { rss: [], file: [] }
  const late: Sizes = { rss: [], file: [] }
  for (let seq = 0; seq < rounds; seq++) {
    sink.append(frameAt(frames, seq))
    if (seq % 60 !== 0 || seq < 2 * HOUR) continue
    const sizes = seq < 6 * HOUR ? early : late
    sizes.rss.push(process.memoryUsage.rss())
    sizes.file.push(sizeOf(file) + sizeOf(`${file}-wal`))
    if (seq % DAY === 0) report(seq / DAY, file)
  }
  sink.close()
  const verdict = await checkRecording(file, silent)
  assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
  const kept = nothingIsMissing(file, frames, rounds)
  if (late.file.length > 0) {
    assert.ok(
      most(late.file) <= 1.05 * most(early.file),
      `${most(late.file)} bytes, ${most(early.file)} at first`,
    )
    // The median: on a busy machine V8 collects late, and its heap grows for a moment.
    assert.ok(
      median(late.rss) <= 1.25 * median(early.rss),
      `RSS ${median(late.rss)}, ${median(early.rss)} at first`,
    )
  }
  const rows = frames.reduce((sum, { traffic }) => sum + traffic.length, 0) / frames.length
  const [before, after] = [early, late].map((sizes) =>
    sizes.rss.length === 0
      ? 'nothing'
      : `RSS ${inMB(median(sizes.rss))} MB (most ${inMB(most(sizes.rss))}), file and WAL ${inMB(most(sizes.file))} MB`,
  )
  return `${rounds} ticks of ${rows.toFixed(0)} routes (${(rounds / DAY).toFixed(1)} days), --keep 1h: hours 2 to 6 ${before}; later ${after}; ${kept} ticks kept, none missing`
}

interface Sizes {
  readonly rss: number[]
  readonly file: number[]
}

const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0)
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
const inMB = (bytes: number): string => (bytes / MB).toFixed(0)

function frameAt(frames: readonly SecondFrame[], seq: number): SecondFrame {
  const frame = frames[seq % CYCLE]!
  const later = (seq - (seq % CYCLE)) * 1e6
  return {
    ...frame,
    seq,
    start: addMicros(frame.start, later),
    requests: frame.requests.map((event) => ({ ...event, at: addMicros(event.at, later) })),
    final: false,
  }
}

/** Checks the last hour, tick by tick. */
function nothingIsMissing(file: string, frames: readonly SecondFrame[], rounds: number): number {
  const recording = openRecording(file)
  try {
    const { ticks, gaps } = recording
    assert.deepEqual(gaps, [])
    assert.ok(Math.abs(ticks.length - Math.min(rounds, HOUR)) <= 2, `${ticks.length} ticks`)
    ticks.forEach(({ seq, start, requests }, i) => {
      const written = frameAt(frames, seq)
      assert.equal(seq, rounds - ticks.length + i)
      assert.equal(start, written.start)
      assert.equal(
        requests,
        written.traffic.reduce((sum, row) => sum + row.requests, 0),
      )
    })
    return ticks.length
  } finally {
    recording.close()
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

function report(day: number, file: string): void {
  console.log(
    `          day ${String(day).padStart(2)}: RSS ${inMB(process.memoryUsage.rss())} MB, file ${inMB(sizeOf(file))} MB`,
  )
}
