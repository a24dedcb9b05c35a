/** The tables as NDJSON say what the Parquet data set says, in every row and column. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { addMicros, wallMicros } from '../../../src/frame/model/units.ts'
import { spanOf, type TimeSpan } from '../../../src/frame/time/time.ts'
import { exportDataset } from '../../../src/report/parquet/dataset.ts'
import { TABLE_FORMATS } from '../../../src/report/parquet/hour-parts.ts'
import { COLUMNS, TABLES, type TableName } from '../../../src/report/parquet/parquet-tables.ts'
import type { ParquetColumn } from '../../../src/report/parquet/table-file.ts'
import { inFolder } from '../../store/support.ts'
import { overGrpc, sampleFrames, translated } from '../../torture/sample.ts'
import { sql } from '../duckdb.ts'
import { backend, frame, HOSTILE, incident, recording, route, START } from '../fake.ts'

const exported = async (
  of: Recording,
  directory: string,
  format: keyof typeof TABLE_FORMATS,
  range: Partial<TimeSpan> = {},
): Promise<readonly string[]> => {
  const { files } = await exportDataset([of], {
    directory,
    format: TABLE_FORMATS[format],
    range: { ...spanOf(of.ticks)!, ...range },
    selection: EVERYTHING,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  })
  return files
}

/** As DuckDB is told to read a column, so that nothing is guessed. */
const typeOf = ({ type, list }: ParquetColumn): string => {
  const types = {
    int32: 'INTEGER',
    int64: 'BIGINT',
    timestamp: 'TIMESTAMP',
    text: 'VARCHAR',
    bool: 'BOOLEAN',
  }
  return types[type] + (list === true ? '[]' : '')
}

/** Of NDJSON with the columns and the types of Parquet; the times in µs must be the times in words. */
function selectOf(lake: string, table: TableName): string {
  const columns = COLUMNS[table].flatMap((column) => [
    `${column.name}: '${typeOf(column)}'`,
    ...(column.type === 'timestamp' ? [`${column.name}_us: 'BIGINT'`] : []),
  ])
  const times = COLUMNS[table].filter(({ type }) => type === 'timestamp').map(({ name }) => name)
  const wrong = times.map((name) => `epoch_us("${name}") <> "${name}_us"`).join(' OR ')
  const from = `read_json('${lake}/${table}/**/*.ndjson.gz', format = 'newline_delimited', hive_partitioning = false, columns = {host: 'VARCHAR', ${columns.join()}})`
  const names = COLUMNS[table].map(({ name }) => `"${name}"`).join()
  return `(SELECT host, ${names} FROM ${from} WHERE CASE WHEN ${wrong} THEN error('times differ') ELSE true END)`
}

async function assertEqual(parquet: string, ndjson: string, table: TableName): Promise<void> {
  const names = COLUMNS[table].map(({ name }) => `"${name}"`).join()
  const left = `(SELECT host, ${names} FROM read_parquet('${parquet}/${table}/**/*.parquet', hive_partitioning = true, hive_types = {host: VARCHAR, date: VARCHAR}))`
  const right = selectOf(ndjson, table)
  const [counts] = await sql(`SELECT (SELECT count(*) FROM ${left}) l, (SELECT count(*) FROM ${right}) r`)
  assert.ok((counts!.l as number) > 0, `${table} has no rows`)
  assert.equal(counts!.r, counts!.l, table)
  const difference = await sql(
    `(FROM ${left} EXCEPT ALL FROM ${right}) UNION ALL (FROM ${right} EXCEPT ALL FROM ${left})`,
  )
  assert.deepEqual(difference, [], table)
}

/** Over a full hour and with all tables. */
function everything(): Recording {
  const frames = [...overGrpc(translated(sampleFrames({ secs: 60 })))]
  const shift = START + 3_570_123_457 - frames[0]!.start
  const moved = frames.map((one) => ({
    ...one,
    start: addMicros(one.start, shift),
    requests: one.requests.map((event) => ({ ...event, at: addMicros(event.at, shift) })),
  }))
  const [gapped, ended] = [moved[5]!.start, moved[9]!.start]
  return recording(moved, {
    gaps: [{ from: gapped, to: ended, reason: 'stopped' }],
    markers: [{ at: gapped, kind: 'deploy', text: `${HOSTILE} 😀\n"` }],
  })
}

