/** The kit's queries against the report of the same recordings, to the digit. */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { runCommand } from '../cli/run-command.ts'
import { ask, kitQuery, type SqlRow } from './kit.ts'

export interface Wanted {
  /** the recordings that are loaded */
  readonly files: readonly string[]
  /** of the report: `--offset` and the like */
  readonly options?: readonly string[]
  /** UTC, '2026-11-22 14:00:00' */
  readonly from: string
  readonly to: string
  readonly grain?: 'second' | 'minute' | 'hour'
}

type Lines = ReadonlyMap<string, unknown>

/** @returns the number of rows that are equal: backends, routes, and the coverage */
export async function assertEqual(url: string, wanted: Wanted): Promise<number> {
  const expected = linesOf(await report(wanted))
  const actual = await answers(url, wanted)
  const keys = [...new Set([...expected.keys(), ...actual.keys()])]
  const differences = keys
    .map((key) => ({ key, report: expected.get(key), cluster: actual.get(key) }))
    .filter(({ report, cluster }) => !isDeepStrictEqual(report, cluster))
  // A few tell what it is.
  assert.deepEqual(differences.slice(0, 3), [], `${differences.length} of ${keys.length} rows differ`)
  return expected.size
}

/** By backend, method and route. */
export async function routesOf(
  files: readonly string[],
  from: string,
  to: string,
): Promise<ReadonlyMap<string, { readonly requests: number; readonly p99: number | null }>> {
  const { backends } = await report({ files, from, to })
  return new Map(
    backends.flatMap(({ backend, routes }) =>
      routes.map(({ method, route, requests, header_ms }) => [
        `${backend} ${method} ${route}`,
        { requests, p99: header_ms.p99 },
      ]),
    ),
  )
}

/** @returns attempts, and those that failed */
export async function totalsOf(
  files: readonly string[],
  from: string,
  to: string,
): Promise<readonly [number, number]> {
  const { requests, status, failures } = (await report({ files, from, to })).totals
  const { reset, closed, aborted, unanswered, ...connects } = failures
  const failed = Object.values(connects).reduce<number>((sum, count) => sum + (count ?? 0), 0)
  return [requests + failed, status['5xx'] + reset + closed + aborted + unanswered + failed]
}

/** The recordings stay as they are: a report of them is made once. */
const reports = new Map<string, Promise<ReportDocument>>()

function report({ files, options = [], from, to }: Wanted): Promise<ReportDocument> {
  const key = JSON.stringify([files, options, from, to])
  const made = reports.get(key) ?? makeReport({ files, options, from, to })
  reports.set(key, made)
  return made
}

async function makeReport({ files, options = [], from, to }: Wanted): Promise<ReportDocument> {
  const range = ['--from', iso(from), '--to', iso(to)]
  const { code, stdout, stderr } = await runCommand([
    'report',
    ...files,
    ...range,
    ...options,
    '--format',
    'json',
  ])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as ReportDocument
}

const iso = (time: string): string => `${time.replace(' ', 'T')}Z`

function linesOf({ backends, coverage }: ReportDocument): Lines {
  const lines = new Map<string, unknown>([['coverage', coverage.ratio]])
  for (const { routes, ...of } of backends) {
    const { refused, connect_timeout, unreachable, early_close } = of.failures
    lines.set(of.backend, [
      ...counts(of),
      [refused, connect_timeout, unreachable, early_close],
      [of.header_ms.p50, of.header_ms.p99, of.connect_ms.p50, of.connect_ms.p99],
      of.connects,
    ])
    for (const route of routes) {
      const { header_ms: header, total_ms: total } = route
      lines.set(`${of.backend} ${route.method} ${route.route}`, [
        ...counts(route),
        [header.count, header.avg, header.p50, header.p90, header.p95, header.p99, header.p999, header.max],
        [total.p50, total.p99],
        route.codes,
        [route.unseen, route.sent_bytes, route.received_bytes],
      ])
    }
  }
  return lines
}

type Entity = ReportDocument['backends'][number]['routes'][number]
const counts = ({
  requests,
  answered,
  status,
  failures,
}: Pick<Entity, 'requests' | 'answered' | 'status' | 'failures'>): unknown[] => [
  requests,
  answered,
  [status['2xx'], status['4xx'], status['5xx']],
  [failures.reset, failures.closed, failures.aborted, failures.unanswered],
]

async function answers(url: string, { from, to, grain = 'minute' }: Wanted): Promise<Lines> {
  const values = { from, to, grain }
  const coverage = await ask(url, kitQuery('coverage', values))
  const lines = new Map<string, unknown>([['coverage', coverage.find(({ host }) => host === '')?.coverage]])
  for (const row of await ask(url, kitQuery('backends', values)))
    lines.set(row.backend as string, [
      ...sqlCounts(row),
      cells(row, 'failures_refused failures_connect_timeout failures_unreachable failures_early_close'),
      cells(row, 'header_ms_p50 header_ms_p99 connect_ms_p50 connect_ms_p99'),
      row.connects,
    ])
  for (const row of await ask(url, kitQuery('routes', values)))
    lines.set(`${row.backend as string} ${row.method as string} ${row.route as string}`, [
      ...sqlCounts(row),
      cells(
        row,
        'header_ms_count header_ms_avg header_ms_p50 header_ms_p90 header_ms_p95 header_ms_p99 header_ms_p999 header_ms_max',
      ),
      cells(row, 'total_ms_p50 total_ms_p99'),
      Object.fromEntries((row.codes as number[]).map((code, i) => [code, (row.code_counts as number[])[i]])),
      cells(row, 'unseen sent_bytes received_bytes'),
    ])
  return lines
}

const sqlCounts = (row: SqlRow): unknown[] => [
  row.requests,
  row.answered,
  cells(row, 'status_2xx status_4xx status_5xx'),
  cells(row, 'failures_reset failures_closed failures_aborted failures_unanswered'),
]

const cells = (row: SqlRow, names: string): unknown[] => names.split(' ').map((name) => row[name])
