/** Exports of a recording that forgets its oldest ticks (`--keep`), as a timer makes them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import { addMicros, micros, wallMicros } from '../../../src/frame/model/units.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf, type TimeSpan } from '../../../src/frame/time/time.ts'
import { exportDataset } from '../../../src/report/parquet/dataset.ts'
import { shifted } from '../../../src/report/data/source.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { repairRecording } from '../../../src/store/tools/repair.ts'
import { appendRecording, createRecording } from '../../../src/store/write/writer.ts'
import { sampleFrames } from '../../torture/sample.ts'
import { silent } from '../../torture/kit.ts'
import { inFolder, META } from '../../store/support.ts'
import { sql } from '../duckdb.ts'

const FRAMES = [...sampleFrames({ secs: 400 })]
const KEEP = { keep: micros(100e6) }

/** Each call is a run of the recorder; together they are without a gap. */
function goOn(file: string, frames: readonly SecondFrame[]): void {
  const sink = frames[0] === FRAMES[0] ? createRecording(file, META, KEEP) : appendRecording(file, META, KEEP)
  for (const frame of frames) sink.append(frame)
  sink.close()
}

async function exported(file: string, lake: string, range?: Partial<TimeSpan>, offset = 0): Promise<number> {
  const recording = shifted(openRecording(file), offset)
  try {
    const { rows } = await exportDataset([recording], {
      directory: lake,
      range: { ...spanOf(recording.ticks)!, ...range },
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    return rows.ticks
  } finally {
    recording.close()
  }
}

/** Ticks of the data set, and how many of them are there once; their requests. */
async function contents(lake: string): Promise<unknown> {
  const table = `read_parquet('${lake}/ticks/**/*.parquet')`
  const [row] = await sql(
    `SELECT count(*) ticks, count(DISTINCT "time") times, sum(requests) requests FROM ${table}`,
  )
  return row
}
const requests = (frames: readonly SecondFrame[]): number =>
  frames.flatMap(({ traffic }) => traffic).reduce((sum, row) => sum + row.requests, 0)
const whole = (count: number): unknown => ({
  ticks: count,
  times: count,
  requests: requests(FRAMES.slice(0, count)),
})

test('what the recording has forgotten since stays in the data set, and no second is there twice', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    goOn(file, FRAMES.slice(0, 90))
    await exported(file, lake)
    for (const [from, to] of [
      [90, 150],
      [150, 160],
      [160, 240],
      [240, 330],
    ] as const) {
      goOn(file, FRAMES.slice(from, to))
      await exported(file, lake)
      await exported(file, lake)
      assert.deepEqual(await contents(lake), whole(to))
    }
  }))

test('an hour may be exported again, also when a part of it is forgotten, or all but its end', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    const at = (n: number) => FRAMES[n]!.start
    goOn(file, FRAMES.slice(0, 90))
    assert.equal(await exported(file, lake, { from: at(20), to: at(80) }), 60)
    goOn(file, FRAMES.slice(90, 140))
    // Its start has moved, but not into this range.
    await exported(file, lake, { from: at(80), to: at(140) })
    goOn(file, FRAMES.slice(140, 150))
    for (let end = 150; end < 179; end += 14) {
      goOn(file, FRAMES.slice(end, end + 14))
      assert.equal(await exported(file, lake, { to: at(80) }), 0)
      assert.equal(((await contents(lake)) as { ticks: number }).ticks, 120)
    }
    await exported(file, lake)
    assert.deepEqual(await contents(lake), {
      ...(whole(192) as object),
      ticks: 172,
      times: 172,
      requests: requests(FRAMES.slice(20, 192)),
    })
  }))

test('a copy with another clock is refused as before, and so is a part that the user names', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    goOn(file, FRAMES.slice(0, 160))
    await exported(file, lake)
    const refused = /has rows of host "web1" from this time already/
    await assert.rejects(exported(file, lake, {}, 5e6), refused)
    await assert.rejects(exported(file, lake, { from: addMicros(FRAMES[100]!.start, 0) }), refused)
    await assert.rejects(exported(file, lake, { to: wallMicros(FRAMES[100]!.start) }), refused)
    goOn(file, FRAMES.slice(160, 200))
    await assert.rejects(exported(file, lake, {}, 5e6), refused)
    await exported(file, lake)
    assert.deepEqual(((await contents(lake)) as { ticks: number }).ticks, 200 - 60 + 1)
  }))

test('a repaired copy takes the place of its original', () =>
  inFolder(async (folder) => {
    const [file, copy, lake] = [join(folder, 'web.db'), join(folder, 'copy.db'), join(folder, 'lake')]
    goOn(file, FRAMES.slice(0, 160))
    await exported(file, lake)
    const before = await contents(lake)
    await repairRecording(file, copy, silent)
    await exported(copy, lake)
    assert.deepEqual(await contents(lake), before)
  }))