describe('the tables as NDJSON', () => {
  it('equal the Parquet data set in each row and column, in DuckDB', () =>
    inFolder(async (folder) => {
      const [parquet, ndjson] = [join(folder, 'p'), join(folder, 'n')]
      await exported(everything(), parquet, 'Parquet')
      await exported(everything(), ndjson, 'NDJSON')
      for (const table of TABLES) await assertEqual(parquet, ndjson, table)
    }))

  it('equal it with unknown values, and a host and routes that mean harm', () =>
    inFolder(async (folder) => {
      const [parquet, ndjson] = [join(folder, 'p'), join(folder, 'n')]
      const of = incident('../w/b=1 😀"')
      await exported(of, parquet, 'Parquet')
      await exported(of, ndjson, 'NDJSON')
      for (const table of ['traffic', 'connections', 'requests', 'ticks', 'gaps', 'markers'] as const)
        await assertEqual(parquet, ndjson, table)
    }))

  it('have their keys in the order of the columns, times twice, and no key for what is unknown', () =>
    inFolder(async (folder) => {
      const of = recording([
        frame(7, addMicros(START, 123), [
          { backend: backend('a:1', { names: ['api', 'b"'] }), route: route('GET', HOSTILE), times: [] },
          { backend: backend('b:1'), route: route('GET', '/'), times: [], grpc: null },
        ]),
      ])
      const files = await exported(of, folder, 'NDJSON')
      const traffic = files.find((file) => file.includes('traffic'))!
      assert.match(traffic, /\/traffic\/host=web1\/date=2026-11-22\/traffic-2.*Z-[0-9a-f]{8}\.ndjson\.gz$/)
      const [named, unnamed] = gunzipSync(readFileSync(traffic)).toString().trimEnd().split('\n')
      assert.ok(
        named!.startsWith(
          '{"host":"web1","time":"2026-11-22T14:00:00.000123Z","time_us":1795356000000123,"seq":7,"backend":"a:1","name":"api, b\\"","netns":4026531840,"method":"GET","route":"/x',
        ),
        named,
      )
      const keys = Object.keys(JSON.parse(named!) as object)
      const names = COLUMNS.traffic.map(({ name }) => name)
      assert.deepEqual(
        keys.filter((key) => key !== 'host' && key !== 'time_us'),
        names.filter((name) => keys.includes(name)),
      )
      assert.deepEqual((JSON.parse(named!) as { code: unknown }).code, [])
      for (const name of ['name', 'names', 'grpc_status', 'header_min_us'])
        assert.ok(!(name in (JSON.parse(unnamed!) as object)), name)
    }))

  it('are joined by putting one hour behind the other', () =>
    inFolder(async (folder) => {
      const of = everything()
      const border = wallMicros(START + 3_600_000_000)
      const whole = await exported(of, join(folder, 'whole'), 'NDJSON')
      const before = await exported(of, join(folder, 'hours'), 'NDJSON', { to: border })
      const behind = await exported(of, join(folder, 'hours'), 'NDJSON', { from: border })
      const bytesOf = (files: readonly string[], table: string): Buffer =>
        Buffer.concat(files.filter((file) => file.includes(`/${table}-`)).map((file) => readFileSync(file)))
      for (const table of ['ticks', 'traffic', 'requests', 'wires'])
        assert.ok(bytesOf(whole, table).equals(bytesOf([...before, ...behind], table)), table)
    }))

  it('are replaced and refused by the rules of the Parquet data set, and both may lie in one folder', () =>
    inFolder(async (folder) => {
      const of = incident()
      const minute = { from: START, to: addMicros(START, 60e6) }
      await exported(of, folder, 'NDJSON', minute)
      await exported(of, folder, 'Parquet')
      await exported(of, folder, 'NDJSON')
      const names = readdirSync(join(folder, 'ticks/host=web1/date=2026-11-22')).sort()
      assert.deepEqual(
        names.map((name) => name.replace(/-[0-9a-f]{8}\./, '.')),
        [
          'ticks-20261122T140000000Z-20261122T140300000Z.ndjson.gz',
          'ticks-20261122T140000000Z-20261122T140300000Z.parquet',
        ],
      )
      await assert.rejects(
        exported(of, folder, 'NDJSON', minute),
        /has rows of host "web1" from this time already: .*\.ndjson\.gz/,
      )
    }))
})
