/** Exports of full hours, as a timer makes them. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { exportHours } from '../../../src/report/parquet/hourly.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { inFolder } from '../../store/support.ts'
import { sql } from '../duckdb.ts'
import { at } from '../fake.ts'
import { exported, framesFrom, record } from './hours.ts'

/** A tick a minute from 13:50. */
const FRAMES = framesFrom('2026-11-22T13:50:00Z', 300, 60e6)
const upTo = (time: string): number => FRAMES.filter(({ start }) => start < at(`2026-11-22T${time}Z`)).length

async function hourly(file: string, directory: string, now: string): Promise<[number, number]> {
  const recording = openRecording(file)
  try {
    const options = {
      directory,
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    }
    const { hours, present } = await exportHours([recording], options, at(`2026-11-22T${now}Z`))
    return [hours, present]
  } finally {
    recording.close()
  }
}

const ranges = (lake: string): string[] =>
  readdirSync(join(lake, 'ticks'), { recursive: true, encoding: 'utf8' })
    .flatMap((name) => /ticks-\d+T(\d{4})\d+Z-\d+T(\d{4}).*[.]parquet$/.exec(name)?.slice(1).join('-') ?? [])
    .sort()
const ticks = async (lake: string): Promise<unknown> =>
  (
    await sql(
      `SELECT count(*) ticks, count(DISTINCT "time") times FROM read_parquet('${lake}/ticks/**/*.parquet')`,
    )
  )[0]
const once = (count: number): unknown => ({ ticks: count, times: count })

test('each full hour that has ended is exported once, and one that has grown since is exported again', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    record(file, FRAMES.slice(0, upTo('15:30:00')), { isNew: true })
    assert.deepEqual(await hourly(file, lake, '15:31:00'), [2, 0])
    assert.deepEqual(ranges(lake), ['1350-1400', '1400-1500'])
    assert.deepEqual(await hourly(file, lake, '15:59:59'), [0, 2])
    // The recorder has stopped at 15:30.
    assert.deepEqual(await hourly(file, lake, '16:02:00'), [1, 2])
    assert.deepEqual(ranges(lake), ['1350-1400', '1400-1500', '1500-1529'])
    record(file, FRAMES.slice(upTo('15:40:00')))
    // The hour in which it goes on is not over.
    assert.deepEqual(await hourly(file, lake, '16:02:00'), [1, 2])
    assert.deepEqual(ranges(lake), ['1350-1400', '1400-1500', '1500-1600'])
    assert.deepEqual(await hourly(file, lake, '18:02:00'), [2, 3])
    assert.deepEqual(await ticks(lake), once(upTo('18:00:00') - 10))
  }))

test('what the recording forgets never makes it refuse, and stays', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    const keep = micros(100 * 60e6)
    record(file, FRAMES.slice(0, 100), { isNew: true, keep })
    let count = 0
    // Runs at odd times, of which some miss an hour.
    for (const end of [130, 131, 150, 195, 196, 230, 300]) {
      const from = count === 0 ? 100 : count
      record(file, FRAMES.slice(from, end), { keep })
      count = end
      const now = new Date(FRAMES[end - 1]!.start / 1000).toISOString().slice(11, 19)
      await hourly(file, lake, now)
      assert.deepEqual((await hourly(file, lake, now))[0], 0, now)
    }
    const [row] = await sql(
      `SELECT count(*) n, count(DISTINCT "time") d FROM read_parquet('${lake}/ticks/**/*.parquet')`,
    )
    assert.equal(row!.n, row!.d)
    // From the oldest tick at the first run to the last full hour, but those that were forgotten before the run after their hour.
    assert.equal(row!.n, upTo('18:00:00') - 29 - 9)
    assert.deepEqual(ranges(lake), ['1419-1500', '1500-1600', '1600-1700', '1709-1800'])
  }))

test('beside what was exported by hand only the rest of an hour is added', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    record(file, FRAMES, { isNew: true })
    const by = (from: string, to: string): Promise<unknown> =>
      exported(file, lake, { from: at(`2026-11-22T${from}Z`), to: at(`2026-11-22T${to}Z`) })
    await by('14:20:00', '15:10:00')
    await by('16:10:00', '16:20:00')
    await hourly(file, lake, '18:02:00')
    assert.deepEqual(ranges(lake), [
      '1350-1400',
      '1400-1420',
      '1420-1510',
      '1510-1600',
      '1600-1700',
      '1700-1800',
    ])
    assert.deepEqual(await ticks(lake), once(upTo('18:00:00')))
    assert.deepEqual(await hourly(file, lake, '18:02:00'), [0, 5])
  }))

test("another recording's rows keep their hour, and the others are exported", () =>
  inFolder(async (folder) => {
    const [file, other, lake] = [join(folder, 'web.db'), join(folder, 'other.db'), join(folder, 'lake')]
    record(other, FRAMES.slice(upTo('15:20:00'), upTo('15:40:00')), { isNew: true })
    await exported(other, lake)
    record(file, FRAMES, { isNew: true })
    await assert.rejects(hourly(file, lake, '18:02:00'), /has rows of host "web1" from this time already/)
    assert.deepEqual(ranges(lake), ['1350-1400', '1400-1500', '1520-1539', '1600-1700', '1700-1800'])
  }))
