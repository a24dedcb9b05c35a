import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { UserError } from '../../../src/errors.ts'
import { ParquetFile } from '../../../src/report/parquet/file/parquet-file.ts'
import { columnsOf, type Cell } from '../../../src/report/parquet/table-columns.ts'
import type { ParquetColumn } from '../../../src/report/parquet/table-file.ts'
import { readFooter } from '../../../src/report/parquet/file/parquet-footer.ts'
import { joinParquet } from '../../../src/report/parquet/file/parquet-join.ts'
import { sql } from '../duckdb.ts'
import { START } from '../fake.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-join-'))
after(() => rmSync(folder, { recursive: true }))
let names = 0
const fresh = (): string => join(folder, `${names++}.parquet`)

const COLUMNS: readonly ParquetColumn[] = [
  { name: 'time', type: 'timestamp' },
  { name: 'n', type: 'int32' },
  { name: 'maybe', type: 'text', optional: true },
  { name: 'list', type: 'int32', list: true },
]
const METADATA = { 'upstreamtop.schema': '1' }
/** Where the writer begins a row group by itself. */
const GROUP = 25_000

async function write(
  from: number,
  to: number,
  columns = COLUMNS,
  metadata: Record<string, string> = METADATA,
): Promise<string> {
  const path = fresh()
  const file = await ParquetFile.create(path, columns, metadata)
  const rowAt = (i: number): Cell[] =>
    [START + i * 1000, i, i % 3 === 0 ? `/ä😀/${i}` : null, [i % 7, i % 5].slice(i % 3)].slice(
      0,
      columns.length,
    )
  for (let at = from; at < to; at += 1000) {
    const rows = Array.from({ length: Math.min(1000, to - at) }, (_, i) => rowAt(at + i))
    await file.append(columnsOf(columns, rows))
  }
  await file.close()
  return path
}

test('parts that end where a row group ends give the bytes of one file', async () => {
  const metadata = { ...METADATA, 'upstreamtop.range': 'both' }
  const whole = await write(0, 3 * GROUP + 10, COLUMNS, metadata)
  const parts = [await write(0, GROUP), await write(GROUP, 3 * GROUP), await write(3 * GROUP, 3 * GROUP + 10)]
  const target = fresh()
  assert.equal(await joinParquet(parts, target, metadata), 3 * GROUP + 10)
  assert.ok(readFileSync(target).equals(readFileSync(whole)))
})

test('engines read what is joined as they read the parts', async () => {
  const parts = [await write(0, 7), await write(7, 7), await write(7, 4_000), await write(4_000, 4_001)]
  const target = fresh()
  assert.equal(await joinParquet(parts, target, METADATA), 4_001)
  const listed = `[${parts.map((path) => `'${path}'`).join()}]`
  assert.deepEqual(
    await sql(
      `(FROM read_parquet(${listed}) EXCEPT ALL FROM '${target}') UNION ALL (FROM '${target}' EXCEPT ALL FROM read_parquet(${listed}))`,
    ),
    [],
  )
  const [behindWhere] = await sql(
    `SELECT n, maybe, list FROM '${target}' WHERE time = make_timestamp(${START + 3_999_000})`,
  )
  assert.deepEqual(behindWhere, { n: 3_999, maybe: '/ä😀/3999', list: [2, 4] })
  const read = async (path: string): Promise<object[]> =>
    parquetReadObjects({
      file: await asyncBufferFromFile(path),
      compressors: { GZIP: (bytes) => gunzipSync(bytes) },
    })
  assert.deepEqual(await read(target), (await Promise.all(parts.map(read))).flat())
  // What is joined can be joined.
  const again = fresh()
  await joinParquet([target, parts[2]!], again, METADATA)
  assert.equal((await readFooter(again)).rows, 4_001 + 3_993)
})

test('files of other columns or of another schema are refused with their names', async () => {
  const part = await write(0, 10)
  for (const [other, why] of [
    [await write(10, 20, COLUMNS.slice(0, 3)), /has other columns than/],
    [await write(10, 20, COLUMNS, { 'upstreamtop.schema': '2' }), /has schema 2, and .* has 1/],
  ] as const)
    await assert.rejects(joinParquet([part, other], fresh(), METADATA), (error: UserError) => {
      assert.equal(error.exitCode, 5)
      assert.match(error.message, why)
      return error.message.includes(`"${other}"`)
    })
})

test('a part that is torn anywhere is refused with its name', async () => {
  const part = await write(0, 10)
  const bytes = readFileSync(part)
  for (let size = 0; size < bytes.length; size += 11) {
    const broken = fresh()
    writeFileSync(broken, bytes)
    truncateSync(broken, size)
    await assert.rejects(joinParquet([part, broken], fresh(), METADATA), (error: UserError) =>
      error.message.startsWith(`"${broken}" is no whole Parquet file`),
    )
  }
  for (let at = bytes.length - 300; at < bytes.length; at += 7) {
    const broken = fresh()
    const changed = Buffer.from(bytes)
    changed[at]! ^= 0xff
    writeFileSync(broken, changed)
    // A changed name of a column is another column; bytes of statistics or of a length can't be told from right ones.
    await joinParquet([part, broken], fresh(), METADATA).catch((error: unknown) =>
      assert.ok(error instanceof UserError, String(error)),
    )
  }
  assert.ok(existsSync(part))
})
