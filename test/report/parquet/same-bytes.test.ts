/** The same ticks give the same bytes, whatever the recording has gained or forgotten since. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { exportDataset } from '../../../src/report/parquet/dataset.ts'
import { joinedMetadata, metadataOf } from '../../../src/report/parquet/file-metadata.ts'
import { readFooter } from '../../../src/report/parquet/file/parquet-footer.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { inFolder } from '../../store/support.ts'
import { sql } from '../duckdb.ts'
import { incident, recording } from '../fake.ts'
import { contents, exported, framesFrom, hour, record, type Kind } from './hours.ts'

for (const kind of ['Parquet', 'NDJSON'] as Kind[])
  test(`${kind}: an hour of a recording that has grown and forgotten since, and of another name`, () =>
    inFolder(async (folder) => {
      const [file, early, late] = [join(folder, 'web.db'), join(folder, 'early'), join(folder, 'late')]
      const frames = framesFrom('2026-11-22T14:58:20Z', 40, 60e6)
      const fifteen = hour('2026-11-22T15:00:00Z')
      const range = { from: fifteen.from, to: addMicros(fifteen.from, 600e6) }
      record(file, frames.slice(0, 15), { isNew: true })
      await exported(file, early, range, kind)
      record(file, frames.slice(15), { keep: micros(38 * 60e6 + 30e6) })
      const { ticks } = await exported(file, late, range, kind).then(({ rows }) => rows)
      assert.equal(ticks, 10)
      assert.deepEqual(contents(late), contents(early))
      // And in its own place.
      await exported(file, early, range, kind)
      assert.deepEqual(contents(late), contents(early))
    }))

test('what is told of a range is the sum of what is told of its parts', () => {
  const of = incident()
  const { from, to } = spanOf(of.ticks)!
  const middle = addMicros(from, 60e6)
  const whole = metadataOf(of, 'id', { from, to })
  const parts = [metadataOf(of, 'id', { from, to: middle }), metadataOf(of, 'id', { from: middle, to })]
  const joined = joinedMetadata(parts)
  const coverage = (texts: Record<string, string>): Record<string, unknown> =>
    JSON.parse(texts['upstreamtop.coverage']!) as Record<string, unknown>
  // The gap of 20 s is cut where the parts meet, which is no full hour here.
  assert.deepEqual({ ...coverage(joined), gaps: null }, { ...coverage(whole), gaps: null })
  assert.deepEqual({ ...joined, 'upstreamtop.coverage': '' }, { ...whole, 'upstreamtop.coverage': '' })
  const unknown = { ...coverage(whole), loss: { map_refused: null }, unseen: null }
  const withUnknown = { ...parts[0]!, 'upstreamtop.coverage': JSON.stringify(unknown) }
  const sum = coverage(joinedMetadata([parts[1]!, withUnknown]))
  assert.equal(sum.unseen, null)
  assert.equal((sum.loss as Record<string, unknown>).map_refused, null)
})

test('a day without a tick has an empty file of ticks, and its gap', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'web.db')
    const frames = framesFrom('2026-11-22T13:59:30Z', 3, 7_200e6)
    record(file, frames, { isNew: true })
    const { files, rows } = await exported(file, join(folder, 'lake'), hour('2026-11-22T14:00:00Z'))
    assert.deepEqual([rows.ticks, rows.gaps, files.length], [0, 1, 2])
    const footer = await readFooter(files.find((path) => path.includes('ticks'))!)
    assert.equal(footer.rows, 0)
    const coverage = JSON.parse(footer.metadata['upstreamtop.coverage']!) as Record<string, unknown>
    assert.deepEqual([coverage.ratio, coverage.covered_us], [0, 0])
    const lake = `${folder}/lake/*/**/*.parquet`
    assert.deepEqual(await sql(`SELECT count(*) n FROM read_parquet('${lake}', union_by_name = true)`), [
      { n: 1 },
    ])
    await exported(file, join(folder, 'tables'), hour('2026-11-22T14:00:00Z'), 'NDJSON')
    assert.deepEqual(
      await sql(
        `SELECT count(*) n FROM read_json('${folder}/tables/ticks/**/*.ndjson.gz', columns = {seq: 'INT'})`,
      ),
      [{ n: 0 }],
    )
  }))

test('an export whose first ticks are forgotten meanwhile begins after them, or says that it cannot', () =>
  inFolder(async (folder) => {
    const frames = framesFrom('2026-11-22T14:00:00Z', 20)
    const forgetting = (often: number): Recording => {
      let first = 0
      let isDue = true
      const of = recording(frames)
      return Object.defineProperties(Object.create(of) as Recording, {
        info: { get: () => ({ ...of.info, ...(first === 0 ? {} : { began: of.info.start }) }) },
        ticks: { get: () => of.ticks.slice(first) },
        frame: {
          value: (seq: number) => {
            if (often > 0 && isDue) {
              isDue = false
              often--
              first += 2
            }
            return seq < first ? null : of.frame(seq)
          },
        },
        refresh: { value: () => (isDue = true) },
      })
    }
    const into = async (of: Recording): Promise<number> => {
      const { rows } = await exportDataset([of], {
        directory: join(folder, 'lake'),
        range: spanOf(of.ticks)!,
        selection: EVERYTHING,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      })
      return rows.ticks
    }
    await assert.rejects(into(forgetting(99)), /forgotten faster than they are read/)
    assert.deepEqual(contents(folder).size, 0)
    assert.equal(await into(forgetting(2)), 16)
    const [name] = readdirSync(join(folder, 'lake/ticks/host=web1/date=2026-11-22'))
    assert.match(name!, /^ticks-20261122T140004/)
  }))

test('an export in which new damage shows each time says so, and not that ticks are forgotten', () =>
  inFolder(async (folder) => {
    const of = recording(framesFrom('2026-11-22T14:00:00Z', 20))
    const damage: string[] = []
    const spoiling = Object.defineProperties(Object.create(of) as Recording, {
      damage: { get: () => [...damage] },
      frame: {
        value: (seq: number) => {
          if (seq === 7) damage.push(`page ${damage.length} is damaged`)
          return seq === 7 ? null : of.frame(seq)
        },
      },
    })
    await assert.rejects(
      exportDataset([spoiling], {
        directory: join(folder, 'lake'),
        range: spanOf(of.ticks)!,
        selection: EVERYTHING,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      }),
      { exitCode: 5, message: /more damage of ".*" shows each time it is read; ".*lake" is as before/ },
    )
    assert.deepEqual(contents(folder).size, 0)
  }))

test('what a recorder forgets while its file is open is not taken for exported', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'web.db')
    const frames = framesFrom('2026-11-22T14:00:00Z', 60, 60e6)
    record(file, frames.slice(0, 50), { isNew: true })
    const opened = openRecording(file)
    record(file, frames.slice(50), { keep: micros(40 * 60e6) })
    const { rows, files } = await exportDataset([opened], {
      directory: join(folder, 'lake'),
      range: spanOf(opened.ticks)!,
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    opened.close()
    assert.equal(rows.ticks, 31)
    assert.match(
      files.find((path) => path.includes('ticks'))!,
      /ticks-20261122T1419/,
    )
  }))
