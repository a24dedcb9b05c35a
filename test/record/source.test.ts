import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ROUTE } from '../../src/frame/model/counters.ts'
import type { Marker, SecondFrame } from '../../src/frame/model/frame.ts'
import { readSource, type Skipped } from '../../src/record/source.ts'
import type { RequestColumns, WireLine } from '../../src/record/wire.ts'
import { backend, hello, linesOf, route, snapshot } from './wire-lines.ts'
import { GRPC, type TrafficColumns, type ConnectionColumns } from '../../src/record/rows.generated.ts'

const traffic = (
  slot: number,
  requests: number,
  answered: number,
  headerSum = '0',
  oldest = 0,
  codes: readonly number[] = answered === 0 ? [] : [200, answered],
  grpc: unknown = [],
): TrafficColumns => {
  const columns: readonly unknown[] = [
    slot,
    requests,
    answered,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    headerSum,
    answered,
    headerSum,
    oldest,
    codes,
    [],
    [],
    ...LATER.map(({ word }) =>
      String({ sent_bytes: 100 * requests, received_bytes: 1000 * answered }[word] ?? 0),
    ),
  ]
  return columns.toSpliced(GRPC, 0, grpc) as unknown as TrafficColumns
}

/** The columns added to a row since the first version of the wire. */
const LATER: readonly { readonly word: string }[] = ROUTE.filter(({ since }) => since === 'later')

test('a tick is the difference of two snapshots', async () => {
  const { frames } = await read([
    hello,
    snapshot(0),
    backend,
    route(7, '/api/orders'),
    snapshot(1, { traffic: [traffic(7, 10, 9, '900')] }),
    snapshot(2, { traffic: [traffic(7, 25, 25, '2500')] }),
  ])
  assert.deepEqual(
    frames.map(({ traffic: [row] }) => [
      row!.requests,
      row!.answered,
      row!.codes,
      row!.header.sum,
      row!.inFlight,
    ]),
    [
      [10, 9, [200, 9], 900, 1],
      [15, 16, [200, 16], 1600, 0],
    ],
  )
})

test('totals beyond 2^53 are subtracted before they become numbers', async () => {
  const { frames } = await read([
    hello,
    backend,
    route(7, '/'),
    snapshot(0, { traffic: [traffic(7, 1, 1, '9007199254740993')] }),
    snapshot(1, { traffic: [traffic(7, 2, 2, '9007199254740996')] }),
  ])
  assert.equal(frames[0]!.traffic[0]!.header.sum, 3)
})

test('a row with a request in flight is in every tick, an idle row is not', async () => {
  const { frames } = await read([
    hello,
    backend,
    route(7, '/'),
    snapshot(0),
    snapshot(1, { traffic: [traffic(7, 1, 0, '0', 500_000)] }),
    snapshot(2, { traffic: [traffic(7, 1, 0, '0', 1_500_000)] }),
    snapshot(3, { traffic: [traffic(7, 1, 1, '2000000')] }),
    snapshot(4, { traffic: [traffic(7, 1, 1, '2000000')] }),
  ])
  assert.deepEqual(
    frames.map((frame) => frame.traffic.map(({ inFlight, oldest }) => [inFlight, oldest])),
    [[[1, 500_000]], [[1, 1_500_000]], [[0, 0]], []],
  )
})

test('only changed codes are sent, in order of their first appearance, and they are sorted in the frame', async () => {
  const { frames } = await read([
    hello,
    backend,
    route(7, '/'),
    snapshot(0, { traffic: [traffic(7, 1, 1, '0', 0, [503, 1])] }),
    snapshot(1, { traffic: [traffic(7, 9, 9, '0', 0, [503, 2, 200, 4, 404, 3])] }),
    snapshot(2, { traffic: [traffic(7, 12, 12, '0', 0, [404, 5, 301, 1])] }),
    snapshot(3, { traffic: [traffic(7, 13, 13, '0', 0, [200, 5])] }),
  ])
  assert.deepEqual(
    frames.map(({ traffic: [row] }) => row!.codes),
    [
      [200, 4, 404, 3, 503, 1],
      [301, 1, 404, 2],
      [200, 1],
    ],
  )
})

test('slots of the same route are one row', async () => {
  const { frames } = await read([
    hello,
    backend,
    route(7, '/a'),
    route(8, '/a'),
    snapshot(0),
    snapshot(1, { traffic: [traffic(7, 2, 2), traffic(8, 3, 1)] }),
  ])
  assert.deepEqual(
    frames[0]!.traffic.map(({ requests, inFlight, codes }) => ({ requests, inFlight, codes })),
    [{ requests: 5, inFlight: 2, codes: [200, 3] }],
  )
})

