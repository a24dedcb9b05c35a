import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import zlib, { gunzipSync } from 'node:zlib'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import parquet from 'parquetjs-lite'
import { EVERYTHING, splitSelection, type Selection } from '../../../src/frame/expression/selection.ts'
import { parseExpression } from '../../../src/frame/expression/expression-parser.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { addMicros, wallMicros } from '../../../src/frame/model/units.ts'
import { exportDataset, type ExportResult } from '../../../src/report/parquet/dataset.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { GZIP_LEVEL } from '../../../src/report/parquet/file/column-page.ts'
import { ParquetFile } from '../../../src/report/parquet/file/parquet-file.ts'
import { columnsOf, type Cell } from '../../../src/report/parquet/table-columns.ts'
import type { ParquetColumn } from '../../../src/report/parquet/table-file.ts'
import { temporaryOf } from '../../../src/temporary.ts'
import { reportOf } from '../../../src/report/formats/report.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { shifted } from '../../../src/report/data/source.ts'
import { sql } from '../duckdb.ts'
import { backend, frame, HOSTILE, incident, recording, route, START } from '../fake.ts'

const directory = mkdtempSync(join(tmpdir(), 'upstreamtop-parquet-'))
after(() => rmSync(directory, { recursive: true }))
let names = 0
const fresh = (): string => join(directory, `${names++}.parquet`)

const COLUMNS: readonly ParquetColumn[] = [
  { name: 'time', type: 'timestamp' },
  { name: 'n', type: 'int32' },
  { name: 'big', type: 'int64', optional: true },
  { name: 'text', type: 'text' },
  { name: 'maybe', type: 'text', optional: true },
  { name: 'list', type: 'int32', list: true },
  { name: 'maybes', type: 'text', list: true, optional: true },
  { name: 'least', type: 'int64' },
]
const rowAt = (i: number): Cell[] => [
  START + Math.floor(i / 3) * 1_000_000,
  (i % 7) - 3,
  i % 10 === 0 ? null : 2 ** 52 + i,
  `/api/${i % 13}/ä😀`,
  i % 4 === 0 ? `name ${i}` : null,
  Array.from({ length: i % 5 }, (_, j) => i + j),
  i % 6 === 0 ? null : Array.from({ length: i % 3 }, (_, j) => `ä${j}`),
  [-1, 0, 2 ** 32, -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER][i % 6]!,
]

async function writeRows(count: number): Promise<string> {
  const path = fresh()
  const file = await ParquetFile.create(path, COLUMNS, { key: 'välue' })
  // Pieces of any size, also of more than a page.
  for (let from = 0, size = 1; from < count; from += size, size = (size * 7) % 4001) {
    const rows = Array.from({ length: Math.min(size, count - from) }, (_, i) => rowAt(from + i))
    await file.append(columnsOf(COLUMNS, rows))
  }
  await file.close()
  return path
}

