/** Files with an added or missing column, another type or another order: docs/FORMAT.md, "Columns are added". */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { UserError } from '../../src/errors.ts'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { addColumns } from '../../src/store/file/add-columns.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { fold, foldCells, SEED } from '../../src/store/format/checksum.ts'
import { columnsIn, foldWritten } from '../../src/store/format/columns.ts'
import { cutRecording } from '../../src/store/tools/cut.ts'
import type { Database, SqlValue } from '../../src/store/sqlite/database.ts'
import { markRecording } from '../../src/store/write/mark.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { repairRecording } from '../../src/store/tools/repair.ts'
import { TABLES, type TableColumns } from '../../src/store/format/schema.ts'
import { appendRecording } from '../../src/store/write/writer.ts'
import { fixChecksums } from '../fuzz/checksums.ts'
import { silent, withFolder } from '../torture/kit.ts'
import { sampleFrames, writeSample } from '../torture/sample.ts'
import { comparable, inFolder, META } from './support.ts'
import { COUNT_COLUMNS } from '../../src/store/format/columns.generated.ts'

const RECORDINGS = new URL('../../fixtures/recordings/', import.meta.url).pathname
const SAMPLE = { secs: 70, rps: 20, backends: 2, routes: 4, requests: 3 }
const CHECKSUMMED = Object.keys(TABLES) as (keyof typeof TABLES)[]
const OTHERS = ['backend', 'route', 'marker', 'request_chunk']

function changed(file: string, change: (database: Database) => void): void {
  const database = new Sqlite(file)
  change(database)
  database.close()
}

function framesOf(file: string): unknown[] {
  const recording = openRecording(file, { verify: true })
  try {
    return recording.ticks.map(({ seq }) => comparable(recording.frame(seq)!))
  } finally {
    recording.close()
  }
}

const all = (frames: readonly SecondFrame[]): unknown[] => frames.map(comparable)

async function assertWhole(file: string, frames: readonly SecondFrame[]): Promise<void> {
  const { state, problems } = await checkRecording(file, silent)
  assert.deepEqual({ state, problems }, { state: 'whole', problems: [] })
  assert.deepEqual(framesOf(file), all(frames))
}

/** Adds the column to every checksummed table, with a value in every second row. */
function addLaterColumn(database: Database, definition: string, value: string): void {
  const [name] = definition.split(' ')
  for (const table of CHECKSUMMED) {
    database.exec(`ALTER TABLE ${table} ADD COLUMN ${definition}`)
    database.exec(`UPDATE ${table} SET ${name} = ${value} WHERE rowid % 2 = 1`)
  }
  fixChecksums(database)
}

/** Creates the table again with changed columns, and copies its rows. */
function recreateTable(database: Database, table: string, change: (columns: string[]) => string[]): void {
  const sql = database.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(table) as string
  const [, begin, body] = /^([^(]*\()(.*)\) STRICT$/s.exec(sql)!
  const columns = body!.split(',').map((column) => column.trim())
  const names = columns.filter((column) => !column.includes(' AS ')).map((column) => column.split(' ')[0])
  database.exec(`CREATE TEMP TABLE kept AS SELECT ${names.join(',')} FROM ${table}; DROP TABLE ${table}`)
  database.exec(`${begin} ${change(columns).join(', ')}) STRICT`)
  database.exec(
    `INSERT INTO ${table} (${names.join(',')}) SELECT ${names.join(',')} FROM kept; DROP TABLE kept`,
  )
}

for (const [what, definition, value] of [
  ['counts', 'later INTEGER', 'rowid % 1000 + 5000000000'],
  ['texts', "later TEXT DEFAULT 'none'", "'word'"],
  ['bytes', 'later BLOB', "x'00ff'"],
] as const) {
  test(`${what} in columns of a later version do not change what we read, and are in the checksums`, async () => {
    await withFolder(async (folder) => {
      const file = folder.file('x.db')
      const frames = writeSample(file, SAMPLE)
      changed(file, (database) => addLaterColumn(database, definition, value))
      await assertWhole(file, frames)
      changed(file, (database) => database.exec('UPDATE traffic SET later = NULL WHERE id >> 20 = 7'))
      const { problems } = await checkRecording(file, silent)
      assert.ok(
        problems.some((words) => words.includes('1 of 70 ticks')),
        problems.join('; '),
      )
    })
  })
}

test('an added column changes no checksum, whatever its default', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const frames = writeSample(file, SAMPLE)
    changed(file, (database) => {
      for (const table of [...CHECKSUMMED, ...OTHERS])
        for (const column of [
          'a INTEGER',
          "b TEXT NOT NULL DEFAULT 'x'",
          'c INTEGER DEFAULT -3',
          'd BLOB DEFAULT NULL',
        ])
          database.exec(`ALTER TABLE ${table} ADD COLUMN ${column}`)
    })
    await assertWhole(file, frames)
  })
})