test('a retired slot is removed, and its route may come back in another slot', async () => {
  const { frames } = await read([
    hello,
    backend,
    route(7, '/a'),
    route(8, '/a'),
    snapshot(0),
    snapshot(1, { traffic: [traffic(7, 2, 2), traffic(8, 1, 1)] }),
    { type: 'retired', id: 7 },
    snapshot(2, { traffic: [traffic(8, 4, 4)] }),
    { type: 'retired', id: 8 },
    route(9, '/a'),
    snapshot(3, { traffic: [traffic(9, 5, 5)] }),
  ])
  assert.deepEqual(
    frames.map(({ traffic: rows }) => rows.map(({ requests, route: { path } }) => [requests, path])),
    [[[3, '/a']], [[3, '/a']], [[5, '/a']]],
  )
  const { frames: after, skipped } = await read([
    hello,
    backend,
    route(7, '/a'),
    snapshot(0),
    { type: 'retired', id: 7 },
    snapshot(1, { traffic: [traffic(7, 1, 1)] }),
  ])
  assert.deepEqual([after[0]!.traffic, skipped?.rows], [[], 1])
})

const connects = (backend: number, count: number): ConnectionColumns =>
  [backend, count, 0, 0, 0, 0, '0', []] as unknown as ConnectionColumns

test('a retired backend is removed, and its address may come back with another id, also before that', async () => {
  const again = { ...backend, id: 2 } as WireLine
  const { frames, skipped } = await read([
    hello,
    backend,
    route(7, '/a'),
    snapshot(0),
    snapshot(1, { traffic: [traffic(7, 2, 2)], connections: [connects(1, 2)] }),
    again,
    { ...route(8, '/a'), backend: 2 } as WireLine,
    snapshot(2, {
      traffic: [traffic(7, 3, 3), traffic(8, 10, 10)],
      connections: [connects(1, 3), connects(2, 10)],
    }),
    { type: 'retired', id: 7 },
    { type: 'retired_backend', id: 1 },
    snapshot(3, { traffic: [traffic(8, 15, 15)], connections: [connects(2, 15)] }),
    { type: 'retired', id: 8 },
    { type: 'retired_backend', id: 2 },
    { ...backend, id: 3 } as WireLine,
    snapshot(4, { connections: [connects(3, 1)] }),
  ])
  assert.deepEqual(
    frames.map(({ traffic: rows, connections }) => [
      rows.map(({ requests, backend: { address } }) => [requests, address]),
      connections.map((row) => [row.connects, row.backend.address]),
    ]),
    [
      [[[2, '10.0.1.10:8080']], [[2, '10.0.1.10:8080']]],
      [[[11, '10.0.1.10:8080']], [[11, '10.0.1.10:8080']]],
      [[[5, '10.0.1.10:8080']], [[5, '10.0.1.10:8080']]],
      [[], [[1, '10.0.1.10:8080']]],
    ],
  )
  assert.equal(skipped, null)
})

test('open connections of an address that has two ids at once add up', async () => {
  const tlsOpen = (id: number, open: number): ConnectionColumns =>
    [...connects(id, 1), 0, 0, 1, 0, 0, 0, 0, 0, 0, '0', '0', open] as unknown as ConnectionColumns
  const { frames } = await read([
    hello,
    backend,
    { ...backend, id: 2 } as WireLine,
    snapshot(0),
    snapshot(1, { connections: [tlsOpen(1, 3), tlsOpen(2, 4)] }),
  ])
  assert.deepEqual(
    frames[0]!.connections.map(({ connects, tlsOpen }) => [connects, tlsOpen]),
    [[2, 7]],
  )
})

test('a backend with route slots, or an unknown one, is not retired', async () => {
  const { frames, skipped } = await read([
    hello,
    backend,
    route(7, '/a'),
    snapshot(0),
    { type: 'retired_backend', id: 1 },
    { type: 'retired_backend', id: 9 },
    snapshot(1, { traffic: [traffic(7, 2, 2)] }),
  ])
  assert.deepEqual([frames[0]!.traffic[0]!.requests, skipped?.lines], [2, 2])
})

test('a recorder that runs for months keeps nothing of 200,000 retired backends', async () => {
  const generations = Array.from({ length: 200_000 }, (_, i): WireLine[] => [
    { type: 'backend', id: i + 1, address: `10.1.${i >> 8}.${i & 255}:${'8'.repeat(400)}`, netns: 1 },
    { type: 'route', id: i, backend: i + 1, method: 'GET', path: '/' },
    { type: 'retired', id: i },
    { type: 'retired_backend', id: i + 1 },
  ])
  const { skipped } = await read([hello, snapshot(0), ...generations.flat(), snapshot(1)])
  assert.equal(skipped, null)
})

