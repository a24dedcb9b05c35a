/**
 * The data set in ClickHouse, which is stricter than DuckDB. chdb has half a gigabyte, so the test runs only if it is
 * installed: `npm install --no-save chdb@3.4.0`, or CHDB=/path/to/node_modules/chdb/index.mjs.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { exportDataset } from '../../../src/report/parquet/dataset.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import { backend, frame, incident, recording, route, START } from '../fake.ts'

type Query = (sql: string, format: string) => string

async function clickhouse(): Promise<Query | null> {
  try {
    const module = (await import(process.env.CHDB ?? 'chdb')) as { readonly query: Query }
    return module.query
  } catch {
    return null
  }
}

const query = await clickhouse()

describe('a data set in ClickHouse', { skip: query === null ? 'chdb is not installed' : false }, () => {
  const lake = mkdtempSync(join(tmpdir(), 'upstreamtop-clickhouse-'))
  after(() => rmSync(lake, { recursive: true }))
  before(async () => {
    const of = incident()
    await exportDataset([of], {
      directory: lake,
      range: spanOf(of.ticks)!,
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  })
  it('can be read past a page boundary, also for the lists of some rows', async () => {
    const frames = Array.from({ length: 4000 }, (_, i) =>
      frame(i, addMicros(START, i * 1e6), [
        { backend: backend('a:1'), route: route('GET', '/x'), times: [1000, 2000 + i, 9000] },
        { backend: backend('b:1'), route: route('GET', '/y'), times: i % 3 === 0 ? [] : [70, 80] },
      ]),
    )
    const of = recording(frames, { info: { host: 'pages' } })
    await exportDataset([of], {
      directory: lake,
      range: spanOf(of.ticks)!,
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    const counts = rows(
      "SELECT sum(arraySum(header_bucket_count)) FROM table(traffic) WHERE host = 'pages' AND backend = 'b:1' AND seq > 3000",
    )
    assert.deepEqual(counts, [[String(2 * 666)]])
  })
  const rows = (sql: string): string[][] =>
    query!(sql.replace(/table\((\w+)\)/, `file('${lake}/$1/**/*.parquet', Parquet)`), 'TSV')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))

  it('has the totals of the report', () => {
    const sums =
      'sum(requests), sum(answered), sum(failures_reset), sum(header_sum_us), sum(arraySum(header_bucket_count))'
    assert.deepEqual(rows(`SELECT ${sums} FROM table(traffic) WHERE host = 'web1'`), [
      ['1182', '1122', '60', '60836710', '1122'],
    ])
    assert.deepEqual(rows(`SELECT sum(refused) FROM table(connections) WHERE host = 'web1'`), [['16']])
  })
  it('supports WHERE on any column, also for lists', () => {
    assert.deepEqual(
      rows("SELECT sum(requests) FROM table(traffic) WHERE route = '/checkout' AND host = 'web1'"),
      [['380']],
    )
    assert.deepEqual(
      rows("SELECT count() FROM table(requests) WHERE status = 503 AND time >= '2026-11-22 14:02:00'"),
      [['60']],
    )
    const counts = rows(
      "SELECT sum(n) FROM (SELECT header_bucket, header_bucket_count FROM table(traffic) WHERE backend LIKE '%12:8080') ARRAY JOIN header_bucket AS bucket, header_bucket_count AS n",
    )
    assert.deepEqual(counts, [['320']])
  })
})
