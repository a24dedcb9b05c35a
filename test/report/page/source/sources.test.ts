import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packPicture } from '../../../../src/report/picture/packed-picture.ts'
import { embeddedSource } from '../../../../src/report/page/source/embedded.ts'
import { servedSource, type Get } from '../../../../src/report/page/source/served.ts'
import { SourceError, type Wanted } from '../../../../src/report/page/source/source.ts'
import { API, FACTS, FROM, ITEMS, picture } from '../state/pictures.ts'

const wanted = (more: Partial<Wanted> = {}): Wanted => ({
  side: 0,
  range: { from: FROM, to: FROM + 4 },
  steps: 900,
  subject: null,
  where: '',
  ...more,
})

test('a page shows the finest of its pictures, and has neither requests nor differences', async () => {
  const coarse = { ...picture, step: 2, count: 2, seconds: [2, 1] }
  const whole = { ...coarse, lines: [], to: FROM + 4 }
  const source = embeddedSource({ facts: FACTS, pictures: [packPicture(whole), packPicture(picture)] })
  const { picture: shown } = await source.picture(wanted({ range: { from: FROM + 1, to: FROM + 3 } }))
  assert.deepEqual([shown.step, shown.count, shown.lines[0]?.series.requests], [1, 2, [20, 0]])
  assert.equal(source.requests({ ...wanted(), times: null }), null)
  assert.equal(source.rows(wanted(), shown), null)
})

/** A server that remembers what it was asked for. */
function served(answers: Readonly<Record<string, unknown>>): { get: Get; asked: string[] } {
  const asked: string[] = []
  const get: Get = (address) => {
    asked.push(address)
    const body = answers[address.split('?')[0]!]
    return Promise.resolve({
      isOk: body !== undefined,
      body: body ?? { error: 'no such thing', remedy: 'Ask for another.' },
    })
  }
  return { get, asked }
}

test('a server is asked for the range, the subject and the filter, and for as many steps as there are pixels', async () => {
  const { get, asked } = served({ picture: { picture: packPicture(picture), refining: true } })
  const shown = await servedSource(get).picture(wanted({ subject: ITEMS, where: "route ~ '/a&b'" }))
  assert.equal(shown.refining, true)
  assert.deepEqual(shown.picture.lines[0]!.series.requests, [10, 20, 0, 30])
  assert.deepEqual(Object.fromEntries(new URLSearchParams(asked[0]!.split('?')[1])), {
    side: '0',
    from: '1000',
    to: '1004',
    backend: '1 10.0.1.10:8080',
    route: 'GET /items',
    where: "route ~ '/a&b'",
    steps: '900',
  })
})

test('the rows of a range are the lines of the report', async () => {
  const entity = {
    ...{ requests: 60, rps: 20, answered: 59, share: 1 },
    status: { '1xx': 0, '2xx': 57, '3xx': 0, '4xx': 0, '5xx': 2 },
    failures: { reset: 1, closed: 0, refused: 2 },
    grpc: { '0': 3, '14': 1, none: 1 },
    header_ms: { p50: 1.5, p99: 12 },
  }
  const line = { ...entity, backend: '10.0.1.10:8080', name: 'api', subject: API }
  const { get } = served({ lines: { lines: [line] } })
  const rows = await servedSource(get).rows(wanted(), picture)
  assert.deepEqual(rows, [
    {
      subject: API,
      label: 'api · 10.0.1.10:8080',
      owner: `${API.backend} api`,
      requests: 60,
      rps: 20,
      share: 1,
      p50: 1500,
      p99: 12_000,
      timesUnknown: false,
      fivexx: { count: 2, share: 2 / 59 },
      grpc: { count: 2, share: 0.4 },
      failures: 3,
    },
  ])
})

test('the lines of a difference are all, each backend, and its routes', async () => {
  const field = { base: 1, target: 2, change: 1, noise: false }
  const changes = { rps: field, '5xx': field, failures: field, p50: field, p99: { ...field, noise: true } }
  const route = { ...changes, method: 'GET', route: '/items' }
  const { get, asked } = served({
    difference: { totals: changes, backends: [{ ...changes, backend: 'b', name: null, routes: [route] }] },
  })
  const found = await servedSource(get).difference(wanted(), wanted({ side: 1 }))
  assert.deepEqual(
    found?.map(({ label, isRoute, fields }) => [label, isRoute, fields.p99.noise]),
    [
      ['all', false, true],
      ['b', false, true],
      ['GET /items', true, true],
    ],
  )
  assert.match(
    decodeURIComponent(asked[0]!),
    /base=1000\.\.1004&base_side=0&target=1000\.\.1004&target_side=1/,
  )
})

test("what goes wrong is said in the server's words", async () => {
  const { get } = served({})
  await assert.rejects(servedSource(get).picture(wanted()), (error) => {
    assert.ok(error instanceof SourceError)
    assert.deepEqual([error.message, error.remedy], ['no such thing', 'Ask for another.'])
    return true
  })
  const gone = servedSource(() => Promise.resolve({ isOk: false, body: null }))
  await assert.rejects(gone.facts(0), /does not answer/)
})