test('a backend that was retired behind a snapshot with an impossible time is counted in the next tick', async () => {
  const lie = { ...snapshot(2, { connections: [connects(1, 5)] }), mono_ns: '0' } as WireLine
  const { frames } = await read([
    hello,
    backend,
    snapshot(0),
    snapshot(1, { connections: [connects(1, 3)] }),
    lie,
    { type: 'retired_backend', id: 1 },
    snapshot(3),
    snapshot(4),
  ])
  assert.deepEqual(
    frames.map(({ connections }) => connections.map((row) => row.connects)),
    [[3], [2], []],
  )
})

test('the sum of all frames is the last total minus the first, also after late ticks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(100), { minLength: 2, maxLength: 12 }), async (steps) => {
      let total = 0
      const lines = steps.map((step, second) => {
        total += step
        return snapshot(second * 2, { traffic: [traffic(7, total, total, String(total * 100))] })
      })
      const { frames } = await read([hello, backend, route(7, '/'), ...lines])
      const sum = frames
        .flatMap((frame) => frame.traffic)
        .reduce((requests, row) => requests + row.requests, 0)
      assert.equal(sum, total - steps[0]!)
    }),
  )
})

test('an incomplete last line loses nothing before it', async () => {
  const { frames } = await read([hello, snapshot(0), snapshot(1)], '{"type":"snapsho')
  assert.equal(frames.length, 1)
})

test('a step of the wall clock becomes a marker, and the tick keeps its length', async () => {
  const { frames, markers } = await read([
    hello,
    snapshot(0),
    { ...snapshot(1), wall_us: snapshot(0).wall_us + 3_601_000_000 },
  ])
  assert.equal(frames[0]!.length, 1_000_000)
  assert.deepEqual(
    markers.map(({ kind, text }) => [kind, text]),
    [['clock_step', 'clock stepped by 3600.0 s']],
  )
})

test('a suspend becomes a marker and a gap before the next tick', async () => {
  const asleep = { wall_us: snapshot(61).wall_us, boot_ns: snapshot(61).mono_ns }
  const awake = { ...snapshot(2), wall_us: snapshot(62).wall_us, boot_ns: snapshot(62).mono_ns }
  const { frames, markers } = await read([hello, snapshot(0), { ...snapshot(1), ...asleep }, awake])
  assert.deepEqual(
    frames.map(({ gapBefore }) => gapBefore),
    [null, 'suspend'],
  )
  assert.deepEqual(
    markers.map(({ kind }) => kind),
    ['suspend'],
  )
})

test('columns that an older helper does not send are unknown, not 0', async () => {
  const lines = (width: number): WireLine[] => {
    const second = (n: number): WireLine =>
      snapshot(n, { traffic: [traffic(7, 10 * n, 9 * n).slice(0, width) as unknown as TrafficColumns] })
    return [hello, snapshot(0), backend, route(7, '/a'), second(1), second(2)]
  }
  const bytes = async (width: number): Promise<readonly unknown[]> => {
    const { frames, skipped } = await read(lines(width))
    assert.equal(skipped, null)
    return frames.map(({ traffic: [row] }) => [row!.requests, row!.sentBytes, row!.receivedBytes])
  }
  assert.deepEqual(await bytes(20), [
    [10, 1000, 9000],
    [10, 1000, 9000],
  ])
  assert.deepEqual(await bytes(19), [
    [10, 1000, null],
    [10, 1000, null],
  ])
  assert.deepEqual(await bytes(18), [
    [10, null, null],
    [10, null, null],
  ])
  // columns of another program at this position are ignored, and the row is kept
  const foreign = await read([
    hello,
    snapshot(0),
    backend,
    route(7, '/a'),
    snapshot(1, { traffic: [[...traffic(7, 10, 9).slice(0, 18), [1], 'x'] as unknown as TrafficColumns] }),
  ])
  assert.equal(foreign.skipped, null)
  assert.deepEqual(
    foreign.frames.map(({ traffic: [row] }) => [row!.requests, row!.sentBytes, row!.receivedBytes]),
    [[10, null, null]],
  )
})

/** [grpc of the row in each tick] of a route that sends these columns, one a tick. */
async function grpcOf(columns: readonly unknown[]): Promise<readonly unknown[]> {
  const seconds = columns.map((grpc, i) => {
    const row = traffic(7, 10 * (i + 1), 9 * (i + 1), '0', 0, undefined, grpc)
    return snapshot(i + 1, {
      traffic: [grpc === ABSENT ? (row.slice(0, GRPC) as unknown as TrafficColumns) : row],
    })
  })
  const { frames, skipped } = await read([hello, snapshot(0), backend, route(7, '/a'), ...seconds])
  assert.equal(skipped, null)
  assert.equal(frames.length, columns.length)
  return frames.map(({ traffic: [row] }) => row!.grpc)
}

const ABSENT = Symbol('an older helper')

