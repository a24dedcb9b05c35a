/**
 * Recordings with a foreign schema, impossible numbers or endless page trees: valid rows are read, in bounded time and memory.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { wallMicros } from '../../src/frame/model/units.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { markRecording } from '../../src/store/write/mark.ts'
import { appendRecording } from '../../src/store/write/writer.ts'
import { fixChecksums } from '../fuzz/checksums.ts'
import { silent, withFolder } from '../torture/kit.ts'
import { translated, writeSample } from '../torture/sample.ts'
import { changed, columnsOf, note, readAll, refused, SAMPLE } from './hostile-kit.ts'
import { multiply, PagesEditor } from './pages-editor.ts'
import { inFolder, META } from './support.ts'

const TICKS = 'SELECT n AS seq, 1700000000000000 AS start, 1000000 AS length FROM r'
const SCHEMAS: Readonly<Record<string, string>> = {
  'an endless view in place of tick': `ALTER TABLE tick RENAME TO old; CREATE VIEW tick AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) ${TICKS}`,
  'an endless view in place of meta':
    'ALTER TABLE meta RENAME TO old; CREATE VIEW meta AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) SELECT n AS key, n AS value FROM r WHERE n < 0',
  'a trigger that ignores inserted markers':
    'CREATE TRIGGER t BEFORE INSERT ON marker BEGIN SELECT RAISE(IGNORE); END',
  'a trigger that empties the table': 'CREATE TRIGGER t AFTER INSERT ON marker BEGIN DELETE FROM tick; END',
  'a CHECK': 'CREATE TABLE c (a INTEGER CHECK (a > 5)) STRICT',
  'a generated column': 'CREATE TABLE g (a INTEGER, b INTEGER AS (abs(a))) STRICT',
  'a DEFAULT with an expression': 'CREATE TABLE d (a INTEGER DEFAULT (random())) STRICT',
  'a name with control bytes': 'CREATE TABLE "\u001b[2J\u0007evil" (a INTEGER) STRICT',
  'a table without types': 'CREATE TABLE loose (a)',
  'a table without rowid': 'CREATE TABLE w (a INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID',
  'an index': 'CREATE INDEX i ON traffic (requests)',
  'a virtual table': "CREATE VIRTUAL TABLE v USING fts5(a, content='tick')",
  'our view with another definition': 'DROP VIEW codes; CREATE VIEW codes AS SELECT 1',
  'planner statistics': 'ANALYZE',
}

for (const [name, sql] of Object.entries(SCHEMAS)) {
  test(`${name}: rows are read from the pages, the file is not changed, and check reports it`, async () => {
    await withFolder(async (folder) => {
      const file = (name: string): string => folder.file(name)
      const recording = file('x.db')
      changed(recording, sql)
      const before = readFileSync(recording)
      const { ticks, damage } = readAll(recording)
      assert.equal(ticks, 70)
      assert.match(damage.join(), /in its schema/)
      assert.equal((await checkRecording(recording, silent)).state, 'recoverable')
      const marker = { at: wallMicros(1_795_356_000_000_000), kind: 'note', text: 'x' } as const
      assert.throws(() => markRecording(recording, marker), refused(5, /is damaged/))
      assert.throws(() => appendRecording(recording, META), refused(5, /is damaged/))
      assert.deepEqual(readFileSync(recording), before)
    })
  })
}

test('a known column with another type is a foreign schema', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    changed(
      file,
      'DROP TABLE marker; CREATE TABLE marker (id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL) STRICT',
    )
    assert.match(readAll(file).damage.join(), /"marker" in its schema/)
  })
})

for (const seq of [4e9, 4e15, 2 ** 62]) {
  test(`a tick numbered ${seq} costs no more than any tick`, () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      writeSample(file, SAMPLE)
      const columns = columnsOf(file)
      const database = new Sqlite(file)
      database.exec(
        `INSERT INTO tick (seq, ${columns}) SELECT ${BigInt(seq)}, ${columns} FROM tick WHERE seq = 69`,
      )
      database.close()
      assert.ok(readAll(file).ticks >= 70)
    })
  })
}

for (const cells of [
  'requests = 2147483648',
  'requests = -1',
  'requests = 4611686018427387904',
  'header_sum = 1125899906842625',
  'total_max = 1125899906842625',
]) {
  test(`a row with ${cells} is damage, though its checksum is valid`, async () => {
    await withFolder(async (folder) => {
      const file = folder.file('x.db')
      changed(file, `UPDATE traffic SET ${cells} WHERE id >> 20 BETWEEN 30 AND 39; DELETE FROM minute`)
      updateChecksums(file)
      readAll(file)
      const recording = openRecording(file)
      const missing = recording.ticks.filter(({ seq }) => recording.frame(seq) === null)
      recording.close()
      assert.equal(missing.length, 10)
      const { state, ticks } = await checkRecording(file, silent)
      assert.deepEqual({ state, ticks }, { state: 'recoverable', ticks: 60 })
    })
  })
}

/** Recalculates all checksums. */
function updateChecksums(file: string): void {
  const database = new Sqlite(file)
  fixChecksums(database)
  database.close()
}

