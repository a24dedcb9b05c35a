import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { csvRow } from '../../../src/report/formats/csv.ts'
import { FORMATS } from '../../../src/report/formats/formats.ts'
import { reportOf } from '../../../src/report/formats/report.ts'
import { backend, frame, recording, route, START } from '../fake.ts'

/** The route's cell of a report of one route, without the quotes of CSV. */
async function routeCell(path: string, format: 'csv' | 'ndjson'): Promise<string> {
  const of = recording([
    frame(0, START, [{ backend: backend('a:1'), route: route('GET', path), times: [1] }]),
  ])
  const report = reportOf([of], {
    query: { range: spanOf(of.ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null },
    by: 'route',
    timeZone: 'UTC',
    command: '',
    points: 2,
    slowest: false,
  })
  const text = [...(await FORMATS[format].write(report))].join('')
  if (format === 'ndjson') return (JSON.parse(text) as { route: string }).route
  const [, quoted, plain] = /^a:1,GET,(?:"((?:[^"]|"")*)"|([^,]*)),/m.exec(text)!
  return quoted?.replaceAll('""', '"') ?? plain!
}

describe('a cell of CSV', () => {
  it('is text where a spreadsheet would begin a formula, also in full width and behind a semicolon', () => {
    for (const sign of '=+-@＝＋－＠﹦﹢﹣﹫⁼₊₋−') {
      for (const cell of [`${sign}1`, ` ${sign}1`, `\u3000${sign}1`])
        assert.equal(csvRow([cell]), `'${cell}\n`, JSON.stringify(cell))
      // Where the comma is the decimal sign, spreadsheets split at semicolons, whatever the quotes say.
      assert.equal(csvRow([`/a;${sign}cmd|x;b`]), `"/a;'${sign}cmd|x;b"\n`)
    }
    assert.equal(csvRow(['/a=b', 'x-y', 'a@b', '*', -1, null]), '/a=b,x-y,a@b,*,-1,\n')
  })

  it('has a path exactly as JSON and a log have it', async () => {
    for (const path of [
      '/ä/日本',
      '/🇩🇪/👍🏽/❤️',
      '/\ue000',
      '/a"b,c',
      '/a;b',
      "/it's",
      '/a\\x0a',
      '/=x',
      '/a＝b',
      '/%7E',
    ])
      assert.deepEqual([await routeCell(path, 'csv'), await routeCell(path, 'ndjson')], [path, path])
  })

  it('has no character that controls a terminal or a build', () => {
    assert.equal(csvRow(['a\u001b[2J\n\t\u202e']), 'a\\x1b[2J\\x0a\\x09\\u{202e}\n')
    assert.equal(csvRow(['/##vso[x]', '::error::x']), '/\\x23#vso[x],\\x3a:error::x\n')
  })
})
