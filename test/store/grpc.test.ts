/** gRPC statuses in the file: docs/FORMAT.md, `grpc`. */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import type { Codes, SecondFrame } from '../../src/frame/model/frame.ts'
import { GRPC_NONE } from '../../src/frame/model/grpc.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { SEED } from '../../src/store/format/checksum.ts'
import { columnsIn } from '../../src/store/format/columns.ts'
import { readGrpc, writeGrpc } from '../../src/store/format/rows.ts'
import { TABLES } from '../../src/store/format/schema.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { CorruptRow } from '../../src/store/sqlite/corrupt-row.ts'
import type { Database } from '../../src/store/sqlite/database.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { cutRecording } from '../../src/store/tools/cut.ts'
import { repairRecording } from '../../src/store/tools/repair.ts'
import { appendRecording, createRecording } from '../../src/store/write/writer.ts'
import { fixChecksums } from '../fuzz/checksums.ts'
import { silent, withFolder } from '../torture/kit.ts'
import { sampleFrames } from '../torture/sample.ts'
import { META } from './support.ts'

const FORMAT_2 = new URL('../../fixtures/recordings/format-2.db', import.meta.url).pathname

/** Of each tick in which the first row has such an answer: one of its backend's, another, and one without status. */
const STATUSES: readonly (Codes | null)[] = [[0, 8, 14, 2], [], [0, 3, 990, 1, GRPC_NONE, 1]]

/** Two minutes and a half, so that there are rollups. */
const withGrpc = (of: (seq: number) => Codes | null): SecondFrame[] =>
  [...sampleFrames({ secs: 150, backends: 2, routes: 3, requests: 2 })].map((frame) => ({
    ...frame,
    traffic: frame.traffic.map((row, i) => ({ ...row, grpc: i === 0 ? of(frame.seq) : [] })),
  }))

function written(file: string, frames: readonly SecondFrame[]): readonly SecondFrame[] {
  const sink = createRecording(file, META, { durable: false })
  for (const frame of frames) sink.append(frame)
  sink.close()
  return frames
}

const sample = (file: string): readonly SecondFrame[] =>
  written(
    file,
    withGrpc((seq) => STATUSES[seq % 3]!),
  )

/** [tick, status, exchanges, …] of each row with gRPC, or with unknown statuses. */
const statusesIn = (frames: readonly SecondFrame[]): unknown[] =>
  frames.flatMap(({ seq, traffic }) =>
    traffic.filter(({ grpc }) => grpc?.length !== 0).map(({ grpc }) => [seq, grpc]),
  )

function framesOf(file: string): SecondFrame[] {
  const recording = openRecording(file, { verify: true })
  try {
    return recording.ticks.map(({ seq }) => recording.frame(seq)!)
  } finally {
    recording.close()
  }
}

function totalOf(file: string): Codes | null {
  const recording = openRecording(file)
  try {
    return recording.aggregate({ from: 0, to: recording.ticks.length }).totals.grpc
  } finally {
    recording.close()
  }
}

function changed<T>(file: string, change: (database: Database) => T): T {
  const database = new Sqlite(file)
  try {
    return change(database)
  } finally {
    database.close()
  }
}

test('statuses are an object of JSON in SQL; empty where there was no gRPC, NULL where nothing tells', async () => {
  await withFolder((folder) => {
    const file = folder.file('x.db')
    written(
      file,
      withGrpc((seq) => (seq === 2 ? null : STATUSES[seq % 3]!)),
    )
    const cells = changed(file, (database) =>
      database
        .prepare('SELECT DISTINCT tick, grpc FROM traffic WHERE tick < 3 ORDER BY tick, length(grpc) = 0')
        .raw()
        .all(),
    )
    assert.deepEqual(cells, [
      [0, '{"0":8,"14":2}'],
      [0, ''],
      [1, ''],
      [2, null],
      [2, ''],
    ])
    return Promise.resolve()
  })
})

test('the query of docs/FORMAT.md gives the exchanges of the report', async () => {
  const markdown = readFileSync(new URL('../../docs/FORMAT.md', import.meta.url), 'utf8')
  const [, query] = /```sql\n([^`]*json_each[^`]*)```/.exec(markdown)!
  await withFolder((folder) => {
    const file = folder.file('x.db')
    sample(file)
    const total = changed(file, (database) => {
      // The last minute is in no rollup, so the query is asked of the ticks.
      const rows = database.prepare(query!.replace('minute_traffic', 'traffic')).raw().all() as unknown[][]
      const sums = new Map<string, number>()
      for (const [, status, exchanges] of rows)
        sums.set(String(status), (sums.get(String(status)) ?? 0) + Number(exchanges))
      return sums
    })
    assert.deepEqual(total, new Map(Object.entries({ '0': 550, '14': 100, '990': 50, none: 50 })))
    assert.deepEqual(totalOf(file), [0, 550, 14, 100, 990, 50, GRPC_NONE, 50])
    return Promise.resolve()
  })
})

