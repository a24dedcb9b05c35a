/** gRPC statuses in every format of a report, in gates, in a difference, in findings and in Parquet. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseExpression } from '../../src/frame/expression/expression-parser.ts'
import { EVERYTHING, splitSelection, type Selection } from '../../src/frame/expression/selection.ts'
import type { Recording } from '../../src/frame/model/recording.ts'
import { addMicros } from '../../src/frame/model/units.ts'
import { spanOf, type TimeSpan } from '../../src/frame/time/time.ts'
import { BY_REQUESTS } from '../../src/report/data/order.ts'
import { summarise } from '../../src/report/data/summary.ts'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { flat, type By } from '../../src/report/document/lines.ts'
import { FORMATS, type Format } from '../../src/report/formats/formats.ts'
import { reportOf, type Report } from '../../src/report/formats/report.ts'
import { assertAll, type AssertionResult } from '../../src/report/gates/assertions.ts'
import { differenceOf } from '../../src/report/gates/difference.ts'
import { DIFFERENCE_FORMATS } from '../../src/report/gates/difference-formats.ts'
import { Evidence } from '../../src/report/gates/evidence.ts'
import { exportDataset } from '../../src/report/parquet/dataset.ts'
import { sql } from './duckdb.ts'
import { incident, START } from './fake.ts'
import { ENDED, NOT_FOUND, shop, UNAVAILABLE, unknownShop } from './shop.ts'

const where = (text: string): Selection => splitSelection([parseExpression(text)], text)

function report(of: Recording, selection: Selection = EVERYTHING): Report {
  return reportOf([of], {
    query: { range: spanOf(of.ticks)!, selection, order: BY_REQUESTS, top: null },
    by: null,
    timeZone: 'UTC',
    command: 'upstreamtop report fake.db',
    points: 60,
    slowest: false,
  })
}
const textIn = async (of: Report, format: Format): Promise<string> =>
  [...(await FORMATS[format].write(of))].join('')
const rows = (by: By, selection?: Selection, of = shop()): Record<string, unknown>[] =>
  report(of, selection).lines(by).map(flat)

test('JSON has the exchanges that ended by status: none where there was no gRPC, null where that is unknown', async () => {
  const { totals, backends } = JSON.parse(await textIn(report(shop()), 'json')) as ReportDocument
  const statuses = { '0': ENDED - NOT_FOUND - UNAVAILABLE, '5': NOT_FOUND, '14': UNAVAILABLE }
  assert.deepEqual(totals.grpc, statuses)
  assert.deepEqual(
    backends.map(({ backend, protocol, grpc }) => [backend, protocol, grpc]),
    [
      ['10.0.1.20:50051', 'grpc', statuses],
      ['10.0.1.10:8080', 'http/1', {}],
    ],
  )
  assert.deepEqual(
    backends[0]!.routes.map(({ route, grpc }) => [route, grpc]),
    [
      ['/shop.Cart/Add', { '0': 1200 - UNAVAILABLE, '14': UNAVAILABLE }],
      ['/shop.Cart/Get', { '0': 600 - NOT_FOUND, '5': NOT_FOUND }],
    ],
  )
  const order = Object.keys(totals)
  assert.equal(order[order.indexOf('received_bytes') + 1], 'grpc')
  const old = report(unknownShop()).document
  assert.deepEqual(
    [old.totals.grpc, old.backends[0]!.grpc, old.backends[0]!.routes[0]!.grpc],
    [null, null, null],
  )
})

test('lines have the errors as one number, and are selected and sorted by it', () => {
  const errors = (found: readonly Record<string, unknown>[], key: string): unknown[] =>
    found.map((row) => [row[key], row.grpc_errors])
  assert.deepEqual(errors(rows('route'), 'route'), [
    ['/shop.Cart/Add', UNAVAILABLE],
    ['/shop.Cart/Get', NOT_FOUND],
    ['/', 0],
  ])
  assert.deepEqual(errors(rows('method'), 'method'), [
    ['POST', UNAVAILABLE + NOT_FOUND],
    ['GET', 0],
  ])
  assert.deepEqual(errors(rows('route', where('grpc_errors > 5%')), 'route'), [
    ['/shop.Cart/Add', UNAVAILABLE],
  ])
  assert.deepEqual(rows('status', where('grpc_errors = 0')), [], 'a status code has none')
  assert.equal(rows('backend', EVERYTHING, unknownShop())[0]!.grpc_errors, null)
  assert.equal('grpc' in rows('backend')[0]!, false)
})

test('the report for people names the statuses of each backend, and says nothing of gRPC where there is none', async () => {
  const text = await textIn(report(shop()), 'text')
  assert.match(text, /^ *5xx 0% · 4xx 0% · gRPC errors 7\.00% · failures 0/m)
  const table = text.slice(text.indexOf('gRPC statuses')).split('\n\n')[0]!
  assert.match(table, /shop\S* · 10\.0\.1\.20:50051 +0 OK +1,674 +93\.0%/)
  assert.match(table, /14 UNAVAILABLE +120 +6\.67%/)
  assert.match(table, /5 NOT_FOUND +6 +0\.33%/)
  assert.match(text, /GRPC ERR %/)
  assert.match(text, /^5xx, gRPC errors and failures per second/m)
  assert.doesNotMatch(text, /not readable/)
  for (const of of [incident(), unknownShop()])
    for (const format of ['text', 'html'] as const)
      assert.doesNotMatch(withoutScript(await textIn(report(of), format)), /grpc statuses|gRPC err/i)
})

const withoutScript = (page: string): string => page.replace(/<script>[^]*?<\/script>/g, '')

test('a burst of errors behind 200s is a finding that names the status, the route and the seconds', () => {
  const found = report(shop()).document.findings
  assert.deepEqual(
    found.map(({ kind, backend, route, from, to }) => [kind, backend, route, seconds(from), seconds(to)]),
    [['burst_grpc_errors', '10.0.1.20:50051', 'POST /shop.Cart/Add', 20, 35]],
  )
  assert.match(
    found[0]!.what,
    /^gRPC errors on .*10\.0\.1\.20:50051 POST \/shop\.Cart\/Add: 27\.1% for 15s \(122 of 450, mostly UNAVAILABLE\), 0\.\d+% otherwise$/,
  )
})

const seconds = (iso: string): number => (Date.parse(iso) * 1000 - START) / 1e6

describe('a gate', () => {
  const evidence = (of: Recording, range: TimeSpan = spanOf(of.ticks)!): Evidence =>
    new Evidence([of], summarise([of], { range, selection: EVERYTHING, order: BY_REQUESTS, top: null }))
  const asserted = (text: string, of: Evidence): AssertionResult =>
    assertAll([{ text, expression: parseExpression(text) }], of)[0]!

  test('measures the errors as a count, a rate, or a share of the gRPC exchanges that ended', () => {
    const of = evidence(shop())
    const expected = [
      ['grpc_errors = 126', true, 126, ENDED],
      ['grpc_errors < 2.2/s', true, 2.1, ENDED],
      ['grpc_errors < 7%', false, 0.07, ENDED],
      ['grpc_errors(/shop.Cart/Get) <= 1%', true, 0.01, 600],
      ['grpc_errors(10.0.1.10:8080) = 0', true, 0, 0],
      ['grpc_errors(*) = 0', false, 126, ENDED],
    ] as const
    for (const [text, holds, value, count] of expected) {
      const { measured, ...result } = asserted(text, of)
      assert.deepEqual([result.holds, measured[0]!.value, measured[0]!.count], [holds, value, count], text)
    }
  })

  test('has no value of a share of nothing, and none of what the recording cannot know', () => {
    for (const [text, of, words] of [
      ['grpc_errors(10.0.1.10:8080) < 1%', shop(), /^nothing \(of 0\): there is nothing to take a share of$/],
      ['grpc_errors = 0', unknownShop(), /^nothing \(of 0\): the recording does not know it$/],
      ['grpc_errors < 1%', unknownShop(), /^nothing \(of 0\): the recording does not know it$/],
      ['grpc_errors(/nope) = 0', shop(), /no route "\/nope" occurs/],
    ] as const) {
      const { holds, measured } = asserted(text, evidence(of))
      assert.equal(holds, false, text)
      assert.equal(measured[0]!.value, null, text)
      assert.match(measured[0]!.shown, words, text)
    }
  })

  test('of a difference is about the share, and the difference tells the rise', () => {
    const of = shop()
    const half = (from: number, to: number): Evidence =>
      evidence(of, { from: addMicros(START, from * 1e6), to: addMicros(START, to * 1e6) })
    const gates = ['grpc_errors > +10pp', 'grpc_errors > +30pp', 'grpc_errors(/) > +1pp'].map((text) => ({
      text,
      expression: parseExpression(text),
    }))
    const difference = differenceOf(half(0, 20), half(20, 35), gates)
    assert.deepEqual(
      difference.gates.map(({ failed }) => failed),
      [true, false, true],
    )
    assert.match(difference.gates[2]!.measured, /nothing to compare: there is nothing to take a share of/)
    const json = JSON.parse(DIFFERENCE_FORMATS.json(difference)) as {
      totals: { grpc_errors: Record<string, number> }
      backends: { grpc_errors: Record<string, unknown> }[]
    }
    const { base, target, change, noise } = json.totals.grpc_errors
    assert.deepEqual([base, target, noise], [2 / 600, 122 / 450, false])
    assert.ok(Math.abs(change! - (122 / 450 - 2 / 600)) < 1e-12)
    assert.deepEqual(json.backends[1]!.grpc_errors, { base: null, target: null, change: null, noise: null })
    assert.match(DIFFERENCE_FORMATS.text(difference, 'UTC'), /GRPC ERR.*\n.*27\.1% +\+26\.78pp/)
  })

  test('a difference without gRPC has no column of it', () => {
    const same = evidence(incident())
    assert.doesNotMatch(DIFFERENCE_FORMATS.text(differenceOf(same, same, []), 'UTC'), /GRPC/)
  })
})

test('Parquet has the statuses as two lists, and NULL where they are unknown', async () => {
  const counted = async (of: Recording) => {
    const directory = mkdtempSync(join(tmpdir(), 'upstreamtop-grpc-'))
    try {
      await exportDataset([of], {
        directory,
        range: spanOf(of.ticks)!,
        selection: EVERYTHING,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      })
      const traffic = `'${directory}/traffic/**/*.parquet'`
      return {
        known: await sql(`SELECT count(grpc_status) AS n FROM ${traffic}`),
        byStatus: await sql(
          `SELECT status, sum(n) AS n FROM (SELECT unnest(grpc_status) AS status, unnest(grpc_status_count) AS n FROM ${traffic}) GROUP BY status ORDER BY status`,
        ),
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  }
  assert.deepEqual(await counted(shop()), {
    known: [{ n: 180 }],
    byStatus: [
      { status: 0, n: ENDED - NOT_FOUND - UNAVAILABLE },
      { status: 5, n: NOT_FOUND },
      { status: 14, n: UNAVAILABLE },
    ],
  })
  assert.deepEqual(await counted(unknownShop()), { known: [{ n: 0 }], byStatus: [] })
})
