import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseExpression } from '../../src/frame/expression/expression-parser.ts'
import type { Recording } from '../../src/frame/model/recording.ts'
import { EVERYTHING, splitSelection, type Selection } from '../../src/frame/expression/selection.ts'
import { parseRange, spanOf, type TimeSpan } from '../../src/frame/time/time.ts'
import { addMicros, wallMicros } from '../../src/frame/model/units.ts'
import type { Entity, ReportDocument } from '../../src/report/document/document.ts'
import { FORMATS, type Format } from '../../src/report/formats/formats.ts'
import { flat, type By } from '../../src/report/document/lines.ts'
import { BY_REQUESTS, type Order } from '../../src/report/data/order.ts'
import { reportOf, type Report } from '../../src/report/formats/report.ts'
import { shifted } from '../../src/report/data/source.ts'
import { backend, frame, HOSTILE, incident, recording, route, START } from './fake.ts'

interface Options {
  readonly where?: string
  readonly by?: By
  readonly order?: Order
  readonly top?: number
  readonly range?: TimeSpan
}

const where = (text: string): Selection => splitSelection([parseExpression(text)], text)

function report(recordings: readonly Recording[], options: Options = {}): Report {
  const spans = recordings.map((one) => spanOf(one.ticks) ?? { from: START, to: START })
  const range = options.range ?? {
    from: wallMicros(Math.min(...spans.map(({ from }) => from))),
    to: wallMicros(Math.max(...spans.map(({ to }) => to))),
  }
  return reportOf(recordings, {
    query: {
      range,
      selection: options.where === undefined ? EVERYTHING : where(options.where),
      order: options.order ?? BY_REQUESTS,
      top: options.top ?? null,
    },
    by: options.by ?? null,
    timeZone: 'UTC',
    command: 'upstreamtop report web1.db',
    points: 88,
    slowest: true,
  })
}
const textIn = async (of: Report, format: Format): Promise<string> =>
  [...(await FORMATS[format].write(of))].join('')
const documentIn = async (of: Report): Promise<ReportDocument> =>
  JSON.parse(await textIn(of, 'json')) as ReportDocument

