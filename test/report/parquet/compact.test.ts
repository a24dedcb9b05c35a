/** Hours become days. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { addMicros } from '../../../src/frame/model/units.ts'
import { compactDataset, type CompactResult } from '../../../src/report/parquet/compact/compact.ts'
import { temporaryOf } from '../../../src/temporary.ts'
import { inFolder } from '../../store/support.ts'
import { sql } from '../duckdb.ts'
import { at } from '../fake.ts'
import { contents, exported, framesFrom, HOUR, record, type Kind } from './hours.ts'

/** A tick every five minutes, over midnight; gaps lie over each full hour. */
const FRAMES = framesFrom('2026-11-22T20:02:30Z', 60, 300e6)
const MIDNIGHT = at('2026-11-23T00:00:00Z')

const compacted = (directory: string, how: { day?: string; host?: string; today?: string } = {}) =>
  compactDataset({
    directory,
    day: how.day ?? null,
    host: how.host ?? null,
    today: how.today ?? '2026-11-24',
    signal: new AbortController().signal,
  })

const namesOf = (folder: string): string[] =>
  [...contents(folder).keys()].map((path) =>
    path.replace(/^.*\/(\w+)-\d{8}T(\d{4})\d+Z-\d{8}T(\d{4})\d+Z-[0-9a-f]{8}/, '$1 $2-$3'),
  )

async function hours(file: string, lake: string, count: number, kind: Kind = 'Parquet'): Promise<void> {
  for (let i = 0; i < count; i++) {
    const from = addMicros(at('2026-11-22T20:00:00Z'), i * HOUR)
    await exported(file, lake, { from, to: addMicros(from, HOUR) }, kind)
  }
}

for (const kind of ['Parquet', 'NDJSON'] as Kind[])
  test(`${kind}: hours that are joined are, byte for byte, one export of all of them`, () =>
    inFolder(async (folder) => {
      const [file, lake, whole] = [join(folder, 'web.db'), join(folder, 'lake'), join(folder, 'whole')]
      record(file, FRAMES, { isNew: true })
      await hours(file, lake, 5, kind)
      await exported(file, whole, {}, kind)
      const before = contents(lake).size
      const result = await compacted(lake)
      assert.equal(before - result.parts + result.files, contents(lake).size)
      assert.deepEqual(contents(lake), contents(whole))
      // Again: nothing.
      assert.deepEqual(await compacted(lake), { parts: 0, files: 0, busy: [] } satisfies CompactResult)
      assert.deepEqual(contents(lake), contents(whole))
      assert.deepEqual(
        readdirSync(lake).filter((name) => name.startsWith('.')),
        [],
      )
      await assert.rejects(hours(file, lake, 1, kind), /from this time already/)
    }))

test('today waits until it is asked for, other hosts and files are left, and a hole parts two files', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    record(file, FRAMES, { isNew: true })
    await hours(file, lake, 5)
    const ticks = join(lake, 'ticks/host=web1')
    for (const path of contents(lake).keys())
      if (/-20261122T220000000Z-\d{8}T23/.test(path)) rmSync(join(lake, path))
    writeFileSync(join(ticks, 'date=2026-11-22/README'), 'mine')
    assert.equal((await compacted(lake, { host: 'web2' })).parts, 0)
    assert.equal((await compacted(lake, { today: '2026-11-22' })).parts, 0)
    await compacted(lake, { today: '2026-11-22', day: '2026-11-22' })
    assert.deepEqual(
      namesOf(ticks).map((name) => name.replace(/^.*README/, 'README')),
      ['README', 'ticks 2002-2200.parquet', 'ticks 2300-0000.parquet', 'ticks 0000-0057.parquet'].sort(
        (a, b) => order(a) - order(b),
      ),
    )
  }))
const order = (name: string): number =>
  ['README', '2002', '2300', '0000-'].findIndex((key) => name.includes(key))

test('what cannot be joined stays apart, and a torn file is named', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    record(file, FRAMES, { isNew: true })
    await hours(file, lake, 3)
    const day = join(lake, 'gaps/host=web1/date=2026-11-22')
    const [first, second, third] = readdirSync(day).sort()
    // As if another version had written other columns.
    cpSync(
      join(
        day.replace('gaps', 'markers'),
        '..',
        '..',
        '..',
        'ticks/host=web1/date=2026-11-22',
        second!.replace('gaps', 'ticks'),
      ),
      join(day, second!),
    )
    await compacted(lake)
    assert.deepEqual(readdirSync(day).sort(), [first, second, third])
    truncateSync(join(day, third!), 99)
    await assert.rejects(compacted(lake), new RegExp(`"[^"]*${third!}" is no whole Parquet file`))
  }))

