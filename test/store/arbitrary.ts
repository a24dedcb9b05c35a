/** Frames of every shape that the model allows, for property tests of the store. */
import fc from 'fast-check'
import {
  CONNECTION,
  CONTROL,
  EXCLUDED,
  LOSS,
  ROUTE_FAILURES,
  ROUTE_PLAIN,
} from '../../src/frame/model/counters.ts'
import type {
  Backend,
  Codes,
  Counts,
  Distribution,
  RequestEvent,
  Route,
  SecondFrame,
  Wire,
} from '../../src/frame/model/frame.ts'
import { FAILURE_KINDS } from '../../src/frame/model/frame.ts'
import { BUCKETS } from '../../src/frame/model/histogram.ts'
import { micros, monotonicNanos, wallMicros, type Micros } from '../../src/frame/model/units.ts'
import { counterValues } from '../frame/counter-values.ts'

/** Records with Object.prototype, like literals: deepEqual compares prototypes. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true })

const START = 1_763_820_000_000_000

const backends: readonly Backend[] = [
  { id: 7, address: '10.0.1.10:8080', netns: 4026531840, names: null },
  { id: 1, address: '[fd00::1]:8080', netns: 4026531840, names: ['pool \u0000\u001b[2J'] },
  { id: 3, address: '10.0.1.10:8080', netns: 4026532001, names: [] },
]
const routes: readonly Route[] = [
  { id: 900, method: 'GET', path: '/' },
  { id: 2, method: 'PROPFIND', path: '/a b/\u0007\\xff…' },
  { id: 5, method: '*', path: 'OTHER' },
  { id: 6, method: 'GET', path: '/ünïcode/😀' },
]

const wires: readonly Wire[] = [
  { id: 4100, address: '10.0.2.5:8080' },
  { id: 4, address: '[fd00::2]:8080' },
  { id: 9, address: '10.0.1.10:8080' },
]

const count = fc.oneof(
  fc.constant(0),
  fc.nat(200),
  fc.nat(2 ** 31),
  fc.nat(2 ** 31).map((value) => value * 4096),
)
const small = fc.oneof(fc.constant(0), fc.nat(300), fc.nat(100_000))
const span: fc.Arbitrary<Micros> = fc.oneof(fc.constant(0), fc.nat(3_600_000_000)).map(micros)

const sparse = (least: number, most: number): fc.Arbitrary<Codes> =>
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: 1, max: 100_000 })), {
      selector: ([key]) => key,
      maxLength: 12,
    })
    .map((pairs) => pairs.sort(([a], [b]) => a - b).flat())

const codes = fc.oneof(fc.constant<Codes>([]), fc.constant<Codes>([200, 5]), sparse(1, 999))

/** null: unknown. */
const grpc = fc.oneof(fc.constant(null), fc.constant<Codes>([]), sparse(0, 16), sparse(0, 999))

/** Without events from the ring there is no histogram, though the counters may be positive. */
const distribution: fc.Arbitrary<Distribution> = fc.oneof(
  fc.constant({ count: 0, sum: micros(0), sampled: 0, min: null, max: null, buckets: [] }),
  record({
    count: fc.integer({ min: 1, max: 9 }),
    sum: span,
    sampled: fc.constant(0),
    min: fc.constant(null),
    max: fc.constant(null),
    buckets: fc.constant([]),
  }),
  record({
    count: small,
    sum: span,
    sampled: fc.integer({ min: 1, max: 1000 }),
    min: span,
    max: span,
    buckets: sparse(0, BUCKETS - 1),
  }),
)

const counts: fc.Arbitrary<Counts> = record({
  counters: counterValues(ROUTE_PLAIN, small),
  codes,
  grpc,
  failures: counterValues(ROUTE_FAILURES, small),
  inFlight: small,
  oldest: span,
  header: distribution,
  total: distribution,
}).map(({ counters, ...rest }) => ({ ...counters, ...rest }))

const pairs = backends.flatMap((backend) => routes.map((route) => ({ backend, route })))
const pair = fc.constantFrom(...pairs)

const request: fc.Arbitrary<RequestEvent> = record({
  pair,
  at: fc.integer({ min: -5_000_000, max: 2_000_000 }),
  outcome: fc.oneof(fc.integer({ min: 0, max: 999 }), fc.constantFrom(...FAILURE_KINDS)),
  header: fc.option(span),
  total: fc.option(span),
}).map(({ pair: names, at, ...rest }) => ({ ...names, at: wallMicros(START + at), ...rest }))

const frame = record({
  length: fc
    .oneof(fc.integer({ min: 990_000, max: 1_010_000 }), fc.integer({ min: 1, max: 9_000_000 }))
    .map(micros),
  traffic: fc
    .uniqueArray(fc.tuple(pair, counts), { selector: ([names]) => names, maxLength: 8 })
    .map((rows) => rows.map(([names, row]) => ({ ...names, ...row }))),
  connections: fc.uniqueArray(
    record({
      backend: fc.constantFrom(...backends),
      counters: counterValues(CONNECTION, small),
      connect: distribution,
    }).map(({ counters, ...rest }) => ({ ...counters, ...rest })),
    { selector: ({ backend }) => backend, maxLength: 3 },
  ),
  wires: fc.option(
    fc.uniqueArray(
      record({
        backend: fc.constantFrom(...backends),
        wire: fc.constantFrom(...wires),
        connects: small,
        requests: small,
        failures: small,
      }),
      { selector: ({ backend, wire }) => `${backend.id} ${wire.id}`, maxLength: 5 },
    ),
  ),
  requests: fc.array(request, { maxLength: 10 }),
  loss: counterValues(LOSS, count),
  excluded: counterValues(EXCLUDED, count),
  control: counterValues(CONTROL, count),
  cost: record({ cpu: span, rssBytes: count, commit: span }),
  gapBefore: fc.option(fc.constantFrom('late', 'stopped', 'disk_full', 'suspend', 'damaged' as const)),
  final: fc.boolean(),
})

/** Consecutive ticks from one start; the monotonic clock passes 2^53 ns. */
export const frames: fc.Arbitrary<SecondFrame[]> = fc
  .array(frame, { minLength: 1, maxLength: 130 })
  .map((list) => {
    let at = START
    return list.map((rest, seq) => {
      const start = at
      at += rest.length
      return {
        ...rest,
        seq,
        start: wallMicros(start),
        mono: monotonicNanos(2n ** 60n + BigInt(start) * 1000n),
      }
    })
  })