describe('report as JSON', () => {
  it('has the fields that scripts rely on', async () => {
    const document = await documentIn(report([incident()]))
    assert.deepEqual(Object.keys(document), [
      'schema',
      'recording',
      'range',
      'coverage',
      'totals',
      'backends',
      'findings',
    ])
    assert.equal(document.schema, 1)
    assert.deepEqual(document.recording, [
      {
        file: 'web1.db',
        host: 'web1',
        start: '2026-11-22T14:00:00.000Z',
        end: '2026-11-22T14:03:00.000Z',
        ticks: 160,
        complete: true,
        tool: 'upstreamtop 0.1.0',
        format: 2,
      },
    ])
    assert.deepEqual(document.range, {
      from: '2026-11-22T14:00:00.000Z',
      to: '2026-11-22T14:03:00.000Z',
      seconds: 180,
      covered: 160,
    })
    const entity =
      'requests rps answered in_flight interim retransmits retries body_reset sent_bytes received_bytes grpc unseen status codes failures header_ms total_ms'.split(
        ' ',
      )
    assert.deepEqual(Object.keys(document.totals), [...entity, 'connect_ms'])
    assert.deepEqual(Object.keys(document.backends[0]!.routes[0]!), ['method', 'route', 'share', ...entity])
    assert.deepEqual(Object.keys(document.totals.failures), [
      'reset',
      'closed',
      'aborted',
      'unanswered',
      'refused',
      'connect_timeout',
      'unreachable',
      'early_close',
    ])
    assert.deepEqual(Object.keys(document.backends[0]!.routes[0]!.failures), [
      'reset',
      'closed',
      'aborted',
      'unanswered',
    ])
    assert.deepEqual(
      Object.keys(document.totals.header_ms),
      'count sampled sum avg min max p50 p90 p95 p99 p999'.split(' '),
    )
  })

  it('divides rates by recorded time; coverage is the product of covered time and counted requests', async () => {
    const { totals, coverage } = await documentIn(report([incident()]))
    assert.equal(totals.rps, totals.requests / 160)
    assert.equal(coverage.ratio, (160 / 180) * (totals.requests / (totals.requests + 2)))
    assert.deepEqual(coverage.gaps, [
      { from: '2026-11-22T14:01:40.000Z', to: '2026-11-22T14:02:00.000Z', reason: 'stopped' },
    ])
    assert.equal(coverage.loss.ring_dropped, 3)
  })

  it('has null, not 0, for values that were not measured', async () => {
    const idle = recording([frame(0, START, [])])
    const { totals, coverage } = await documentIn(report([idle]))
    assert.equal(totals.requests, 0)
    assert.equal(totals.rps, 0)
    assert.equal(coverage.ratio, 1)
    assert.deepEqual(totals.header_ms, {
      count: 0,
      sampled: null,
      sum: null,
      avg: null,
      min: null,
      max: null,
      p50: null,
      p90: null,
      p95: null,
      p99: null,
      p999: null,
    })
    const empty = await documentIn(report([recording([])]))
    assert.equal(empty.totals.rps, null)
    assert.equal(empty.coverage.ratio, null)
  })

  it('is ordered by requests or the given order, nulls last, ties by name; and is limited only by --top', async () => {
    const one = (address: string, path: string, times: number[]) => ({
      backend: backend(address),
      route: route('GET', path),
      times,
    })
    const busy = recording([
      frame(0, START, [
        one('b:1', '/x', [1]),
        one('a:1', '/ä', [1]),
        one('a:1', '/z', [2]),
        one('c:1', '/q', [1, 1, 1]),
        { ...one('d:1', '/n', []), open: 1 },
      ]),
    ])
    const names = ({ backends }: ReportDocument): string[] => backends.map((entry) => entry.backend)
    assert.deepEqual(names(await documentIn(report([busy]))), ['c:1', 'a:1', 'b:1', 'd:1'])
    const slow: Order = { by: 'measure', measure: { kind: 'latency', clock: 'header', statistic: 'max' } }
    assert.deepEqual(names(await documentIn(report([busy], { order: slow }))), ['a:1', 'b:1', 'c:1', 'd:1'])
    assert.deepEqual(names(await documentIn(report([busy], { order: { by: 'name' }, top: 2 }))), [
      'a:1',
      'b:1',
    ])
    const document = await documentIn(report([busy]))
    assert.deepEqual(
      document.backends[1]!.routes.map((entry) => entry.route),
      ['/z', '/ä'],
    )
  })

  it('satisfies requests + open before = answered + failures + open at the end', async () => {
    const { totals } = await documentIn(report([incident()]))
    const { reset, closed, aborted, unanswered } = totals.failures
    assert.equal(totals.requests, totals.answered + reset + closed + aborted + unanswered)
    assert.equal(totals.in_flight, 1)
  })

  it('has every name exactly, without control characters', async () => {
    const text = await textIn(report([incident()]), 'json')
    assert.match(text, /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]*$/)
    const document = JSON.parse(text) as ReportDocument
    assert.ok(document.backends[0]!.routes.some((entry) => entry.route === HOSTILE))
  })
})

describe('a range', () => {
  it('includes the ticks that begin in it', async () => {
    const scope = { span: spanOf(incident().ticks)!, timeZone: 'UTC', now: START, markers: [] }
    const range = parseRange('14:00:10', '+30s', scope)
    const { totals, range: shown } = await documentIn(report([incident()], { range }))
    assert.equal(shown.covered, 30)
    assert.equal(totals.header_ms.count, 30 * 7 + 2)
  })
})

describe('--where', () => {
  it('selects rows by names and lines by measures; totals are those of the selected rows', async () => {
    const rows = await documentIn(report([incident()], { where: 'route = /checkout' }))
    assert.equal(rows.totals.requests, 380)
    assert.equal(rows.totals.failures.refused, 0)
    assert.deepEqual(
      rows.backends.map((entry) => entry.backend),
      ['10.0.1.12:8080'],
    )
    const lines = await documentIn(report([incident()], { where: 'p99 > 10ms' }))
    assert.equal(lines.totals.requests, 1182)
    assert.deepEqual(
      lines.backends.map((entry) => entry.routes.map((of) => of.route)),
      [['/checkout']],
    )
  })
  it('with status counts the codes of the selected rows', () => {
    const of = report([incident()], { where: "status >= 500 and backend ~ '^10'", by: 'status' })
    assert.deepEqual(of.lines('status').map(flat), [{ status: 503, share: 160 / 1122, answered: 160 }])
  })
})

