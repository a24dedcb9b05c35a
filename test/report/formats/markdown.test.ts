import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sectionMarkdown } from '../../../src/report/formats/markdown.ts'

const lineOf = (line: string): string =>
  sectionMarkdown({ kind: 'lines', title: null, lines: [line] }).slice('- '.length)

const tableOf = (rows: readonly (readonly [name: string, count: string])[]): string[] =>
  sectionMarkdown({
    kind: 'table',
    title: 'Routes',
    columns: [
      { title: 'ROUTE', align: 'left', untrusted: true },
      { title: 'N', align: 'right', untrusted: false },
    ],
    rows,
    note: null,
  })
    .split('\n')
    .slice(2)

describe('a line of Markdown', () => {
  it('is plain where nothing in it is markup', () => {
    for (const line of [
      'left out: front_door 24,211, ring_dropped 3',
      '15:01:00–15:02:00  5xx on 10.0.1.10:8080: 40.6% for 1m00s (687 of 1,692)',
      'run.db: 450 ticks by upstreamtop 0.1.0 on web_1',
    ])
      assert.equal(lineOf(line), line)
  })

  it('is code where something is, so that chat tools show it, too, and nobody is called', () => {
    for (const line of [
      'deploy #4711 by @here',
      '5xx(*) > 5% on <!channel>',
      '/_private_/x',
      'see https://example.com/ or www.example.com',
      '/a:tada:b',
      '[fd00:a:b::1]:8080',
      '$x$ ~~y~~ ![z](/z) &amp;',
      'a\\b',
    ])
      assert.equal(lineOf(line), `\`${line}\``)
  })

  it('has a fence that its own backticks do not close', () => {
    assert.equal(lineOf('a `b` c'), '``a `b` c``')
    assert.equal(lineOf('`a``b'), '``` `a``b ```')
  })
})

describe('a table of Markdown', () => {
  it('has aligned columns, also before it is drawn', () => {
    assert.deepEqual(
      tableOf([
        ['/日本', '1,234'],
        ['/checkout', '5'],
      ]),
      [
        '| ROUTE       |     N |',
        '| ----------- | ----: |',
        '| `/日本`     | 1,234 |',
        '| `/checkout` |     5 |',
      ],
    )
  })

  it('has no entity in a name that can be code, and as many columns whatever the name', () => {
    assert.deepEqual(
      tableOf([
        ['/a\\x1b_b&c', '1'],
        ['/a|b`c', '1'],
        ['/ends\\', '1'],
      ]).slice(2),
      ['| `/a\\x1b_b&c`    |   1 |', '| /a&#124;b&#96;c |   1 |', '| /ends&#92;      |   1 |'],
    )
  })

  it('takes a hundred thousand lines', () => {
    assert.equal(tableOf(Array.from({ length: 150_000 }, () => ['/', '1'] as const)).length, 150_002)
  })
})

it('code of Markdown names no language: Slack would show it', () => {
  assert.equal(
    sectionMarkdown({ kind: 'code', title: 'Made by', text: 'a ```` b' }),
    '### Made by\n\n`````\na ```` b\n`````',
  )
})
