/** Recordings as samples with timestamps, compared with the sums that reports are made of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { grpcEnded } from '../../src/frame/model/grpc.ts'
import type { Recording } from '../../src/frame/model/recording.ts'
import { addMicros, micros, SECOND, wallMicros, type WallMicros } from '../../src/frame/model/units.ts'
import { ofFrame, sumOf as mergedOf } from '../../src/frame/sum/merge.ts'
import { exportMetrics } from '../../src/metrics/export.ts'
import type { ExportRequest } from '../../src/metrics/host-steps.ts'
import { Spool } from '../../src/metrics/spool.ts'
import { frames } from '../frame/arbitraries.ts'
import { backend, frame, recording, route, START } from '../report/fake.ts'
import { samplesIn, sumOf, type Sample } from './parse.ts'

const A = backend('10.0.1.10:8080')
const ROOT = route('GET', '/')
const ALL: ExportRequest = {
  range: { from: wallMicros(0), to: wallMicros(Infinity) },
  step: micros(15 * SECOND),
  limits: { byRoute: false, most: 2000 },
  keeps: () => true,
}

function exported(of: readonly Recording[], request: Partial<ExportRequest> = {}): readonly Sample[] {
  const { text, close } = exportMetrics(of, { ...ALL, ...request })
  const whole = [...text()].join('')
  close()
  assert.ok(whole.endsWith('# EOF\n'))
  return samplesIn(whole)
}

const after = (seconds: number): WallMicros => addMicros(START, seconds * SECOND)
const one = (seq: number, seconds: number, times: readonly number[] = [1000]): SecondFrame =>
  frame(seq, after(seconds), [{ backend: A, route: ROOT, times }])
const timesOf = (samples: readonly Sample[], name: string): number[] =>
  samples.filter((sample) => sample.name === name).map(({ at }) => at! - START / 1e6)

test('the last samples are the sums of the range; each series comes once, in the order of time, and never falls', () => {
  const request = fc.record({
    step: fc.constantFrom(1, 2, 15, 3600).map((seconds) => micros(seconds * SECOND)),
    limits: fc.record({ byRoute: fc.boolean(), most: fc.constantFrom(2, 2000) }),
  })
  fc.assert(
    fc.property(frames({ minLength: 1, maxLength: 10 }), request, (ticks, how) => {
      const samples = exported([recording(ticks)], how)
      const series = inSeries(samples)
      const totals = mergedOf(ticks.map(ofFrame)).totals
      const last = [...series.values()].map((of) => of.at(-1)!)
      assert.equal(sumOf(last, 'upstreamtop_requests_total'), totals.requests)
      assert.equal(sumOf(last, 'upstreamtop_responses_total'), totals.answered)
      assert.equal(sumOf(last, 'upstreamtop_in_flight'), totals.inFlight)
      if (totals.grpc !== null)
        assert.equal(sumOf(last, 'upstreamtop_grpc_responses_total'), grpcEnded(totals.grpc))
      assert.equal(sumOf(last, 'http_client_request_duration_seconds_count'), totals.header.sampled)
      for (let i = 0; i < totals.codes.length; i += 2)
        assert.equal(
          sumOf(last, 'upstreamtop_responses_total', { http_response_status_code: String(totals.codes[i]) }),
          totals.codes[i + 1],
        )
      for (const of of series.values()) {
        const isCounter = /_(total|bucket|count|sum)$/.test(of[0]!.name)
        of.slice(1).forEach((sample, i) => {
          assert.ok(sample.at! > of[i]!.at!, 'time grows')
          assert.ok(!isCounter || sample.value >= of[i]!.value, 'a counter does not fall')
        })
      }
    }),
    { numRuns: 60 },
  )
})

/** By series. A histogram's samples of a moment come together; all else is one series after the other. */
function inSeries(samples: readonly Sample[]): ReadonlyMap<string, readonly Sample[]> {
  const series = new Map<string, Sample[]>()
  const groups = new Set<string>()
  let group = ''
  for (const sample of samples) {
    const labels = { ...sample.labels, le: '' }
    const next = sample.name.replace(/(_seconds)_(bucket|count|sum)$/, '$1') + JSON.stringify(labels)
    if (next !== group) assert.ok(!groups.has(next), `${next} comes twice`)
    groups.add((group = next))
    const key = sample.name + JSON.stringify(sample.labels)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  return series
}

test('a sample is of the end of the last tick in its step, and a gap has none', () => {
  const ticks = [...[0, 1, 14, 15, 29].map((at, i) => one(i, at)), one(5, 100), one(6, 101)]
  const gapped = ticks.map((tick, i) => (i === 5 ? { ...tick, gapBefore: 'stopped' as const } : tick))
  const samples = exported([recording(gapped)])
  assert.deepEqual(timesOf(samples, 'upstreamtop_requests_total'), [15, 30, 102])
  assert.deepEqual(timesOf(samples, 'upstreamtop_build_info'), [15, 30, 102])
  assert.deepEqual(
    samples.filter(({ name }) => name === 'upstreamtop_requests_total').map(({ value }) => value),
    [3, 5, 7],
  )
})

test('a gRPC status that comes later was 0 before, and there are none after what is unknown', () => {
  const grpc = (seq: number, statuses: readonly number[] | null): SecondFrame =>
    frame(seq, after(20 * seq), [{ backend: A, route: ROOT, times: [1], grpc: statuses }])
  const samples = exported([recording([grpc(0, [0, 3]), grpc(1, [0, 2, 14, 1]), grpc(2, []), grpc(3, null)])])
  const of = (grpc_status: string): number[] =>
    samples
      .filter(({ name, labels }) => name.startsWith('upstreamtop_grpc') && labels.grpc_status === grpc_status)
      .map(({ value }) => value)
  assert.deepEqual(
    [of('0'), of('14')],
    [
      [3, 5, 5],
      [0, 1, 1],
    ],
  )
})

test('a code that comes later was 0 before; a backend that comes later has no sample before', () => {
  const late = frame(2, after(40), [
    { backend: A, route: ROOT, times: [1], codes: [502] },
    { backend: backend('10.0.1.11:80'), route: ROOT, times: [1] },
  ])
  const samples = exported([recording([one(0, 0), one(1, 20), late])])
  const bad = samples.filter(({ labels }) => labels.http_response_status_code === '502')
  assert.deepEqual(
    bad.map(({ value }) => value),
    [0, 0, 1],
  )
  const second = samples.filter(
    ({ labels, name }) => labels.server_port === '80' && name.includes('requests_total'),
  )
  assert.deepEqual(
    second.map(({ value }) => value),
    [1],
  )
})

test('open requests end with their row, and what is idle stays as it was', () => {
  const open = frame(0, START, [{ backend: A, route: ROOT, times: [1], open: 2 }])
  const samples = exported([recording([open, frame(1, after(20), []), frame(2, after(40), [])])])
  const values = (wanted: string): number[] =>
    samples.filter(({ name }) => name === wanted).map(({ value }) => value)
  assert.deepEqual(values('upstreamtop_in_flight'), [2, 0, 0])
  assert.deepEqual(values('upstreamtop_requests_total'), [1, 1, 1])
})

test('where the range ends before a clock that was set back has caught up, the rest is told behind the last sample', () => {
  const samples = exported([recording([0, 15, 30, -100, -99, -98].map((second, i) => one(i, second)))])
  const counts = samples.filter(({ name }) => name === 'upstreamtop_requests_total')
  assert.deepEqual(
    counts.map(({ at, value }) => [Math.round(at! * 1000 - START / 1000), value]),
    [
      [1000, 1],
      [16_000, 2],
      [31_000, 3],
      [31_001, 6],
    ],
  )
})

test('where the clock was set back, no sample is older than the one before, and no count is lost', () => {
  const samples = exported([recording([one(0, 100), one(1, 120), one(2, 10), one(3, 11), one(4, 140)])])
  assert.deepEqual(timesOf(samples, 'upstreamtop_requests_total'), [101, 121, 141])
  assert.equal(samples.filter(({ name }) => name === 'upstreamtop_requests_total').at(-1)!.value, 5)
})

test('recordings of one host go on one after the other; of several hosts each has a label', () => {
  const first = recording([one(0, 0)])
  const second = recording([one(0, 60)])
  assert.deepEqual(
    exported([second, first])
      .filter(({ name }) => name === 'upstreamtop_requests_total')
      .map(({ value, labels }) => [value, labels.host]),
    [
      [1, undefined],
      [2, undefined],
    ],
  )
  const other = recording([one(0, 60), one(1, 61)], { info: { host: 'web2' } })
  const samples = exported([first, other])
  const hosts = samples.filter(
    ({ name }) => name === 'upstreamtop_requests_total' || name.includes('coverage'),
  )
  assert.deepEqual(
    hosts.map(({ value, labels: { host } }) => [host, value]),
    [
      ['web1', 1],
      ['web2', 2],
      ['web1', 1],
      ['web2', 1],
    ],
  )
})

test('only rows that are wanted are in the series; coverage is of all', () => {
  const other = { backend: backend('10.0.1.11:80'), route: ROOT, times: [1] }
  const tick = frame(0, START, [{ backend: A, route: ROOT, times: [1] }, other], { loss: { ambiguous: 2 } })
  const samples = exported([recording([tick])], { keeps: (row) => row.backend === A })
  assert.equal(sumOf(samples, 'upstreamtop_requests_total'), 1)
  assert.equal(sumOf(samples, 'upstreamtop_coverage_ratio'), 0.5)
})

test('a spool gives back what was put into it, key by key', () => {
  const rows = fc.array(fc.tuple(fc.nat(3), fc.array(fc.double(), { maxLength: 600 })), { maxLength: 40 })
  fc.assert(
    fc.property(rows, (all) => {
      const spool = new Spool()
      const keys = [{}, {}, {}, {}]
      for (const [key, row] of all) spool.append(keys[key]!, row)
      keys.forEach((key, i) =>
        assert.deepEqual(
          [...spool.rows(key)],
          all.filter(([of]) => of === i).map(([, row]) => row),
        ),
      )
      spool.close()
    }),
  )
})