for (const start of [-1, 7_300_000_000_000_000, 9_000_000_000_000_000, Number.MAX_SAFE_INTEGER]) {
  test(`a tick at ${start} µs lies outside 1970–2200: damage, and the others are read`, () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      changed(file, `UPDATE tick SET start = ${start} WHERE seq = 69; DELETE FROM minute`)
      const { ticks, damage } = readAll(file)
      assert.equal(ticks, 69)
      assert.notDeepEqual(damage, [])
    })
  })
}

for (const table of [
  'tick',
  'traffic',
  'status',
  'connection',
  'wire',
  'wire_traffic',
  'request_chunk',
  'minute',
  'marker',
  'route',
  'meta',
]) {
  test(`reading ends for a tree of ${table} that leads to the same page a billion times`, async () => {
    await withFolder(async (folder) => {
      const file = (name: string): string => folder.file(name)
      const recording = file('x.db')
      writeSample(recording, SAMPLE, undefined, translated)
      multiply(recording, table)
      assert.ok(readAll(recording).ticks <= 70)
      const { state } = await checkRecording(recording, silent)
      assert.equal(state, 'recoverable')
    })
  })
}

for (const table of ['backend', 'route', 'wire', 'marker']) {
  test(`nothing is written into a file whose tree of ${table} leads to the same page a billion times`, () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      writeSample(file, SAMPLE, undefined, translated)
      multiply(file, table)
      const damaged = refused(5, /is damaged/)
      if (table === 'marker') assert.throws(() => markRecording(file, note), damaged)
      else assert.throws(() => appendRecording(file, META), damaged)
    })
  })
}

test('reading ends for a schema tree that leads to the same page a billion times', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const editor = new PagesEditor(file)
    const page = editor.page(1)
    page[100] = 5
    page.writeUInt32BE(1, 108)
    editor.save()
    assert.match(readAll(file).damage.join(), /the pages that name its tables are damaged/)
  })
})

test('cells with circular or shared overflow pages are no rows', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const editor = new PagesEditor(file)
    const overflow = editor.append(Buffer.alloc(4096))
    editor.page(overflow).writeUInt32BE(overflow, 0)
    const leaf = Buffer.alloc(4096)
    leaf[0] = 0x0d
    leaf.writeUInt16BE(1700, 3)
    // 60 MB of payload, rowid 1, an empty record header; then the overflow page.
    const cell = Buffer.concat([
      Buffer.from('9c9e9c000101', 'hex'),
      Buffer.alloc(483),
      Buffer.from([0, 0, 0, overflow]),
    ])
    cell.copy(leaf, 4096 - cell.length)
    for (let i = 0; i < 1700; i++) leaf.writeUInt16BE(4096 - cell.length, 8 + 2 * i)
    for (let i = 0; i < 50; i++) editor.append(leaf)
    // an index page as root: pages are then read one by one
    editor.page(1)[100] = 2
    editor.save()
    const before = process.memoryUsage.rss()
    assert.equal(readAll(file).ticks, 70)
    assert.ok(process.memoryUsage.rss() - before < 400e6)
  })
})
