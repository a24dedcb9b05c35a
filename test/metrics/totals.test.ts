/** What a scrape says, compared with the sums that reports are made of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { receivedBytes, sentBytes } from '../../src/frame/expression/measure.ts'
import type { Aggregate } from '../../src/frame/model/aggregate.ts'
import { CONNECT_FAILURES, ROUTE_FAILURES } from '../../src/frame/model/counters.ts'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { grpcEnded, grpcWord } from '../../src/frame/model/grpc.ts'
import { addMicros, SECOND } from '../../src/frame/model/units.ts'
import { ofFrame, sumOf as mergedOf } from '../../src/frame/sum/merge.ts'
import { pageOf, type PageFormat } from '../../src/metrics/page.ts'
import type { SeriesLimits } from '../../src/metrics/series.ts'
import { BOUNDS } from '../../src/metrics/times.ts'
import { Totals } from '../../src/metrics/totals.ts'
import { assertGolden } from '../golden.ts'
import { frames } from '../frame/arbitraries.ts'
import { backend, frame, HOSTILE, route, START } from '../report/fake.ts'
import { samplesIn, sumOf, type Sample } from './parse.ts'

const BUILD = { version: '0.0.0', kernel: '6.18.0' }
const WIDE: SeriesLimits = { byRoute: false, most: 2000 }
const pageText = (totals: Totals, format: PageFormat = 'prometheus'): string =>
  [...pageOf(totals, format)].join('')

function totalsOf(of: readonly SecondFrame[], limits = WIDE): Totals {
  const totals = new Totals(BUILD, limits)
  for (const one of of) totals.add(one)
  return totals
}

const scrape = (of: readonly SecondFrame[], limits = WIDE): readonly Sample[] =>
  samplesIn(pageText(totalsOf(of, limits)))

const limits: fc.Arbitrary<SeriesLimits> = fc.record({
  byRoute: fc.boolean(),
  most: fc.constantFrom(1, 2, 5, 2000),
})

test('the sums over all series are those of a report, by route or not, and where there is no room', () => {
  fc.assert(
    fc.property(frames({ minLength: 1, maxLength: 8 }), limits, (ticks, limit) => {
      const samples = scrape(ticks, limit)
      const whole = mergedOf(ticks.map(ofFrame))
      for (const [name, labels, expected] of expectedOf(whole)) {
        if (expected !== null) assert.equal(sumOf(samples, name, labels), expected, name)
      }
    }),
  )
})

/** null: not known of every row, so that there may be no sample. */
function expectedOf({ totals }: Aggregate): [string, Record<string, string>, number | null][] {
  const { codes, grpc, failures, connection, header, total } = totals
  return [
    ['upstreamtop_requests_total', {}, totals.requests],
    ['upstreamtop_responses_total', {}, totals.answered],
    ...codes
      .filter((_, i) => i % 2 === 0)
      .map((code, i): [string, Record<string, string>, number] => [
        'upstreamtop_responses_total',
        { http_response_status_code: String(code) },
        codes[2 * i + 1]!,
      ]),
    ['upstreamtop_grpc_responses_total', {}, grpcEnded(grpc)],
    ...(grpc ?? [])
      .filter((_, i) => i % 2 === 0)
      .map((status, i): [string, Record<string, string>, number] => [
        'upstreamtop_grpc_responses_total',
        { grpc_status: grpcWord(status) },
        grpc![2 * i + 1]!,
      ]),
    ...ROUTE_FAILURES.map(({ word, name }): [string, Record<string, string>, number] => [
      'upstreamtop_failures_total',
      { reason: word },
      failures[name],
    ]),
    ...CONNECT_FAILURES.map(({ word, name }): [string, Record<string, string>, number | null] => [
      'upstreamtop_failures_total',
      { reason: word },
      connection[name],
    ]),
    ['upstreamtop_unseen_total', {}, totals.unseen],
    ['upstreamtop_retries_total', {}, totals.retries],
    ['upstreamtop_connects_total', {}, connection.connects],
    ['upstreamtop_sent_bytes_total', {}, sentBytes(totals)],
    ['upstreamtop_received_bytes_total', {}, receivedBytes(totals)],
    ['upstreamtop_in_flight', {}, totals.inFlight],
    ['http_client_request_duration_seconds_count', {}, header.sampled],
    ['http_client_request_duration_seconds_bucket', { le: '+Inf' }, header.sampled],
    ['upstreamtop_response_duration_seconds_count', {}, total.sampled],
  ]
}

