import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { coverageOf } from '../../../src/frame/views/figures.ts'
import { spanOf, ticksWithin } from '../../../src/frame/time/time.ts'
import { checkRecording } from '../../../src/store/tools/check.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import type { Bounds } from '../../../src/store/write/evictor.ts'
import { appendRecording, createRecording } from '../../../src/store/write/writer.ts'
import { silent, withFolder } from '../../torture/kit.ts'
import { sampleFrames, type SampleOptions } from '../../torture/sample.ts'
import { inFolder, META } from '../support.ts'

const DAY = 86_400

/** Synthetic ticks start some ms after their second, so one more or less may be old enough. */
const about = (count: number, expected: number): void =>
  assert.ok(Math.abs(count - expected) <= 1, `${count} ticks`)

const framesOf = (options: SampleOptions, offset: (i: number) => number = () => 0): SecondFrame[] =>
  [...sampleFrames(options)].map((frame, i) => ({
    ...frame,
    start: addMicros(frame.start, offset(i) * 1e6),
  }))

function write(file: string, frames: readonly SecondFrame[], bounds: Bounds): void {
  const sink = createRecording(file, META, bounds)
  for (const frame of frames) sink.append(frame)
  sink.close()
}

function opened<T>(file: string, use: (recording: Recording) => T): T {
  const recording = openRecording(file)
  try {
    return use(recording)
  } finally {
    recording.close()
  }
}

function counted(file: string, table: string): number {
  const database = new Database(file, { readonly: true })
  try {
    return database.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
  } finally {
    database.close()
  }
}

const coverageIn = (recording: Recording): number | null => {
  const range = spanOf(recording.ticks)!
  const [run] = ticksWithin(recording.ticks, range)
  return coverageOf(recording.aggregate(run!), range.to - range.from)
}

describe('retention below a minute', () => {
  it('leaves no rollup behind, and no gap: --keep 30s', async () => {
    await withFolder(async (folder) => {
      const file = folder.file('x.db')
      write(file, framesOf({ secs: 225 }), { keep: micros(30e6) })
      for (const table of ['minute', 'minute_traffic', 'minute_status', 'minute_connection'])
        assert.equal(counted(file, table), 0, table)
      opened(file, (recording) => {
        about(recording.ticks.length, 31)
        about(recording.info.ticks, 31)
        assert.deepEqual(recording.gaps, [])
        assert.equal(coverageIn(recording)!.toFixed(2), '1.00')
      })
      assert.deepEqual((await checkRecording(file, silent)).problems, [])
    })
  })

  it('uses the room for ticks: --max-size', async () => {
    await withFolder(async (folder) => {
      const file = folder.file('x.db')
      const frames = framesOf({ secs: 130, rps: 600, backends: 10, routes: 150, requests: 0 })
      write(file, frames, { maxSize: 1.2e6 })
      assert.ok(statSync(file).size <= 1.3e6, `${statSync(file).size} bytes`)
      const perTick = statSync(file).size / counted(file, 'tick')
      const bare = folder.file('bare.db')
      write(bare, frames.slice(0, 30), {})
      assert.ok(
        perTick < 1.6 * (statSync(bare).size / 30),
        `${perTick} bytes a tick, ${statSync(bare).size / 30} without a bound`,
      )
      const kept = counted(file, 'tick')
      assert.ok(kept < 60, `${kept} ticks`)
      opened(file, (recording) => assert.deepEqual(recording.gaps, []))
      assert.deepEqual((await checkRecording(file, silent)).problems, [])
    })
  })

  it('of an older recorder: what it left behind is no gap, and is removed by the next run', () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      write(file, framesOf({ secs: 150 }), {})
      const database = new Database(file)
      for (const table of ['traffic', 'status', 'connection'])
        database.exec(`DELETE FROM ${table} WHERE id < 100 << 20`)
      database.exec('DELETE FROM request_chunk WHERE tick < 100; DELETE FROM tick WHERE seq < 100')
      database.close()
      const [before, after] = [counted(file, 'minute'), 1]
      assert.ok(before > after, `${before} rollups`)
      opened(file, (recording) => {
        assert.equal(recording.ticks.length, 50)
        assert.deepEqual(recording.gaps, [])
      })
      appendRecording(file, META, { keep: micros(3600e6) }).close()
      assert.equal(counted(file, 'minute'), after)
    })
  })
})

describe('a clock that is set', () => {
  for (const [what, offset] of [
    ['back by a day', (i: number) => (i >= 40 ? -DAY : 0)],
    ['back every minute', (i: number) => -100 * Math.floor(i / 60)],
  ] as const) {
    it(`${what}: --max-size holds`, () => {
      inFolder((folder) => {
        const file = join(folder, 'x.db')
        write(file, framesOf({ secs: 130, rps: 600, backends: 10, routes: 100, requests: 0 }, offset), {
          maxSize: 1.2e6,
        })
        assert.ok(statSync(file).size <= 1.3e6, `${statSync(file).size} bytes`)
        opened(file, (recording) => assert.equal(recording.ticks.at(-1)!.seq, 129))
      })
    })
  }

  for (const [what, offset] of [
    ['forward by a day', (i: number) => (i >= 150 ? DAY : 0)],
    ['from 1970 to now', (i: number) => (i < 150 ? -50 * 365 * DAY : 0)],
    ['back by a day', (i: number) => (i >= 150 ? -DAY : 0)],
    ['forward and back again', (i: number) => (i >= 150 && i < 170 ? DAY : 0)],
    ['back, and forward after it was evicted', (i: number) => (i >= 20 && i < 120 ? -DAY : 0)],
  ] as const) {
    it(`${what}: --keep counts the time that passed`, () => {
      inFolder((folder) => {
        const file = join(folder, 'x.db')
        write(file, framesOf({ secs: 200 }, offset), { keep: micros(90e6) })
        opened(file, (recording) => {
          about(recording.ticks.length, 91)
          assert.equal(recording.ticks.at(-1)!.seq, 199)
        })
      })
    })
  }

  it('before a recorder goes on: --keep knows the steps of the run before', () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      const frames = framesOf({ secs: 100 }, (i) => (i < 30 ? -DAY : 0))
      write(file, frames.slice(0, 60), { keep: micros(90e6) })
      const sink = appendRecording(file, META, { keep: micros(90e6) })
      for (const frame of frames.slice(60)) sink.append(frame)
      sink.close()
      opened(file, (recording) => about(recording.ticks.length, 91))
    })
  })

  it('while nothing was recorded: a gap that is longer than --keep takes what is before it', () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      const frames = framesOf({ secs: 100 }, (i) => (i < 50 ? 0 : DAY))
      write(file, frames.slice(0, 50), { keep: micros(90e6) })
      const sink = appendRecording(file, META, { keep: micros(90e6) })
      for (const frame of frames.slice(50)) sink.append(frame)
      sink.close()
      opened(file, (recording) => assert.equal(recording.ticks.length, 50))
    })
  })
})