for (const [what, tear] of [
  ['cut off', (path: string) => truncateSync(path, statSync(path).size - 9)],
  ['empty, as after a power failure', (path: string) => truncateSync(path, 0)],
  ['of something else', (path: string) => writeFileSync(path, gzipSync('{"host":"web1"'))],
] as const)
  test(`NDJSON that is ${what} is named, and the hours around it stay as they are`, () =>
    inFolder(async (folder) => {
      const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
      record(file, FRAMES, { isNew: true })
      await hours(file, lake, 4, 'NDJSON')
      const day = join(lake, 'ticks/host=web1/date=2026-11-22')
      const second = readdirSync(day).sort()[1]!
      tear(join(day, second))
      const before = contents(lake)
      await assert.rejects(compacted(lake), new RegExp(`"[^"]*${second}" is no whole gzip of rows`))
      assert.deepEqual(contents(lake), before)
      rmSync(join(day, second))
      await hours(file, lake, 2, 'NDJSON')
      assert.ok((await compacted(lake)).parts > 0)
    }))

test('a compaction that was killed loses nothing, and the next one ends it', () =>
  inFolder(async (folder) => {
    const [file, lake, whole] = [join(folder, 'web.db'), join(folder, 'lake'), join(folder, 'whole')]
    record(file, FRAMES, { isNew: true })
    await hours(file, lake, 5)
    await exported(file, whole)
    const hourly = join(folder, 'hourly')
    cpSync(lake, hourly, { recursive: true })
    await compacted(lake)
    // Killed after some tables.
    const [mixed, between] = [join(folder, 'mixed'), join(folder, 'between')]
    cpSync(lake, mixed, { recursive: true })
    for (const table of ['gaps', 'traffic']) {
      rmSync(join(mixed, table), { recursive: true })
      cpSync(join(hourly, table), join(mixed, table), { recursive: true })
    }
    await compacted(mixed)
    assert.deepEqual(contents(mixed), contents(whole))
    // Killed between the renames.
    cpSync(hourly, between, { recursive: true })
    const dead = spawnSync(process.execPath, ['--version']).pid
    const staging = temporaryOf(join(between, 'compact')).replace(/\d+\.tmp$/, `${dead}.tmp`)
    const day = 'ticks/host=web1/date=2026-11-22'
    mkdirSync(join(staging, 'old/ticks/host=web1'), { recursive: true })
    renameSync(join(between, day), join(staging, 'old', day))
    await compacted(between)
    assert.deepEqual(contents(between), contents(whole))
  }))

test('a reader finds a row once or, for a moment, no folder; an export that has begun is waited for', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    record(file, FRAMES, { isNew: true })
    await hours(file, lake, 4)
    const hourly = join(folder, 'hourly')
    cpSync(lake, hourly, { recursive: true })
    const day = join(lake, 'ticks/host=web1/date=2026-11-22')
    const reader = new Worker(READER, { eval: true, workerData: day })
    reader.unref()
    await once(reader, 'message')
    const seen = once(reader, 'message') as Promise<[readonly number[]]>
    await compacted(lake)
    reader.postMessage('enough')
    const [counts] = await seen
    assert.deepEqual(
      counts.filter((count) => count !== 0 && count !== 1 && count !== 4),
      [],
    )
    assert.deepEqual((await sql(`SELECT count(*) n FROM read_parquet('${day}/*.parquet')`))[0], { n: 48 })

    const busy = join(hourly, 'ticks/host=web1/date=2026-11-22', `.x.parquet.0000abcd-1.tmp`)
    writeFileSync(busy, '')
    const before = contents(hourly)
    assert.deepEqual(await compacted(hourly), { parts: 0, files: 0, busy: ['host=web1/date=2026-11-22'] })
    assert.deepEqual(contents(hourly), before)
    assert.ok(FRAMES.some(({ start }) => start >= MIDNIGHT))
  }))

/** Lists a folder as often as it can, and answers with the numbers of files it has seen. */
const READER = `
  const { readdirSync } = require('node:fs')
  const { parentPort, receiveMessageOnPort, workerData } = require('node:worker_threads')
  const seen = new Set()
  parentPort.postMessage('begun')
  while (receiveMessageOnPort(parentPort) === undefined)
    try { seen.add(readdirSync(workerData).length) } catch { seen.add(0) }
  parentPort.postMessage([...seen])
`