test('no counter falls or is gone from one tick to the next, except what is unknown', () => {
  fc.assert(
    fc.property(frames({ minLength: 2, maxLength: 8 }), limits, (ticks, limit) => {
      const totals = new Totals(BUILD, limit)
      let before: readonly Sample[] = []
      for (const tick of ticks) {
        totals.add(tick)
        const now = samplesIn(pageText(totals))
        const values = new Map(now.map((sample) => [keyOf(sample), sample.value]))
        assert.equal(values.size, now.length, 'a series comes once')
        for (const sample of before.filter(isCounter)) {
          const value = values.get(keyOf(sample))
          if (value === undefined) assert.match(sample.name, MAY_BE_UNKNOWN)
          else assert.ok(value >= sample.value, keyOf(sample))
        }
        before = now
      }
    }),
  )
})

const keyOf = ({ name, labels }: Sample): string => name + JSON.stringify(labels)
const isCounter = ({ name }: Sample): boolean => /_(total|bucket|count|sum)$/.test(name)
const MAY_BE_UNKNOWN = /^upstreamtop_(failures|unseen|grpc_responses|sent_bytes|received_bytes)_total$/

test('a bucket counts the times up to its bound, of which there are four an octave', () => {
  for (const [i, bound] of BOUNDS.entries()) {
    const octave = BOUNDS.filter((other) => other > bound && other <= 2 * bound)
    assert.equal(octave.length, Math.min(4, BOUNDS.length - 1 - i))
  }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200_000_000 }), { maxLength: 50 }), (times) => {
      const samples = scrape([frame(0, START, [{ backend: A, route: ROOT, times }])])
      const name = 'http_client_request_duration_seconds'
      for (const bound of BOUNDS) {
        const below = times.filter((time) => time < bound).length
        assert.equal(sumOf(samples, `${name}_bucket`, { le: String(bound / 1e6) }), below)
      }
      assert.equal(sumOf(samples, `${name}_count`), times.length)
      assert.equal(
        Math.round(sumOf(samples, `${name}_sum`) * 1e6),
        times.reduce((a, b) => a + b, 0),
      )
    }),
  )
})

const A = backend('10.0.1.10:8080', { names: ['api', 'web'] })
const ROOT = route('GET', '/')

test('a label has what a packet says, and is one label still', () => {
  const paths = [HOSTILE, '/"} 1\nother_total 1', '/\\', '/\\n', '/\0', '/\ud800', '/é']
  const traffic = paths.map((path, i) => ({
    backend: A,
    route: { ...route('GET', path), id: i },
    times: [1],
  }))
  const samples = scrape([frame(0, START, traffic)], { byRoute: true, most: 2000 })
  assert.equal(sumOf(samples, 'upstreamtop_requests_total'), paths.length)
  assert.equal(sumOf(samples, 'other_total'), 0)
  const said = samples
    .filter(({ name }) => name === 'upstreamtop_requests_total')
    .map(({ labels }) => labels.url_template!)
  assert.deepEqual(said, [
    '/x\\x1b[2J|<img src=x onerror=alert(1)>`=`\\x9b\\u{202e},"',
    '/"} 1\\x0aother_total 1',
    '/\\',
    '/\\n',
    '/\\x00',
    '/\\u{d800}',
    '/é',
  ])
})

test('labels name address, port and upstreams, and the namespace where it is not the host’s', () => {
  const backends = [
    A,
    backend('[fd00::1]:80'),
    backend('127.0.0.1:9001', { netns: 7, namespace: 'web' }),
    backend('127.0.0.1:9001', { netns: 8, namespace: 'host' }),
    backend('OTHER'),
  ]
  const samples = scrape([
    frame(
      0,
      START,
      backends.map((of) => ({ backend: of, route: ROOT, times: [1] })),
    ),
  ])
  const said = samples.filter(({ name }) => name === 'upstreamtop_requests_total').map(({ labels }) => labels)
  assert.deepEqual(said, [
    { server_address: '10.0.1.10', server_port: '8080', upstream: 'api, web' },
    { server_address: 'fd00::1', server_port: '80', upstream: '' },
    { server_address: '127.0.0.1', server_port: '9001', upstream: '', namespace: 'web' },
    { server_address: '127.0.0.1', server_port: '9001', upstream: '' },
    { server_address: 'OTHER', server_port: '', upstream: '' },
  ])
})