describe('a Parquet file', () => {
  it('equals the output of the package itself, byte for byte', async (t) => {
    const count = 6_001
    const gzip = zlib.gzipSync
    const mocked = t.mock.method(zlib, 'gzipSync', (bytes: Buffer) => gzip(bytes, { level: GZIP_LEVEL }))
    const fields = {
      time: { type: 'TIMESTAMP_MICROS', compression: 'GZIP' },
      n: { type: 'INT32', compression: 'GZIP', statistics: false },
      big: { type: 'INT64', compression: 'GZIP', optional: true, statistics: false },
      text: { type: 'UTF8', compression: 'GZIP', statistics: false },
      maybe: { type: 'UTF8', compression: 'GZIP', optional: true, statistics: false },
      list: {
        type: 'LIST',
        fields: {
          list: {
            repeated: true,
            fields: { element: { type: 'INT32', compression: 'GZIP', statistics: false } },
          },
        },
      },
      maybes: {
        type: 'LIST',
        optional: true,
        fields: {
          list: {
            repeated: true,
            fields: { element: { type: 'UTF8', compression: 'GZIP', statistics: false } },
          },
        },
      },
      least: { type: 'INT64', compression: 'GZIP', statistics: false },
    } as const
    const chunks: Buffer[] = []
    const stream = {
      write: (bytes: Buffer, done: () => void) => {
        chunks.push(bytes)
        done()
      },
      end: (done: () => void) => done(),
    }
    const writer = await parquet.ParquetWriter.openStream(new parquet.ParquetSchema(fields), stream, {
      rowGroupSize: 50_000,
      pageSize: 2_500,
      pageIndex: false,
      useDataPageV2: false,
    })
    writer.setMetadata('key', 'välue')
    for (let i = 0; i < count; i++) {
      const row = rowAt(i)
      const [list, maybes] = [row[5], row[6]].map((cell) =>
        cell === null ? null : { list: (cell as readonly unknown[]).map((element) => ({ element })) },
      )
      await writer.appendRow({
        ...Object.fromEntries(COLUMNS.map((column, j) => [column.name, row[j]])),
        list,
        maybes,
      })
    }
    await writer.close()
    assert.ok(mocked.mock.callCount() > 20)
    assert.ok(readFileSync(await writeRows(count)).equals(Buffer.concat(chunks)))
  })

  it('reads back as it was written, across row groups, also through a WHERE', async () => {
    const path = await writeRows(60_000)
    const [sums] = await sql(
      `SELECT count(*) n, sum(n) s, count(big) b, max(big) m, sum(len(list)) l FROM '${path}'`,
    )
    assert.deepEqual(sums, {
      n: 60_000,
      s: sumTo(60_000, (i) => (i % 7) - 3),
      b: 54_000,
      m: 2 ** 52 + 59_999,
      l: 120_000,
    })
    for (const i of [0, 1, 2_499, 2_500, 49_999, 50_000, 59_999]) {
      const rows = await sql(
        `SELECT epoch_us("time") AS t, n, big, text, maybe, list, maybes, least FROM '${path}' WHERE time = make_timestamp(${String(rowAt(i)[0])}) AND list = ${JSON.stringify(rowAt(i)[5])} AND n = ${String(rowAt(i)[1])}`,
      )
      assert.ok(
        rows.some((row) => JSON.stringify(Object.values(row)) === JSON.stringify(rowAt(i))),
        `row ${i}`,
      )
    }
    const [emoji] = await sql(`SELECT count(*) n FROM '${path}' WHERE text = '/api/3/ä😀'`)
    assert.equal(
      emoji!.n,
      sumTo(60_000, (i) => (i % 13 === 3 ? 1 : 0)),
    )
  })

  it('has lists of three levels, as the specification asks for', async () => {
    const rows = await sql(
      `SELECT name, repetition_type r, converted_type c FROM parquet_schema('${await writeRows(10)}') WHERE name IN ('list', 'element')`,
    )
    assert.deepEqual(rows, [
      { name: 'list', r: 'REQUIRED', c: 'LIST' },
      { name: 'list', r: 'REPEATED', c: null },
      { name: 'element', r: 'REQUIRED', c: null },
      // Of `maybes`, which may be null.
      { name: 'list', r: 'REPEATED', c: null },
      { name: 'element', r: 'REQUIRED', c: 'UTF8' },
    ])
    const path = await writeRows(6_000)
    const [column] = await sql(`DESCRIBE SELECT list FROM '${path}'`)
    assert.equal(column!.column_type, 'INTEGER[]')
    const read = await parquetReadObjects({
      file: await asyncBufferFromFile(path),
      columns: ['list'],
      compressors: { GZIP: (bytes) => gunzipSync(bytes) },
    })
    assert.deepEqual(
      read,
      Array.from({ length: 6_000 }, (_, i) => ({ list: rowAt(i)[5] })),
    )
  })

  it('refuses values that the package would round or truncate', async () => {
    for (const [i, bad] of [
      [0, -1],
      [1, 1.5],
      [1, 2 ** 31],
      [2, 2 ** 53],
      [3, null],
      [3, 5],
      [5, [1.5]],
      [6, [1]],
      [7, null],
    ] as const) {
      const file = await ParquetFile.create(fresh(), COLUMNS, {})
      await file.append(columnsOf(COLUMNS, [rowAt(0)]))
      const row = rowAt(1).map((cell, at) => (at === i ? bad : cell))
      const append = file.append(columnsOf(COLUMNS, [rowAt(2), row]))
      await assert.rejects(append, /Parquet column/, JSON.stringify(bad))
      await file.abandon()
    }
  })
})