test('a column of a later version may be in the middle, and may have an SQL keyword as its name', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const frames = writeSample(file, SAMPLE)
    changed(file, (database) => {
      for (const table of CHECKSUMMED) {
        recreateTable(database, table, (columns) => columns.toSpliced(3, 0, 'current_time INTEGER'))
        database.exec(`UPDATE ${table} SET "current_time" = 9`)
      }
      fixChecksums(database)
    })
    await assertWhole(file, frames)
  })
})

test('our columns may be in any order in the file: the checksums stay valid', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const frames = writeSample(file, SAMPLE)
    changed(file, (database) => {
      for (const table of CHECKSUMMED)
        recreateTable(database, table, ([id, ...columns]) => {
          // Checksums contain later columns in the file's order, so that a program that does not know them gets the same
          // result.
          const { later }: TableColumns = TABLES[table]
          const isLater = (column: string): boolean => later.includes(column.split(' ')[0]!)
          return [id!, ...columns.filter((column) => !isLater(column)).reverse(), ...columns.filter(isLater)]
        })
    })
    await assertWhole(file, frames)
  })
})

test('if a base column is missing or has another type, its rows are damaged, and no number is wrong', async () => {
  for (const change of [
    (columns: string[]) => columns.filter((column) => !column.startsWith('interim')),
    (columns: string[]) => columns.map((column) => column.replace(/^interim INTEGER/, 'interim TEXT')),
  ]) {
    await withFolder(async (folder) => {
      const file = folder.file('x.db')
      writeSample(file, SAMPLE)
      changed(file, (database) => {
        const kept = database
          .prepare('SELECT sql FROM sqlite_schema WHERE name = ?')
          .pluck()
          .get('traffic') as string
        database.exec('DROP TABLE traffic')
        const [, begin, body] = /^([^(]*\()(.*)\) STRICT$/s.exec(kept)!
        database.exec(`${begin}${change(body!.split(',').map((column) => column.trim())).join(', ')}) STRICT`)
      })
      const refused = (error: unknown): boolean => error instanceof UserError && error.exitCode === 5
      try {
        const { state } = await checkRecording(file, silent)
        assert.notEqual(state, 'whole')
      } catch (error) {
        assert.ok(refused(error), String(error))
      }
      assert.throws(() => appendRecording(file, META), refused)
    })
  }
})

/** The tables as a later version of the same format defines them. */
const WITH_ONE_MORE: Readonly<Record<string, TableColumns>> = Object.fromEntries(
  Object.entries(TABLES).map(([table, ours]) => [
    table,
    { ...ours, columns: [...ours.columns, 'once_more'], later: [...ours.later, 'once_more'] },
  ]),
)
const MORE = WITH_ONE_MORE.traffic!

test('a later column is NULL if the file lacks it; the checksum contains it only with a value', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const database: Database = new Sqlite(file)
    const sumOf = (ours: TableColumns, change: (cells: SqlValue[]) => void = () => undefined): number => {
      const { select, fold: folded } = columnsIn(database, 'traffic', ours)
      const row = database
        .prepare(`SELECT ${select.join(',')} FROM traffic`)
        .raw()
        .get() as SqlValue[]
      change(row)
      return folded(SEED, row, 0)
    }
    const before = sumOf(TABLES.traffic)
    const { select } = columnsIn(database, 'traffic', MORE)
    assert.equal(select[COUNT_COLUMNS.length], 'NULL')
    assert.equal(sumOf(MORE), before)
    addColumns(database, WITH_ONE_MORE)
    assert.equal(columnsIn(database, 'traffic', MORE).select[COUNT_COLUMNS.length], 'once_more')
    assert.equal(sumOf(MORE), before)
    database.exec('UPDATE traffic SET once_more = 11')
    assert.equal(sumOf(MORE), fold(before, 11))
    // A program that does not know the column reads it as the last one and gets the same checksum; so does the writer.
    assert.equal(sumOf(TABLES.traffic), fold(before, 11))
    const cells = [0, ...COUNT_COLUMNS.map((_, i) => i), 11, 99]
    const written = foldWritten(database, 'traffic', MORE)
    assert.equal(written(SEED, cells, 1), fold(foldCells(SEED, cells, 1, COUNT_COLUMNS.length), 11))
    assert.equal(
      foldWritten(database, 'traffic')(SEED, cells, 1),
      foldCells(SEED, cells, 1, COUNT_COLUMNS.length),
    )
    database.close()
  })
})

