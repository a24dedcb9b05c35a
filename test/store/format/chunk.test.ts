import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { FAILURE_KINDS, type RequestEvent } from '../../../src/frame/model/frame.ts'
import { micros, wallMicros } from '../../../src/frame/model/units.ts'
import { BitReader, BitWriter } from '../../../src/store/format/bits.ts'
import { packRequests, unpackRequests } from '../../../src/store/format/chunk.ts'
import { CorruptRow } from '../../../src/store/sqlite/corrupt-row.ts'
import { frames } from '../arbitrary.ts'

const backend = { id: 1, address: '10.0.1.10:8080', netns: 1, names: null }
const route = { id: 1, method: 'GET', path: '/' }
const names = { backend: () => backend, route: () => route }

const whole = fc.oneof(fc.nat(3), fc.nat(5000), fc.nat(2 ** 31 - 1), fc.maxSafeNat())

test('bit columns return the values written into them, whatever their size', () => {
  fc.assert(
    fc.property(
      fc.array(whole, { maxLength: 40 }),
      fc.array(fc.oneof(fc.integer(), fc.nat(9)), { maxLength: 40 }),
      fc.array(whole, { maxLength: 40 }),
      (first, signed, last) => {
        const writer = new BitWriter()
        writer.column(first)
        writer.signed(signed)
        writer.column(last)
        const reader = new BitReader(writer.take(0).subarray(1))
        assert.deepEqual(reader.column(first.length), first)
        assert.deepEqual(reader.signed(signed.length), signed)
        assert.deepEqual(reader.column(last.length), last)
      },
    ),
    { numRuns: 500 },
  )
})

test('a chunk returns its requests in order', () => {
  fc.assert(
    fc.property(frames, (list) => {
      for (const { requests, start } of list) {
        const known = requests.flatMap((event) => [event.backend, event.route])
        const packed = packRequests(requests, start, {
          backend: (value) => known.indexOf(value),
          route: (value) => known.indexOf(value),
        })
        const unpacked = unpackRequests(packed, requests.length, start, {
          backend: (id) => requests.map((event) => event.backend).find((value) => known[id] === value)!,
          route: (id) => requests.map((event) => event.route).find((value) => known[id] === value)!,
        })
        assert.deepEqual(unpacked, requests)
      }
    }),
    { numRuns: 50 },
  )
})

test('every status code and failure returns as it was', () => {
  const outcomes = [...FAILURE_KINDS, ...Array.from({ length: 1000 }, (_, code) => code)]
  const start = wallMicros(1_795_356_000_000_000)
  for (const outcome of outcomes) {
    const event: RequestEvent = { backend, route, at: start, outcome, header: micros(5), total: null }
    const packed = packRequests([event], start, { backend: () => 1, route: () => 1 })
    assert.deepEqual(unpackRequests(packed, 1, start, names), [event])
  }
})

/** Requests of many pairs, orders and sizes. Integer arithmetic only: the same on every machine. */
function* manyKinds(n: number, pairs: number, spread: number): Generator<RequestEvent> {
  let state = 1
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
  let at = 1_795_356_000_000_000
  for (let i = 0; i < n; i++) {
    at += below(spread) - (below(50) === 0 ? spread : 0)
    const failed = below(20) === 0
    const header =
      failed || below(30) === 0 ? null : micros(below(100) === 0 ? 3_600_000_000 : below(spread * 9))
    const total = below(40) === 0 ? null : micros(Math.max(0, (header ?? 0) + below(spread) - below(9)))
    const [b, r] = [below(7) === 0 ? 2048 + below(pairs) : below(9), below(pairs)]
    yield {
      backend: { ...backend, id: b },
      route: { ...route, id: r },
      at: wallMicros(at),
      outcome: failed ? FAILURE_KINDS[below(4)]! : [200, 200, 204, 404, 502, 101][below(6)]!,
      header,
      total,
    }
  }
}

test('the bytes of a chunk equal those of the first recorder with this layout', () => {
  const digests = [
    [0, 1, 1],
    [1, 1, 1],
    [3, 2, 1_000_000],
    [199, 3, 10],
    [1000, 40, 2000],
    [1000, 900, 30_000],
    [5000, 65_000, 200_000_000],
  ].map(([n = 0, pairs = 1, spread = 1]) => {
    const ids = { backend: (value: { id: number }) => value.id, route: (value: { id: number }) => value.id }
    const packed = packRequests([...manyKinds(n, pairs, spread)], wallMicros(1_795_356_000_000_000), ids)
    return `${packed.length} ${createHash('sha256').update(packed).digest('hex').slice(0, 16)}`
  })
  assert.deepEqual(digests, [
    '2 d4ea3fc5537ce615',
    '13 ab5baa901248b3ef',
    '45 44e834f2820815cf',
    '749 c5f40ccfc7252bff',
    '7678 b4afe9c48473fb26',
    '9615 8832d4cb596082ef',
    '75832 e4d320ef1c01fbab',
  ])
})

test('the layouts of early recordings can be read: plain and deflated', () => {
  // pair 0 (backend 5, route 6) twice; outcomes 200 and reset; start times; header 10 and none; total 12 and 7
  const columns = Buffer.from([0, 5, 6, 0, 104, 0, 200, 1, 3, 11, 0, 5, 15])
  const expected = [
    { backend, route, at: wallMicros(1100), outcome: 200, header: micros(10), total: micros(12) },
    { backend, route, at: wallMicros(1098), outcome: 'reset', header: null, total: micros(7) },
  ]
  for (const packed of [
    Buffer.concat([Buffer.of(1), columns]),
    Buffer.concat([Buffer.of(2), deflateRawSync(columns)]),
  ]) {
    assert.deepEqual(unpackRequests(packed, 2, wallMicros(1000), names), expected)
  }
})

test('a chunk with another number of requests than its row is damaged', () => {
  const at = wallMicros(5)
  const event = { backend, route, at, outcome: 200, header: micros(3), total: micros(4) }
  const packed = packRequests([event, event, event], at, { backend: () => 1, route: () => 1 })
  assert.equal(unpackRequests(packed, 3, at, names).length, 3)
  for (const n of [0, 2, 4, 2 ** 40]) assert.throws(() => unpackRequests(packed, n, at, names), CorruptRow)
  const plain = Buffer.from([1, 0, 5, 6, 104, 2, 11, 5])
  assert.equal(unpackRequests(plain, 1, at, names).length, 1)
  for (const n of [0, 2, 2 ** 40]) assert.throws(() => unpackRequests(plain, n, at, names), CorruptRow)
})

test('a truncated or changed chunk is read or refused as corrupt, with no other error', () => {
  const at = wallMicros(1_000_000)
  const events = Array.from({ length: 30 }, (_, i) => ({
    backend,
    route,
    at: wallMicros(at + i * 977),
    outcome: i % 7 === 0 ? ('reset' as const) : 200,
    header: i % 7 === 0 ? null : micros(1000 + i * 31),
    total: micros(2000 + i * 37),
  }))
  const packed = packRequests(events, at, { backend: () => 1, route: () => 1 })
  const readOr = (bytes: Buffer): void => {
    try {
      unpackRequests(bytes, events.length, at, names)
    } catch (error) {
      assert.ok(error instanceof CorruptRow, String(error))
    }
  }
  for (let length = 0; length < packed.length; length++) readOr(packed.subarray(0, length))
  for (let i = 0; i < packed.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(packed)
      flipped[i] = flipped[i]! ^ (1 << bit)
      readOr(flipped)
    }
  }
})