test('gRPC statuses of a tick are the difference of their totals, which come only when they changed', async () => {
  assert.equal(GRPC, 21)
  assert.deepEqual(await grpcOf([[14, 2, 0, 5], [0, 9], [], [999, 1, 14, 3, 990, 4]]), [
    [0, 5, 14, 2],
    [0, 4],
    [],
    [14, 1, 990, 4, 999, 1],
  ])
})

test('gRPC statuses that a helper does not send are unknown; later the totals are complete', async () => {
  assert.deepEqual(await grpcOf([ABSENT, ABSENT]), [null, null])
  assert.deepEqual(await grpcOf([[0, 5], ABSENT, [0, 9]]), [[0, 5], null, [0, 4]])
})

test('a column that holds no gRPC statuses makes them unknown, and the row is kept', async () => {
  const odd = [null, 5, '0', {}, [0], [0, 1, 0, 2], [1000, 1], [-1, 1], [0, -1], [0, 1.5], ['0', 1]]
  assert.deepEqual(
    await grpcOf(odd),
    odd.map(() => null),
  )
})

test('a row whose gRPC totals fall is skipped', async () => {
  const second = (n: number, grpc: readonly number[]): WireLine =>
    snapshot(n, { traffic: [traffic(7, 10 * n, 9 * n, '0', 0, undefined, grpc)] })
  const { frames, skipped } = await read([
    ...[hello, snapshot(0), backend, route(7, '/a')],
    ...[second(1, [0, 5]), second(2, [0, 4]), second(3, [0, 7])],
  ])
  assert.deepEqual(
    frames.map(({ traffic: rows }) => rows.map(({ requests, grpc }) => [requests, grpc])),
    [[[10, [0, 5]]], [], [[20, [0, 2]]]],
  )
  assert.ok(skipped !== null)
})

/** Columns that a later helper may add: a count, a long total, a list, and null. */
const MORE = [5, '18446744073709551615', [200, 1], null]

test('additional columns at the end of rows are ignored', async () => {
  const lines = (more: readonly unknown[]): WireLine[] => {
    const longer = <T>(row: T): T => [...(row as readonly unknown[]), ...more] as T
    const second = (n: number): WireLine =>
      snapshot(n, {
        traffic: [longer(traffic(7, 10 * n, 9 * n, '900'))],
        connections: [
          longer<ConnectionColumns>([
            1,
            3 * n,
            n,
            0,
            0,
            0,
            '500',
            [2, 100, 300, 40, 2],
            ...([0, 0, 0, 0, 0, 0, 0, 0, 0] as const),
            '0',
            '0',
            ...([0, 0, 0, 0, 0, 0, 0] as const),
            ...([0, 0, 0] as const),
          ]),
        ],
        requests: [longer<RequestColumns>([7, 1_763_800_000_000_000, 200, 90, 95])],
      })
    return [hello, snapshot(0), backend, route(7, '/a'), second(1), second(2)]
  }
  const { frames, skipped } = await read(lines(MORE))
  assert.equal(skipped, null)
  assert.deepEqual(
    frames.map(({ traffic: rows, connections, requests }) => [
      rows[0]?.requests,
      connections[0]?.connects,
      requests.length,
    ]),
    [
      [10, 3, 1],
      [10, 3, 1],
    ],
  )
  assert.deepEqual(frames, (await read(lines([]))).frames)
})

test('a helper of another wire version is refused', async () => {
  await assert.rejects(read([{ ...hello, wire: 2 } as WireLine]), { name: 'UserError', exitCode: 4 })
})

test('a remark of the helper is a note at the last tick; more than a few are skipped and counted', async () => {
  const remark: WireLine = { type: 'remark', text: 'names stay as they were' }
  const few = await read([hello, snapshot(0), snapshot(1), remark, snapshot(2)])
  assert.deepEqual(few.markers, [{ at: few.markers[0]!.at, kind: 'note', text: 'names stay as they were' }])
  assert.equal(few.skipped, null)
  const many = await read([hello, snapshot(0), ...Array<WireLine>(120).fill(remark), snapshot(1)])
  assert.deepEqual([many.markers.length, many.skipped?.lines, many.frames.length], [100, 20, 1])
})

async function read(messages: readonly WireLine[], torn = ''): Promise<Read> {
  const frames: SecondFrame[] = []
  const markers: Marker[] = []
  let skipped: Skipped | null = null
  for await (const event of readSource(linesOf(messages, torn))) {
    if (event.kind === 'frame') frames.push(event.frame)
    if (event.kind === 'marker') markers.push(event.marker)
    if (event.kind === 'skipped') skipped = event.skipped
  }
  return { frames, markers, skipped }
}

interface Read {
  readonly frames: readonly SecondFrame[]
  readonly markers: readonly Marker[]
  readonly skipped: Skipped | null
}