test('columns added to an old file keep its checksums, minutes and views valid', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const frames = writeSample(file, SAMPLE)
    changed(file, (database) => {
      const codes = (): unknown[] => database.prepare('SELECT * FROM codes').all()
      const before = codes()
      addColumns(database, WITH_ONE_MORE)
      addColumns(database, WITH_ONE_MORE)
      assert.deepEqual(codes(), before)
    })
    await assertWhole(file, frames)
  })
})

function appendTo(file: string, secs: number): SecondFrame[] {
  const sink = appendRecording(file, META, { durable: false })
  const frames = [...sampleFrames({ ...SAMPLE, secs, seed: 2 })]
  for (const frame of frames) sink.append(frame)
  sink.close()
  return frames
}

test('a recording of a later version can be continued: its columns stay empty', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const frames = writeSample(file, SAMPLE)
    changed(file, (database) => {
      for (const table of [...CHECKSUMMED, ...OTHERS])
        database.exec(`ALTER TABLE ${table} ADD COLUMN later INTEGER`)
    })
    const more = appendTo(file, 70)
    const { state, ticks } = await checkRecording(file, silent)
    assert.deepEqual({ state, ticks }, { state: 'whole', ticks: 140 })
    const renumbered = more.map((frame, i) => ({
      ...frame,
      seq: 70 + i,
      gapBefore: i === 0 ? ('stopped' as const) : frame.gapBefore,
    }))
    assert.deepEqual(framesOf(file), all([...frames, ...renumbered]))
    changed(file, (database) => {
      const filled = database.prepare('SELECT count(later) FROM traffic').pluck().get()
      assert.equal(filled, 0)
    })
  })
})

test('an unknown NOT NULL column is reported, and the file is not changed', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    changed(file, (database) => {
      database.exec('DROP TABLE minute_connection')
      const sql = database
        .prepare("SELECT sql FROM sqlite_schema WHERE name = 'connection'")
        .pluck()
        .get() as string
      database.exec(
        sql
          .replace('TABLE connection', 'TABLE minute_connection')
          .replace('tick', 'minute')
          .replace('connects', 'needed INTEGER NOT NULL, connects'),
      )
    })
    const before = readFileSync(file)
    const note = { at: wallMicros(1_795_356_010_000_000), kind: 'note', text: 'a note' } as const
    for (const write of [() => appendRecording(file, META), () => markRecording(file, note)])
      assert.throws(
        write,
        (error: unknown) =>
          error instanceof UserError &&
          error.exitCode === 5 &&
          /"minute_connection.needed"/.test(error.message),
      )
    assert.deepEqual(readFileSync(file), before)
  })
})

