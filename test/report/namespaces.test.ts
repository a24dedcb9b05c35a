/** A report of a recording with several network namespaces: their names beside their numbers, wherever a backend is named. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExpression } from '../../src/frame/expression/expression-parser.ts'
import { EVERYTHING, splitSelection } from '../../src/frame/expression/selection.ts'
import { spanOf } from '../../src/frame/time/time.ts'
import { addMicros } from '../../src/frame/model/units.ts'
import { BY_REQUESTS } from '../../src/report/data/order.ts'
import type { ReportDocument } from '../../src/report/document/document.ts'
import type { By } from '../../src/report/document/lines.ts'
import { FORMATS, type Format } from '../../src/report/formats/formats.ts'
import { reportOf } from '../../src/report/formats/report.ts'
import { backend, frame, recording, route, START } from './fake.ts'

const at = (netns: number, namespace?: string) =>
  backend('127.0.0.1:9001', { netns, ...(namespace === undefined ? {} : { namespace }) })
const SPACES = [at(11, 'web'), at(12, '3f1c9a77b2e4'), at(13)] as const

const rows = (netns: number | null = null) =>
  SPACES.filter((space) => netns === null || space.netns === netns).map((one) => ({
    backend: one,
    route: route('GET', '/x'),
    times: Array.from({ length: 14 - one.netns }, () => 1000),
  }))

async function said(
  format: Format,
  where: string | null = null,
  netns: number | null = null,
  by: By = 'backend',
  rowsSeen = rows(netns),
): Promise<string> {
  const one = recording(Array.from({ length: 3 }, (_, i) => frame(i, addMicros(START, i * 1e6), rowsSeen)))
  const report = reportOf([one], {
    query: {
      range: spanOf(one.ticks)!,
      selection: where === null ? EVERYTHING : splitSelection([parseExpression(where)], where),
      order: BY_REQUESTS,
      top: null,
    },
    by,
    timeZone: 'UTC',
    command: 'upstreamtop report x.db',
    points: 88,
    slowest: true,
  })
  return [...(await FORMATS[format].write(report))].join('')
}

const backendsOf = (text: string): unknown[] =>
  (JSON.parse(text) as ReportDocument).backends.map(({ netns, namespace, requests }) => [
    netns,
    namespace,
    requests,
  ])

test('JSON, CSV and NDJSON have the number and the name', async () => {
  assert.deepEqual(backendsOf(await said('json')), [
    [11, 'web', 9],
    [12, '3f1c9a77b2e4', 6],
    [13, null, 3],
  ])
  const [head, first, , third] = (await said('csv')).split('\n')
  assert.match(head ?? '', /^backend,netns,namespace,/)
  assert.match(first ?? '', /^127\.0\.0\.1:9001,11,web,/)
  assert.match(third ?? '', /^127\.0\.0\.1:9001,13,,/)
  assert.match(await said('ndjson'), /"netns":12,"namespace":"3f1c9a77b2e4"/)
})

test('text and Markdown have the name behind the address, or the number without one', async () => {
  for (const format of ['text', 'md'] as const) {
    const text = await said(format)
    for (const name of ['127.0.0.1:9001%web', '127.0.0.1:9001%3f1c9a77b2e4', '127.0.0.1:9001%13'])
      assert.ok(text.includes(name), `${name} in ${text}`)
    assert.doesNotMatch(text, /%1[12]/, 'the number of one that has a name')
  }
})

test('with one namespace nobody needs its name', async () => {
  assert.deepEqual(backendsOf(await said('json', null, 11)), [[undefined, undefined, 9]])
  assert.ok(!(await said('text', null, 11)).includes('%web'))
})

test('--where selects by the name, by the number where there is none, and by what the screen shows', async () => {
  const selected = async (where: string): Promise<unknown[]> => {
    const { backends } = JSON.parse(await said('json', where)) as ReportDocument
    return backends.map(({ requests }) => requests)
  }
  assert.deepEqual(await selected("namespace = 'web'"), [9])
  assert.deepEqual(await selected("namespace != 'web'"), [6, 3])
  assert.deepEqual(await selected("namespace ~ '^3f'"), [6])
  assert.deepEqual(await selected("namespace = '13'"), [3])
  assert.deepEqual(await selected("backend = '127.0.0.1:9001%web'"), [9])
})

test('--by namespace adds up the backends of each name, or of each number without one', async () => {
  const second = backend('127.0.0.1:9002', { netns: 11, namespace: 'web' })
  const again = backend('127.0.0.1:9001', { netns: 21, namespace: 'shop' })
  const once = { route: route('GET', '/y'), times: [1000] }
  const all = [
    ...rows(),
    { backend: second, ...once },
    { backend: again, ...once },
    { backend: { ...again, netns: 22 }, ...once },
  ]
  const by = async (format: Format, where: string | null = null): Promise<string> =>
    said(format, where, null, 'namespace', all)
  const lines = (await by('ndjson')).trimEnd().split('\n')
  assert.deepEqual(
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .map(({ namespace, netns, backends, requests }) => [namespace, netns, backends, requests]),
    [
      ['web', 11, 2, 12],
      ['3f1c9a77b2e4', 12, 1, 6],
      ['shop', null, 2, 6],
      [null, 13, 1, 3],
    ],
  )
  const csv = (await by('csv')).split('\n')
  assert.match(csv[0]!, /^namespace,netns,backends,share,connects,opaque,protocol,open_connections,requests,/)
  assert.equal((await by('csv', "namespace = 'nobody'")).trimEnd(), csv[0])
  for (const format of ['text', 'md', 'html'] as const) {
    const text = await by(format)
    for (const word of ['NAMESPACE', 'web', '3f1c9a77b2e4', 'shop', '13'])
      assert.ok(text.includes(word), `${word} in ${format}`)
  }
})