describe('lines', () => {
  it('are the same in csv, ndjson and json', async () => {
    const of = report([incident()])
    const document = await documentIn(of)
    const expected = document.backends.flatMap((entry) =>
      entry.routes.map((line) =>
        flat({
          keys: {
            backend: entry.backend,
            method: line.method,
            route: line.route,
            share: line.share,
            name: entry.name,
            names: entry.names,
          },
          entity: without(line),
        }),
      ),
    )
    const byRoute = { ...of, by: 'route' as const }
    const json = (await textIn(byRoute, 'ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(sorted(json), sorted(expected))
    const csv = parseCsv(await textIn(byRoute, 'csv'))
    assert.deepEqual(csv[0], Object.keys(json[0]!))
    const cellOf = (value: unknown): string =>
      value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
    const numbers = (row: readonly unknown[]): string[] => row.slice(3).map(cellOf)
    assert.deepEqual(
      csv.slice(1).map(numbers),
      json.map((row) => numbers(Object.values(row))),
    )
  })
  it('by minute add up to the totals', () => {
    const of = report([incident()])
    const minutes = of.lines('minute').map(flat)
    assert.deepEqual(
      minutes.map((line) => line.minute),
      ['2026-11-22T14:00:00.000Z', '2026-11-22T14:01:00.000Z', '2026-11-22T14:02:00.000Z'],
    )
    assert.equal(
      minutes.reduce((sum, line) => sum + Number(line.requests), 0),
      of.document.totals.requests,
    )
  })
  it('by method and by status add up to the totals', () => {
    const of = report([incident()])
    const total = (by: By, field: string): number =>
      of
        .lines(by)
        .map(flat)
        .reduce((sum, line) => sum + Number(line[field]), 0)
    assert.equal(total('method', 'requests'), of.document.totals.requests)
    assert.equal(total('status', 'answered'), of.document.totals.answered)
    assert.equal(total('route', 'header_ms_count'), of.document.totals.header_ms.count)
  })
  it('have a header row in csv even if there are none', async () => {
    const empty = { ...report([recording([])]), by: 'route' as const }
    assert.match(
      await textIn(empty, 'csv'),
      /^backend,method,route,share,name,names,requests,rps,.*total_ms_p999\n$/,
    )
  })
  it('in csv contain no formula and no control characters', async () => {
    const csv = await textIn({ ...report([incident()]), by: 'route' as const }, 'csv')
    assert.ok(csv.includes(",'=CMD,"))
    assert.match(csv, /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$/)
    assert.equal(parseCsv(csv).length, 6)
  })
})

describe('several recordings', () => {
  const web1 = incident('web1')
  const web2 = shifted(incident('web2', 2), 3_600_000_000)
  it('of different hosts add up: counts, rates, codes, open requests', async () => {
    const together = await documentIn(report([web1, incident('web2', 2)]))
    assert.equal(together.totals.requests, 2 * 1182)
    assert.equal(together.totals.rps, (2 * 1182) / 160)
    assert.equal(together.totals.in_flight, 2)
    assert.equal(together.range.covered, 160)
    assert.deepEqual(
      report([web1, incident('web2', 2)])
        .lines('host')
        .map((line) => line.keys.host),
      ['web1', 'web2'],
    )
  })
  it('of one host follow one another', async () => {
    const later = shifted(incident('web1', 2), 180e6)
    const { totals, range } = await documentIn(report([later, web1]))
    assert.equal(totals.rps, (2 * 1182) / 320)
    assert.equal(totals.in_flight, 1)
    assert.equal(range.covered, 320)
  })
  it('can have their clocks corrected', async () => {
    const document = await documentIn(report([web1, web2]))
    assert.equal(document.range.seconds, 3780)
    assert.equal(document.recording[1]!.start, '2026-11-22T15:00:00.000Z')
    assert.equal(report([web2]).slowest[0]!.at, addMicros(START, 3600e6 + 120e6 + 1))
  })
  it('have the percentiles of all their requests within 3.2 %', () => {
    const times = fc.array(fc.array(fc.integer({ min: 1, max: 10_000_000 }), { maxLength: 40 }), {
      minLength: 1,
      maxLength: 5,
    })
    fc.assert(
      fc.property(fc.array(times, { minLength: 1, maxLength: 4 }), (hosts) => {
        const of = report(
          hosts.map((ticks, host) =>
            recording(
              ticks.map((values, i) =>
                frame(i, addMicros(START, i * 1e6), [
                  {
                    backend: backend(`10.0.0.${i % 2}:80`),
                    route: route('GET', `/${host % 2}`),
                    times: values,
                  },
                ]),
              ),
              { info: { host: `web${host}` } },
            ),
          ),
        )
        const all = hosts.flat(2).sort((a, b) => a - b)
        const { header_ms: header } = of.document.totals
        assert.equal(header.count, all.length)
        assert.ok(all.length === 0 || Math.abs(header.sum! - all.reduce((a, b) => a + b, 0) / 1000) < 1e-3)
        for (const [name, q] of [
          ['p50', 0.5],
          ['p90', 0.9],
          ['p95', 0.95],
          ['p99', 0.99],
          ['p999', 0.999],
        ] as const) {
          if (all.length === 0) assert.equal(header[name], null)
          else {
            const exact = all[Math.ceil(q * all.length - 1e-9) - 1]! / 1000
            assert.ok(
              Math.abs(header[name]! - exact) <= 0.032 * exact,
              `${name}: ${header[name]} for ${exact}`,
            )
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('report for people', () => {
  it('is the same text each time', async () => {
    assert.equal(await textIn(report([incident()]), 'text'), await textIn(report([incident()]), 'text'))
  })
  it('shows the numbers of the JSON in text and in Markdown', async () => {
    for (const format of ['text', 'md'] as const) {
      const text = await textIn(report([incident()]), format)
      for (const shown of [
        '1,182 requests',
        '7.4 per second',
        '67.9%',
        '450ms',
        'stopped',
        'v42',
        'ring',
        '2m40s recorded of 3m00s',
      ]) {
        assert.ok(text.includes(shown), `${format}: ${shown}`)
      }
    }
  })
  it('escapes names from the network for terminal and Markdown', async () => {
    const text = await textIn(report([incident()]), 'text')
    assert.match(text, /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]*$/)
    const markdown = await textIn(report([incident()]), 'md')
    assert.ok(!/<img|\u001b|\u009b|\u202e/.test(markdown))
    const row = markdown.split('\n').find((line) => line.includes('onerror'))!
    assert.equal(
      row.split('|').length,
      markdown
        .split('\n')
        .find((line) => line.includes('/healthz'))!
        .split('|').length,
    )
    assert.ok(!row.slice(row.indexOf('/x'), row.indexOf('onerror')).includes('`'))
  })
  it('lists the slowest requests of all steps', () => {
    const seconds = fc.array(fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 8 }), {
      minLength: 1,
      maxLength: 150,
    })
    fc.assert(
      fc.property(seconds, (of) => {
        const { slowest } = report([
          recording(
            of.map((times, i) =>
              frame(i, addMicros(START, i * 1e6), [
                { backend: backend('a:1'), route: route('GET', '/'), times },
              ]),
            ),
          ),
        ])
        const expected = of
          .flat()
          .sort((a, b) => b - a)
          .slice(0, 10)
          .map((time) => 2 * time)
        assert.deepEqual(
          slowest.map(({ total }) => total),
          expected,
        )
      }),
      { numRuns: 40 },
    )
  })
  it('lists the slowest requests, the slowest first', () => {
    const { slowest } = report([incident()])
    assert.equal(slowest.length, 10)
    assert.ok(slowest.every(({ total }) => total === 900_000))
  })
})

const without = (line: ReportDocument['backends'][number]['routes'][number]): Entity => {
  const keys = new Set(['method', 'route', 'share'])
  return Object.fromEntries(Object.entries(line).filter(([key]) => !keys.has(key))) as unknown as Entity
}
const sorted = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

/** A parser for RFC 4180, sufficient for our output. */
function parseCsv(text: string): string[][] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      ),
    )
}