test('routes and backends beyond the room are OTHER, and a backend that comes later has its own', () => {
  const many = Array.from({ length: 100 }, (_, i) => route('GET', `/r${i}`))
  const backends = Array.from({ length: 30 }, (_, i) => backend(`10.0.0.${i}:80`))
  const ticks = [
    frame(
      0,
      START,
      many.map((of) => ({ backend: A, route: of, times: [1] })),
    ),
    frame(
      1,
      addMicros(START, SECOND),
      backends.map((of) => ({ backend: of, route: ROOT, times: [1] })),
    ),
  ]
  const samples = scrape(ticks, { byRoute: true, most: 20 })
  const requests = samples.filter(({ name }) => name === 'upstreamtop_requests_total')
  assert.equal(sumOf(samples, 'upstreamtop_requests_total'), 130)
  assert.equal(sumOf(samples, 'upstreamtop_requests_total', { server_address: '10.0.1.10' }), 100)
  assert.equal(sumOf(requests, 'upstreamtop_requests_total', { url_template: '/r0' }), 1)
  assert.equal(sumOf(requests, 'upstreamtop_requests_total', { server_address: '10.0.0.0' }), 1)
  assert.ok(
    sumOf(requests, 'upstreamtop_requests_total', { server_address: 'OTHER', http_request_method: '*' }) > 20,
  )
  assert.ok(totalsOf(ticks, { byRoute: true, most: 20 }).series.length <= 22)
  const without = scrape(ticks, { byRoute: false, most: 20 })
  assert.equal(without.filter(({ name }) => name === 'upstreamtop_requests_total').length, 21)
  assert.equal(sumOf(without, 'upstreamtop_requests_total', { server_address: 'OTHER' }), 11)
})

test('a backend that comes back under its address goes on, and its open requests end with its row', () => {
  const row = (seq: number, of: ReturnType<typeof backend>[], open: number): SecondFrame =>
    frame(
      seq,
      addMicros(START, seq * SECOND),
      of.map((one) => ({ backend: one, route: ROOT, times: [1], open })),
    )
  const totals = totalsOf([row(0, [backend('10.0.0.1:80')], 3)])
  assert.equal(sumOf(samplesIn(pageText(totals)), 'upstreamtop_in_flight'), 3)
  totals.add(row(1, [], 0))
  assert.equal(sumOf(samplesIn(pageText(totals)), 'upstreamtop_in_flight'), 0)
  totals.add(row(2, [backend('10.0.0.1:80', { id: 9 })], 1))
  const samples = samplesIn(pageText(totals))
  assert.deepEqual(
    samples.filter(({ name }) => name === 'upstreamtop_requests_total').map(({ value }) => value),
    [2],
  )
})

test('coverage is of the last 60 s: a gap lowers it, and is forgotten', () => {
  const coverage = (of: readonly SecondFrame[]): number => sumOf(scrape(of), 'upstreamtop_coverage_ratio')
  const run = (from: number, count: number, shift: number): SecondFrame[] =>
    Array.from({ length: count }, (_, i) =>
      frame(
        from + i,
        addMicros(START, (from + i + shift) * SECOND),
        [],
        i === 0 && shift > 0 ? { gapBefore: 'stopped' } : {},
      ),
    )
  const before = run(0, 100, 0)
  assert.equal(coverage(before), 1)
  assert.equal(coverage([...before, ...run(100, 1, 15)]), 0.75)
  assert.equal(coverage([...before, ...run(100, 15, 300)]), 0.25)
  assert.equal(coverage([...before, ...run(100, 60, 300)]), 1)
  assert.equal(samplesIn(pageText(totalsOf([]))).filter(({ name }) => name.endsWith('_ratio')).length, 0)
})

test('a host that does not tell some counts has no samples of them', () => {
  const old = frame(0, START, [{ backend: A, route: ROOT, times: [1], grpc: [0, 1] }], {
    loss: { holes: null },
  })
  const samples = scrape([
    old,
    { ...old, traffic: old.traffic.map((row) => ({ ...row, unseen: null, sentBytes: null, grpc: null })) },
  ])
  const names = samples.map(({ name, labels: { reason = '' } }) => `${name} ${reason}`.trim())
  for (const absent of [
    'upstreamtop_unseen_total',
    'upstreamtop_grpc_responses_total',
    'upstreamtop_sent_bytes_total',
    'upstreamtop_loss_total holes',
    'upstreamtop_failures_total unreachable',
    'upstreamtop_failures_total early_close',
  ])
    assert.ok(!names.includes(absent), absent)
  for (const present of [
    'upstreamtop_received_bytes_total',
    'upstreamtop_loss_total evicted',
    'upstreamtop_failures_total refused',
  ])
    assert.ok(names.includes(present), present)
})

for (const format of ['openmetrics', 'prometheus'] as const) {
  for (const byRoute of [false, true]) {
    test(`${format}${byRoute ? ', by route' : ''}`, () => {
      const totals = totalsOf(
        [
          frame(
            0,
            START,
            [
              {
                backend: A,
                route: ROOT,
                times: [900, 1200],
                codes: [200, 502],
                grpc: [0, 1, 14, 2, 999, 1],
                resets: 1,
                open: 2,
              },
            ],
            {
              connections: [{ backend: A, counts: { connects: 3, refused: 1 } }],
            },
          ),
        ],
        { byRoute, most: 2000 },
      )
      assertGolden(`metrics/${format}${byRoute ? '-by-route' : ''}.txt`, pageText(totals, format))
    })
  }
}
