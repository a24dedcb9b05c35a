/** One recording in every format: exactly the same numbers as SQL over the file. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { micros } from '../../src/frame/model/units.ts'
import { exactCount, finePercent, latency } from '../../src/render/quantities.ts'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { sql } from '../report/duckdb.ts'
import { runCommand } from './run-command.ts'

const FILE = join(import.meta.dirname, '../../fixtures/recordings/incident.db')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-equal-'))
after(() => rmSync(folder, { recursive: true }))

/** The compared values of a route; times exact to the µs. */
interface Row {
  readonly key: string
  readonly requests: number
  readonly answered: number
  readonly fivexx: number
  readonly fourxx: number
  readonly reset: number
  readonly aborted: number
  readonly count: number
  readonly sumMicros: number
  readonly maxMicros: number
}

const printed = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCommand(['report', FILE, ...args])
  assert.equal(code, 0, stderr)
  return stdout
}
const sorted = (rows: readonly Row[]): Row[] => [...rows].sort((a, b) => (a.key < b.key ? -1 : 1))
const toMicros = (millis: unknown): number => Math.round(Number(millis) * 1000)

describe('every format', () => {
  let document: ReportDocument
  let expected: Row[]

  before(async () => {
    document = JSON.parse(await printed('--format', 'json')) as ReportDocument
    expected = sorted(
      document.backends.flatMap((backend) =>
        backend.routes.map((route) => ({
          key: `${backend.backend} ${route.method} ${route.route}`,
          requests: route.requests,
          answered: route.answered,
          fivexx: route.status['5xx'],
          fourxx: route.status['4xx'],
          reset: route.failures.reset,
          aborted: route.failures.aborted,
          count: route.header_ms.count,
          sumMicros: toMicros(route.header_ms.sum),
          maxMicros: toMicros(route.header_ms.max),
        })),
      ),
    )
    assert.ok(expected.length > 10)
  })

  it('SQLite: the tables have the numbers of the JSON', () => {
    const database = new Database(FILE, { readonly: true })
    const rows = database
      .prepare(
        `SELECT address || ' ' || method || ' ' || path AS key, sum(requests) requests, sum(answered) answered,
           sum(status_5xx) fivexx, sum(status_4xx) fourxx, sum(reset) reset, sum(aborted) aborted,
           sum(header_count) count, sum(header_sum) sumMicros, max(header_max) maxMicros
         FROM traffic JOIN backend ON backend.id = traffic.backend JOIN route ON route.id = traffic.route GROUP BY 1`,
      )
      .all() as Row[]
    database.close()
    assert.deepEqual(sorted(rows), expected)
  })

  it('csv and ndjson have the same numbers', async () => {
    const lines = (await printed('--by', 'route', '--format', 'ndjson')).trimEnd().split('\n')
    const csv = (await printed('--by', 'route', '--format', 'csv'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','))
    const fromCsv = csv
      .slice(1)
      .map((cells) => Object.fromEntries(csv[0]!.map((name, i) => [name, cells[i]])))
    for (const rows of [lines.map((line) => JSON.parse(line) as Record<string, unknown>), fromCsv]) {
      assert.deepEqual(sorted(rows.map(rowOf)), expected)
    }
  })

  it('Parquet has the same numbers, read by DuckDB', async () => {
    const lake = join(folder, 'lake')
    await printed('--parquet', lake)
    const rows = await sql(
      `SELECT backend || ' ' || method || ' ' || route AS key, sum(requests) requests, sum(answered) answered,
         sum(status_5xx) fivexx, sum(status_4xx) fourxx, sum(failures_reset) AS reset, sum(failures_aborted) aborted,
         sum(header_count) count, sum(header_sum_us) AS sumMicros, max(header_max_us) AS maxMicros
       FROM read_parquet('${lake}/traffic/**/*.parquet') GROUP BY 1`,
    )
    assert.deepEqual(sorted(rows as unknown as Row[]), expected)
  })

  it('text, Markdown and HTML show the numbers of the JSON with the same rounding', async () => {
    const backend = document.backends[0]!
    const shown = [
      exactCount(backend.requests),
      finePercent(backend.share),
      latency(micros(backend.header_ms.p99! * 1000)),
      latency(micros(backend.header_ms.max! * 1000)),
      finePercent(backend.status['5xx'] / backend.answered),
    ]
    const cells: Readonly<Record<string, RegExp>> = { text: /\s{2,}/, md: /\s*\|\s*/, html: /<[^>]*>/ }
    for (const [format, between] of Object.entries(cells)) {
      const lines = (await printed('--by', 'backend', '--format', format)).split('\n')
      // In a page drawings come first.
      const row = lines.findLast(
        (line) => line.includes(backend.backend) && line.includes(exactCount(backend.requests)),
      )
      assert.ok(row !== undefined, format)
      const found = row.split(between)
      for (const value of shown) assert.ok(found.includes(value), `${format}: ${value} in ${row}`)
    }
  })

  for (const expression of ['p99 > 20ms', "5xx > 1% and route ~ '^/'", 'avg < 10ms or 5xx > 20%']) {
    it(`has the same lines where ${expression}`, async () => {
      const args = ['--where', expression]
      const { backends } = JSON.parse(await printed(...args, '--format', 'json')) as ReportDocument
      const own = backends.filter(({ holds }) => holds === true).map(({ backend }) => backend)
      const routes = backends.flatMap(({ backend, routes: of }) =>
        of.map(({ method, route }) => `${backend} ${method} ${route}`),
      )
      assert.ok(routes.length > 0 && routes.length < expected.length)
      for (const [by, width, lines] of [
        ['backend', 1, own],
        ['route', 3, routes],
      ] as const) {
        const ndjson = (await printed(...args, '--by', by, '--format', 'ndjson')).split('\n').filter(Boolean)
        const names = ndjson.map((line) =>
          Object.values(JSON.parse(line) as object)
            .slice(0, width)
            .join(' '),
        )
        assert.deepEqual(names.sort(), [...lines].sort())
        const csv = (await printed(...args, '--by', by, '--format', 'csv')).trimEnd().split('\n').slice(1)
        assert.deepEqual(csv.map((line) => line.split(',').slice(0, width).join(' ')).sort(), names)
        const markdown = (await printed(...args, '--by', by, '--format', 'md')).split('\n')
        const rows = markdown.filter((line) => /^\| `?10\./.test(line))
        const shown = rows.map((line) =>
          line
            .replaceAll('`', '')
            .split('|')
            .slice(1, 1 + width),
        )
        assert.deepEqual(shown.map((cells) => cells.map((cell) => cell.trim()).join(' ')).sort(), names)
        const text = (await printed(...args, '--by', by, '--format', 'text')).split('\n')
        const table = text.filter((line) => /^ {2}10\./.test(line))
        assert.deepEqual(
          table.map((line) => line.trim().split(/\s+/).slice(0, width).join(' ')).sort(),
          names,
        )
      }
    })
  }

  it('ranges and selections give the same numbers in every format', async () => {
    const args = ['--from', '15:01', '--to', '+90s', '--where', "route ~ '^/api'"]
    const part = JSON.parse(await printed(...args, '--format', 'json')) as ReportDocument
    const [line] = (await printed(...args, '--by', 'host', '--format', 'ndjson')).trimEnd().split('\n')
    const lake = join(folder, 'part')
    await printed(...args, '--parquet', lake)
    const [row] = await sql(
      `SELECT sum(requests) requests, sum(status_5xx) fivexx, sum(header_sum_us) AS micros FROM read_parquet('${lake}/traffic/**/*.parquet')`,
    )
    const { totals } = part
    assert.deepEqual(row, {
      requests: totals.requests,
      fivexx: totals.status['5xx'],
      micros: toMicros(totals.header_ms.sum),
    })
    const host = JSON.parse(line!) as Record<string, unknown>
    assert.deepEqual(
      [host.requests, host.status_5xx, host.header_ms_p99],
      [totals.requests, totals.status['5xx'], totals.header_ms.p99],
    )
  })
})

const rowOf = (row: Readonly<Record<string, unknown>>): Row => ({
  key: `${String(row.backend)} ${String(row.method)} ${String(row.route)}`,
  requests: Number(row.requests),
  answered: Number(row.answered),
  fivexx: Number(row.status_5xx),
  fourxx: Number(row.status_4xx),
  reset: Number(row.failures_reset),
  aborted: Number(row.failures_aborted),
  count: Number(row.header_ms_count),
  sumMicros: toMicros(row.header_ms_sum),
  maxMicros: toMicros(row.header_ms_max),
})
