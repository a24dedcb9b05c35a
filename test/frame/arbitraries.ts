/** Random frames for property tests: consistent, with any values that the kernel side can send. */
import fc from 'fast-check'
import { CONNECTION, ROUTE_FAILURES, ROUTE_PLAIN } from '../../src/frame/model/counters.ts'
import type {
  Backend,
  ConnectionRow,
  Distribution,
  Route,
  SecondFrame,
  TrafficRow,
  Wire,
  WireRow,
} from '../../src/frame/model/frame.ts'
import { GRPC_NONE } from '../../src/frame/model/grpc.ts'
import { bucketOf } from '../../src/frame/model/histogram.ts'
import { micros, monotonicNanos, wallMicros } from '../../src/frame/model/units.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../../src/frame/model/counters.generated.ts'
import { counterValues } from './counter-values.ts'

/** One address has three lists of names, one after another. */
export const BACKENDS: readonly Backend[] = [
  { address: '10.0.1.10:8080', names: null },
  { address: '10.0.1.12:8080', names: [] },
  { address: '[fd00::1]:80', names: null },
  { address: '10.0.1.10:8080', names: ['api'] },
  { address: '10.0.1.10:8080', names: ['api', 'web'] },
].map((backend, index) => ({ id: index + 1, netns: 1, ...backend }))

export const ROUTES: readonly Route[] = [
  ['GET', '/api/orders'],
  ['POST', '/checkout'],
  ['GET', '/'],
  ['PURGE', '/\u001b[2J'],
].map(([method, path], index) => ({ id: index + 1, method: method!, path: path! }))

const count = fc.nat(50)

export const distribution: fc.Arbitrary<Distribution> = fc
  .array(fc.integer({ min: 0, max: 3_600_000_000 }), { maxLength: 20 })
  .map((values) => {
    const counts = new Map<number, number>()
    for (const value of values)
      counts.set(bucketOf(micros(value)), (counts.get(bucketOf(micros(value))) ?? 0) + 1)
    return {
      count: values.length,
      sum: micros(values.reduce((a, b) => a + b, 0)),
      sampled: values.length,
      min: values.length === 0 ? null : micros(Math.min(...values)),
      max: values.length === 0 ? null : micros(Math.max(...values)),
      buckets: [...counts].sort(([a], [b]) => a - b).flat(),
    }
  })

const codes = fc
  .uniqueArray(
    fc.tuple(fc.constantFrom(101, 200, 204, 302, 404, 500, 503), fc.integer({ min: 1, max: 50 })),
    {
      selector: ([code]) => code,
    },
  )
  .map((pairs) => pairs.sort(([a], [b]) => a - b).flat())

/** null: the recording cannot know. */
const grpc = fc.oneof(
  fc.constant(null),
  fc.constant([]),
  fc
    .uniqueArray(
      fc.tuple(fc.constantFrom(0, 2, 4, 14, 16, 42, 990, GRPC_NONE), fc.integer({ min: 1, max: 50 })),
      {
        selector: ([status]) => status,
      },
    )
    .map((pairs) => pairs.sort(([a], [b]) => a - b).flat()),
)

const trafficRow = (backend: Backend, route: Route): fc.Arbitrary<TrafficRow> =>
  fc
    .record({
      counters: counterValues(ROUTE_PLAIN, count),
      codes,
      grpc,
      failures: counterValues(ROUTE_FAILURES, count),
      inFlight: count,
      oldest: fc.nat(10_000_000).map(micros),
      header: distribution,
      total: distribution,
    })
    .map(({ counters, ...row }) => ({
      ...counters,
      ...row,
      backend,
      route,
      answered: row.codes.reduce((sum, value, index) => (index % 2 === 0 ? sum : sum + value), 0),
      oldest: row.inFlight === 0 ? micros(0) : row.oldest,
    }))

const connectionRow = (backend: Backend): fc.Arbitrary<ConnectionRow> =>
  fc
    .record({ counters: counterValues(CONNECTION, count), connect: distribution })
    .map(({ counters, connect }) => ({ ...counters, backend, connect }))

export const WIRES: readonly Wire[] = ['10.0.2.5:8080', '10.0.2.6:8080', '10.0.1.10:8080'].map(
  (address, index) => ({ id: index + 1, address }),
)

/** null: the helper does not tell. */
const wires: fc.Arbitrary<WireRow[] | null> = fc.option(
  fc
    .subarray(BACKENDS.flatMap((backend) => WIRES.map((wire) => ({ backend, wire }))))
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map((names) =>
          fc
            .record({ connects: count, requests: count, failures: count })
            .map((counts) => ({ ...names, ...counts })),
        ),
      ),
    ),
  { freq: 20 },
)

const pairs = BACKENDS.flatMap((backend) => ROUTES.map((route) => ({ backend, route })))

const rows = {
  traffic: fc
    .subarray(pairs)
    .chain((chosen) => fc.tuple(...chosen.map(({ backend, route }) => trafficRow(backend, route)))),
  wires,
  connections: fc.subarray([...BACKENDS]).chain((chosen) => fc.tuple(...chosen.map(connectionRow))),
}

/** One after the other without gaps; lengths from 0.5 s to 7 s. */
export const frames = (range: {
  readonly minLength: number
  readonly maxLength: number
}): fc.Arbitrary<SecondFrame[]> =>
  fc
    .array(
      fc.record({ ...rows, length: fc.integer({ min: 500_000, max: 7_000_000 }), dropped: fc.nat(3) }),
      range,
    )
    .map((parts) => {
      let start = 1_763_800_000_000_000
      return parts.map(({ length, dropped, ...part }, seq) => {
        const frame: SecondFrame = {
          ...part,
          seq,
          start: wallMicros(start),
          mono: monotonicNanos(BigInt(start) * 1000n),
          length: micros(length),
          requests: [],
          loss: { ...NO_LOSS, ringDropped: dropped },
          excluded: NO_EXCLUDED,
          control: NO_CONTROL,
          cost: { cpu: micros(0), rssBytes: 0, commit: micros(0) },
          gapBefore: null,
          final: seq === parts.length - 1,
        }
        start += length
        return frame
      })
    })