/** The last rows have the later column; the first rows are shorter. */
function withShortAndLong(file: string): void {
  writeSample(file, SAMPLE)
  changed(file, (database) => {
    for (const table of [...CHECKSUMMED, ...OTHERS]) {
      database.exec(`ALTER TABLE ${table} ADD COLUMN later INTEGER`)
      database.exec(`ALTER TABLE ${table} ADD COLUMN even_later INTEGER NOT NULL DEFAULT 7`)
    }
  })
  appendTo(file, 70)
  changed(file, (database) => {
    for (const table of CHECKSUMMED) database.exec(`UPDATE ${table} SET later = 5 WHERE rowid % 2 = 1`)
    fixChecksums(database)
  })
}

test('rows with and without a later column are read from the pages if the schema is not ours', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    withShortAndLong(file)
    const before = framesOf(file)
    assert.equal(before.length, 140)
    changed(file, (database) =>
      database.exec('CREATE TRIGGER t BEFORE INSERT ON marker BEGIN SELECT RAISE(IGNORE); END'),
    )
    const { state, ticks } = await checkRecording(file, silent)
    assert.deepEqual({ state, ticks }, { state: 'recoverable', ticks: 140 })
    assert.deepEqual(framesOf(file), before)
  })
})

test('rows with and without a later column are read from the pages of a truncated file, and repaired', async () => {
  await withFolder(async (folder) => {
    const [file, saved] = [folder.file('x.db'), folder.file('saved.db')]
    withShortAndLong(file)
    truncateSync(file, Math.floor((statSync(file).size * 0.9) / 4096) * 4096)
    const left = framesOf(file).length
    assert.ok(left > 75 && left < 140, `${left} ticks`)
    const { ticks } = await repairRecording(file, saved, silent)
    assert.equal(ticks, left)
    assert.equal((await checkRecording(saved, silent)).state, 'whole')
  })
})

test('rows with and without a later column are read if the schema page is lost', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    withShortAndLong(file)
    const before = framesOf(file)
    const bytes = readFileSync(file)
    assert.equal(bytes[100], 5, 'its first page is an interior page')
    writeFileSync(file, bytes.fill(0, 100, 4096))
    assert.deepEqual(framesOf(file), before)
  })
})

test('columns of a later version are not copied, and the copy is whole', async () => {
  await withFolder(async (folder) => {
    const [file, out] = [folder.file('x.db'), folder.file('cut.db')]
    const frames = writeSample(file, SAMPLE)
    changed(file, (database) => addLaterColumn(database, 'later INTEGER', '5'))
    const source = openRecording(file)
    const span = { from: wallMicros(0), to: wallMicros(Number.MAX_SAFE_INTEGER) }
    const ranges = [{ from: 0, to: 70 }]
    await cutRecording(source, { ranges, span, keeps: null, redact: new Set(), maxSize: null, out }, silent)
    source.close()
    await assertWhole(out, frames)
    changed(out, (database) => {
      const columns = database.prepare("SELECT name FROM pragma_table_info('traffic')").pluck().all()
      assert.deepEqual(columns, ['id', 'backend', 'route', ...COUNT_COLUMNS])
    })
  })
})

for (const name of ['format-2.db']) {
  test(`${name} can be continued, and all of it is whole`, async () => {
    await withFolder(async (folder) => {
      const file = folder.file(name)
      copyFileSync(RECORDINGS + name, file)
      const { info } = openRecording(file)
      const sink = appendRecording(file, { ...META, host: info.host })
      for (const frame of sampleFrames({ ...SAMPLE, secs: 5, seed: 3 })) sink.append(frame)
      sink.close()
      const { state, ticks, problems } = await checkRecording(file, silent)
      assert.deepEqual({ state, ticks }, { state: 'whole', ticks: info.ticks + 5 }, problems.join('; '))
    })
  })
}