test('a cut and a repair keep the statuses', async () => {
  await withFolder(async (folder) => {
    const [file, out, saved] = [folder.file('x.db'), folder.file('cut.db'), folder.file('saved.db')]
    const frames = sample(file)
    const source = openRecording(file)
    const span = { from: wallMicros(0), to: wallMicros(Number.MAX_SAFE_INTEGER) }
    const ranges = [{ from: 20, to: 140 }]
    await cutRecording(source, { ranges, span, keeps: null, redact: new Set(), maxSize: null, out }, silent)
    source.close()
    const moved = frames.slice(20, 140).map((frame) => ({ ...frame, seq: frame.seq - 20 }))
    assert.deepEqual(statusesIn(framesOf(out)), statusesIn(moved))
    writeFileSync(file, readFileSync(file).fill(0, 100, 4096))
    await repairRecording(file, saved, silent)
    assert.deepEqual(statusesIn(framesOf(saved)), statusesIn(frames))
  })
})

test('a version that does not know the column reads the same checksums', async () => {
  await withFolder((folder) => {
    const file = folder.file('x.db')
    sample(file)
    changed(file, (database) => {
      const without = (names: readonly string[]): string[] => names.filter((name) => name !== 'grpc')
      const older = {
        ...TABLES.traffic,
        columns: without(TABLES.traffic.columns),
        later: without(TABLES.traffic.later),
      }
      const sums = [TABLES.traffic, older].map((ours) => {
        const { select, fold } = columnsIn(database, 'traffic', ours)
        const rows = database
          .prepare(`SELECT ${select.join(',')} FROM traffic ORDER BY id`)
          .raw()
          .all()
        return (rows as never[][]).reduce((hash, cells) => fold(hash, cells, 0), SEED)
      })
      assert.equal(sums[0], sums[1])
    })
    return Promise.resolve()
  })
})

test('an older file does not know its statuses; what is appended to it does', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    copyFileSync(FORMAT_2, file)
    const before = framesOf(file)
    const rows = before.flatMap(({ traffic }) => traffic)
    assert.ok(rows.length > 0 && rows.every(({ grpc }) => grpc === null))
    const { host } = openRecording(file).info
    const sink = appendRecording(file, { ...META, host }, { durable: false })
    const more = withGrpc((seq) => STATUSES[seq % 3]!)
    for (const frame of more) sink.append(frame)
    sink.close()
    assert.equal((await checkRecording(file, silent)).state, 'whole')
    const read = framesOf(file)
    assert.deepEqual(
      statusesIn(read.slice(before.length)),
      statusesIn(more.map((frame) => ({ ...frame, seq: frame.seq + before.length }))),
    )
    assert.equal(totalOf(file), null)
  })
})

test('a flipped status is noticed', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    sample(file)
    changed(file, (database) =>
      database.exec(`UPDATE traffic SET grpc = '{"0":8,"13":2}' WHERE grpc = '{"0":8,"14":2}' AND tick = 3`),
    )
    const { problems } = await checkRecording(file, silent)
    assert.ok(
      problems.some((words) => words.includes('1 of 150 ticks')),
      problems.join('; '),
    )
  })
})

/** Of a hostile file: its checksums are right. */
const ODD = [
  'x',
  '1',
  'null',
  '[0,1]',
  '{"0":1',
  '{"OK":1}',
  '{"00":1}',
  '{"-1":1}',
  '{"999":1}',
  '{"1000":1}',
  '{"0":0}',
  '{"0":-1}',
  '{"0":1.5}',
  '{"0":"1"}',
  '{"0":2147483648}',
  '{"__proto__":1}',
  '['.repeat(200_000),
]

test('a cell that holds no statuses is damage', async () => {
  for (const cell of [...ODD, 5, Buffer.from('{}')])
    assert.throws(() => readGrpc(cell), CorruptRow, String(cell).slice(0, 40))
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    sample(file)
    changed(file, (database) => {
      ODD.forEach((cell, tick) =>
        database.prepare('UPDATE traffic SET grpc = ? WHERE id >> 20 = ?').run(cell, tick),
      )
      fixChecksums(database)
    })
    const { ticks } = await checkRecording(file, silent)
    assert.equal(ticks, 150 - ODD.length)
  })
})

test('every list of statuses is read back as it was written', () => {
  for (const grpc of [null, [], [0, 1], [2, 2 ** 31 - 1], [0, 1, 16, 2, 42, 3, 989, 4, 990, 5, GRPC_NONE, 6]])
    assert.deepEqual(readGrpc(writeGrpc(grpc)), grpc)
  assert.deepEqual(readGrpc('{"none":1,"14":2,"0":3}'), [0, 3, 14, 2, GRPC_NONE, 1])
})
