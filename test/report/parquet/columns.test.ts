/** Rows straight from stored columns are those of the frames: both give the same files. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from '../../../src/errors.ts'
import { parseExpression } from '../../../src/frame/expression/expression-parser.ts'
import { EVERYTHING, splitSelection, type Selection } from '../../../src/frame/expression/selection.ts'
import type { Recording, SeqRange } from '../../../src/frame/model/recording.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { exportDataset } from '../../../src/report/parquet/dataset.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { openWritable } from '../../../src/store/sqlite/database.ts'
import { inFolder, META } from '../../store/support.ts'
import { overGrpc, sampleFrames, translated } from '../../torture/sample.ts'

const CORPUS = new URL('../../../fixtures/recordings/', import.meta.url).pathname

async function exported(recording: Recording, lake: string, selection: Selection): Promise<string[]> {
  await exportDataset([recording], {
    directory: lake,
    range: spanOf(recording.ticks)!,
    selection,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })
  const files = readdirSync(lake, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.parquet'),
  )
  return files.sort().map((file) => `${file} ${readFileSync(join(lake, file), 'base64')}`)
}

/** How many ticks were read by column. */
interface Seen {
  ticks: number
}

/** @param file of a recording @returns how many ticks were read by column */
async function compare(file: string, selection = EVERYTHING): Promise<number> {
  const seen: Seen = { ticks: 0 }
  await inFolder(async (folder) => {
    const byColumn = await exported(counting(openRecording(file), seen), join(folder, 'columns'), selection)
    const byFrame = await exported(withoutColumns(openRecording(file)), join(folder, 'frames'), selection)
    assert.ok(byFrame.length > 0)
    assert.deepEqual(byColumn, byFrame)
  })
  return seen.ticks
}

function counting(of: Recording, seen: Seen): Recording {
  const columnsOf = of.columns!.bind(of)
  return Object.assign(of, {
    columns: (range: SeqRange) => {
      const columns = columnsOf(range)
      seen.ticks += columns?.heads.length ?? 0
      return columns
    },
  })
}

const withoutColumns = (of: Recording): Recording => Object.assign(of, { columns: undefined })

/** @param secs of everything: gRPC, backends behind NAT */
function sample(folder: string, secs: number): string {
  const file = join(folder, 'sample.db')
  const sink = createRecording(file, META)
  for (const frame of overGrpc(translated(sampleFrames({ secs })))) sink.append(frame)
  sink.close()
  return file
}

test('a recording is the same files by column and by frame, whole and selected', async () => {
  await inFolder(async (folder) => {
    const file = sample(folder, 600)
    assert.equal(await compare(file), 600)
    for (const text of ["route ~ '/c'", "not backend ~ '12' and status >= 500", "backend = 'nowhere'"])
      assert.equal(await compare(file, splitSelection([parseExpression(text)], text)), 600, text)
  })
})

for (const name of readdirSync(CORPUS).filter((name) => name.endsWith('.db'))) {
  test(`${name} is the same files by column and by frame`, async (context) => {
    try {
      if (openRecording(join(CORPUS, name)).ticks.length === 0) context.skip('it has no ticks')
      else await compare(join(CORPUS, name))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      context.skip(error.message)
    }
  })
}

const NOT_A_COUNT = ["x''", "x'01'", "x'1331'", "x'ff'", "x'7b'", "'1'", "'a'", '1.5', '9e999', 'NULL']
for (const damage of ['requests + 1', '9007199254740993', ...NOT_A_COUNT])
  test(`a tick with ${damage} requests is in no file, and those beside it are`, async () => {
    await inFolder(async (folder) => {
      const file = sample(folder, 240)
      asIfDamaged(file, `UPDATE traffic SET requests = ${damage} WHERE id = 120 << 20`)
      const byColumn = await compare(file)
      // It is read twice: when the damage shows, it is exported again.
      assert.ok(byColumn < 480 && byColumn > 300, String(byColumn))
    })
  })

/** Puts in what a flipped bit makes of a number: SQLite checks types when it writes only. */
function asIfDamaged(file: string, sql: string): void {
  const [from, to] = ['INTEGER NOT NULL', 'ANY'].map((type) => `requests ${type}`)
  const declare = (declared: string, instead: string): void => {
    const database = openWritable(file)
    database.unsafeMode()
    database.pragma('writable_schema = ON')
    const { changes } = database
      .prepare(`UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'traffic'`)
      .run(declared, instead)
    assert.equal(changes, 1)
    database.close()
  }
  declare(from!, to!)
  const database = openWritable(file)
  assert.equal(database.prepare(sql).run().changes, 1)
  database.close()
  declare(to!, from!)
}