describe('a data set', () => {
  const exported = async (
    recordings: readonly Recording[],
    selection: Selection = EVERYTHING,
  ): Promise<[string, ExportResult]> => {
    const path = fresh()
    const spans = recordings.map((one) => spanOf(one.ticks)!)
    const result = await exportDataset(recordings, {
      directory: path,
      range: {
        from: wallMicros(Math.min(...spans.map(({ from }) => from))),
        to: wallMicros(Math.max(...spans.map(({ to }) => to))),
      },
      selection,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    return [path, result]
  }
  const table = (path: string, name: string): string =>
    `read_parquet('${path}/${name}/**/*.parquet', hive_partitioning = true)`

  it('has the folders that engines expect: table, host, date', async () => {
    const [, { files }] = await exported([incident()])
    assert.deepEqual(
      files
        .map((file) =>
          file
            .replace(directory, '')
            .replace(/^.[0-9]+.parquet./, '')
            .replace(/-[0-9a-f]{8}\./, '-HASH.'),
        )
        .sort(),
      [
        'connections/host=web1/date=2026-11-22/connections-20261122T140000000Z-20261122T140300000Z-HASH.parquet',
        'gaps/host=web1/date=2026-11-22/gaps-20261122T140000000Z-20261122T140300000Z-HASH.parquet',
        'markers/host=web1/date=2026-11-22/markers-20261122T140000000Z-20261122T140300000Z-HASH.parquet',
        'requests/host=web1/date=2026-11-22/requests-20261122T140000000Z-20261122T140300000Z-HASH.parquet',
        'ticks/host=web1/date=2026-11-22/ticks-20261122T140000000Z-20261122T140300000Z-HASH.parquet',
        'traffic/host=web1/date=2026-11-22/traffic-20261122T140000000Z-20261122T140300000Z-HASH.parquet',
      ],
    )
  })

  it('has the totals of the report, also with WHERE', async () => {
    const of = incident()
    const [path] = await exported([of])
    const query = { range: spanOf(of.ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null }
    const { document } = reportOf([of], {
      query,
      by: null,
      timeZone: 'UTC',
      command: '',
      points: 2,
      slowest: false,
    })
    for (const backendEntity of document.backends) {
      for (const line of backendEntity.routes) {
        const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
        const [row] = await sql(
          `SELECT sum(requests) requests, sum(answered) answered, sum(status_5xx) fivexx, sum(failures_reset) resets,
             sum(header_sum_us) sum_us, min(header_min_us) min_us, max(header_max_us) max_us, sum(list_sum(header_bucket_count)) sampled
           FROM ${table(path, 'traffic')} WHERE host = 'web1' AND backend = ${quoted(backendEntity.backend)} AND method = ${quoted(line.method)} AND route = ${quoted(line.route)}`,
        )
        assert.deepEqual(row, {
          requests: line.requests,
          answered: line.answered,
          fivexx: line.status['5xx'],
          resets: line.failures.reset,
          sum_us: Math.round((line.header_ms.sum ?? 0) * 1000),
          min_us: Math.round((line.header_ms.min ?? 0) * 1000),
          max_us: Math.round((line.header_ms.max ?? 0) * 1000),
          sampled: line.header_ms.sampled,
        })
      }
    }
    const [ticks] = await sql(
      `SELECT count(*) ticks, sum(requests) requests, sum(answered) answered, sum(failures) failures, sum(covered_us) covered, sum(map_refused) refused FROM ${table(path, 'ticks')}`,
    )
    assert.deepEqual(ticks, {
      ticks: 160,
      requests: 1182,
      answered: 1122,
      failures: 76,
      covered: 160_000_000,
      refused: 2,
    })
    const [connections] = await sql(
      `SELECT sum(refused) refused, sum(connects) connects FROM ${table(path, 'connections')} WHERE backend LIKE '%12:8080'`,
    )
    assert.deepEqual(connections, { refused: 16, connects: 32 })
    const [gap] = await sql(
      `SELECT epoch_us(until) - epoch_us(time) length, reason FROM ${table(path, 'gaps')}`,
    )
    assert.deepEqual(gap, { length: 20_000_000, reason: 'stopped' })
    const [marker] = await sql(
      `SELECT kind, text FROM ${table(path, 'markers')} WHERE time >= '2026-11-22 14:01:55'`,
    )
    assert.deepEqual(marker, { kind: 'deploy', text: 'v42' })
    const [requests] = await sql(
      `SELECT count(*) n FROM ${table(path, 'requests')} WHERE status = 503 AND total_us = 180000`,
    )
    assert.equal(requests!.n, 100)
  })

  it('keeps names exactly, also hostile ones and as a host', async () => {
    const [path] = await exported([incident('../w/b=1 😀')])
    const rows = await sql(
      `SELECT DISTINCT host, route FROM ${table(path, 'traffic')} WHERE route LIKE '/x%'`,
    )
    assert.deepEqual(rows, [{ host: '../w/b=1 😀', route: HOSTILE }])
  })

  it('has schema, recording and coverage in every file', async () => {
    const [path] = await exported([incident()])
    const rows = await sql(
      `SELECT decode(key) k, decode(value) v FROM parquet_kv_metadata('${path}/ticks/**/*.parquet')`,
    )
    const metadata = Object.fromEntries(rows.map(({ k, v }) => [k, v])) as Record<string, string>
    assert.equal(metadata['upstreamtop.schema'], '1')
    assert.equal((JSON.parse(metadata['upstreamtop.recording']!) as { host: string }).host, 'web1')
    const coverage = JSON.parse(metadata['upstreamtop.coverage']!) as {
      ratio: number
      loss: { ring_dropped: number }
    }
    assert.equal(coverage.loss.ring_dropped, 3)
    assert.ok(coverage.ratio > 0.88 && coverage.ratio < 0.89)
  })

  it('starts a new file for each day and each host', async () => {
    const midnight = recording(
      [0, 1].map((i) =>
        frame(i, addMicros(START, 36_000e6 - 1e6 + i * 1e6), [
          { backend: backend('a:1'), route: route('GET', '/'), times: [1] },
        ]),
      ),
    )
    const [path] = await exported([midnight, shifted(incident('web2'), 3600e6)])
    assert.deepEqual(readdirSync(join(path, 'traffic', 'host=web1')), ['date=2026-11-22', 'date=2026-11-23'])
    const rows = await sql(
      `SELECT host, date::text date, count(*) n FROM ${table(path, 'ticks')} GROUP BY ALL ORDER BY ALL`,
    )
    assert.deepEqual(
      rows.map(({ host, date }) => [host, date]),
      [
        ['web1', '2026-11-22'],
        ['web1', '2026-11-23'],
        ['web2', '2026-11-22'],
      ],
    )
  })

  it('has only the selected rows', async () => {
    const text = 'route = /checkout and status >= 500'
    const [path] = await exported([incident()], splitSelection([parseExpression(text)], text))
    assert.deepEqual(await sql(`SELECT DISTINCT route FROM ${table(path, 'traffic')}`), [
      { route: '/checkout' },
    ])
    assert.deepEqual(await sql(`SELECT DISTINCT status FROM ${table(path, 'requests')}`), [{ status: 503 }])
  })

  it('leaves no file when interrupted', async () => {
    const path = fresh()
    const stop = new AbortController()
    const of = slow(incident())
    await assert.rejects(
      exportDataset([of], {
        directory: path,
        range: spanOf(of.ticks)!,
        selection: EVERYTHING,
        signal: stop.signal,
        onProgress: () => stop.abort(new Error('stop it')),
      }),
      /stop it/,
    )
    const left = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    assert.deepEqual(left, [])
  })

  /** Each tick takes 1 ms: the export checks for a stop by the clock, and could end before its first check. */
  function slow(of: Recording): Recording {
    return Object.assign(Object.create(of) as Recording, {
      frame: (seq: number) => {
        const begun = performance.now()
        while (performance.now() - begun < 1);
        return of.frame(seq)
      },
    })
  }

  const into = async (path: string, of: Recording, range = spanOf(of.ticks)!, text?: string) =>
    exportDataset([of], {
      directory: path,
      range,
      selection: text === undefined ? EVERYTHING : splitSelection([parseExpression(text)], text),
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  const counted = async (path: string, name: string): Promise<unknown> =>
    (await sql(`SELECT count(*) n FROM ${table(path, name)}`))[0]!.n
  const seconds = (from: number, to: number) => ({
    from: addMicros(START, from * 1e6),
    to: addMicros(START, to * 1e6),
  })

  it('is replaced by a new export, also with more or other rows', async () => {
    const path = fresh()
    await into(path, incident(), seconds(10, 40))
    assert.equal(await counted(path, 'ticks'), 30)
    await into(path, incident(), seconds(0, 90))
    assert.equal(await counted(path, 'ticks'), 90)
    for (let times = 0; times < 2; times++) await into(path, incident())
    assert.equal(await counted(path, 'ticks'), 160)
    assert.equal(await counted(path, 'connections'), 16)
    await into(path, incident(), undefined, "route = '/checkout'")
    assert.equal(await counted(path, 'ticks'), 160)
    assert.equal(await counted(path, 'traffic'), 160)
    assert.deepEqual(readdirSync(join(path, 'connections', 'host=web1', 'date=2026-11-22')), [])
  })

  it('accepts adjacent ranges, and refuses a second of a host twice', async () => {
    const path = fresh()
    await into(path, incident(), seconds(0, 60.0004))
    await into(path, incident(), seconds(60.0004, 180))
    assert.equal(await counted(path, 'ticks'), 160)
    const twice = /has rows of host "web1" from this time already: .*\/traffic-2026/
    await assert.rejects(into(path, incident(), seconds(30, 90)), twice)
    await assert.rejects(into(path, shifted(incident(), 5e6)), twice)
    await into(path, shifted(incident(), 180e6))
    await into(path, incident('web2'))
    assert.equal(await counted(path, 'ticks'), 480)
    const left = readdirSync(path, { recursive: true, encoding: 'utf8' })
    assert.deepEqual(
      left.filter((name) => name.endsWith('.tmp')),
      [],
    )
  })

  const filesIn = (path: string): string[] =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)

  it('shows an engine no file before all are complete', async () => {
    const path = fresh()
    const during: string[] = []
    await exportDataset([slow(incident())], {
      directory: path,
      range: spanOf(incident().ticks)!,
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => during.push(...filesIn(path)),
    })
    assert.ok(during.length > 0)
    // Spark reads each file whose name does not start with a dot or an underscore; the others look at the end.
    assert.deepEqual(
      during.filter((name) => !name.startsWith('.') || name.endsWith('.parquet')),
      [],
    )
    assert.ok(filesIn(path).every((name) => /^[a-z]+-.*[.]parquet$/.test(name)))
  })

  it('has a second once at any moment while a grown recording is exported again', async () => {
    const path = fresh()
    await into(path, incident(), seconds(0, 10))
    const folder = join(path, 'ticks', 'host=web1', 'date=2026-11-22')
    const reader = new Worker(READER, { eval: true, workerData: folder })
    await once(reader, 'message')
    const seen = once(reader, 'message') as Promise<[readonly string[]]>
    for (let end = 20; end <= 90; end += 10) await into(path, incident(), seconds(0, end))
    reader.postMessage('enough')
    const [listings] = await seen
    assert.deepEqual(
      listings.filter((names) => names.split(' ').length !== 1),
      [],
    )
  })

  it('clears what a killed export has left, and leaves what others are writing', async () => {
    const path = fresh()
    await into(path, incident())
    const folder = join(path, 'traffic', 'host=web1', 'date=2026-11-22')
    const name = filesIn(folder)[0]!
    const dead = spawnSync(process.execPath, ['--version']).pid
    const [ours] = /[0-9a-f]{8}(?=-\d+[.]tmp$)/.exec(temporaryOf(join(folder, name)))!
    const day = 24 * 3600 * 1000
    const left = (label: string, age = 0): string => {
      writeFileSync(join(folder, label), 'PAR1')
      utimesSync(join(folder, label), new Date(), new Date(Date.now() - age))
      return label
    }
    left(`.${name}.${ours}-${dead}.tmp`)
    left(`.${name}.${ours}-${process.pid}.tmp`)
    left(`${name}.${dead}.tmp`)
    left(`.${name}.0000abcd-${dead}.tmp`, 2 * day)
    left(`.${name}.${ours}-${process.ppid}.tmp`, 2 * day)
    const kept = [
      left(`.${name}.${ours}-${process.ppid}.tmp1`),
      left(`.${name}.${ours}-1.tmp`),
      left(`.${name}.0000abcd-${dead}.tmp`.replace('traffic', 'other')),
      left('notes.tmp', 2 * day),
      name,
    ]
    await into(path, incident())
    assert.deepEqual(filesIn(folder).sort(), kept.sort())
  })
})

/** Lists a folder as often as it can, and answers with all different lists of complete files. */
const READER = `
  const { readdirSync } = require('node:fs')
  const { parentPort, receiveMessageOnPort, workerData } = require('node:worker_threads')
  const seen = new Set()
  parentPort.postMessage('begun')
  while (receiveMessageOnPort(parentPort) === undefined)
    seen.add(readdirSync(workerData).filter((name) => name.endsWith('.parquet')).join(' '))
  parentPort.postMessage([...seen])
`

function sumTo(count: number, of: (i: number) => number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += of(i)
  return sum
}
