/** A small recording with several incidents, made from constants: the example for tests of the screen. */
import type {
  Backend,
  Codes,
  ConnectionRow,
  Distribution,
  RequestEvent,
  Route,
  SecondFrame,
  TrafficRow,
} from '../../src/frame/model/frame.ts'
import { BOARD_DEFAULTS } from '../../src/frame/views/leaderboard.ts'
import { bucketOf } from '../../src/frame/model/histogram.ts'
import {
  addMicros,
  micros,
  monotonicNanos,
  wallMicros,
  type WallMicros,
} from '../../src/frame/model/units.ts'
import { MemoryRecording, type MemoryInfo } from '../../src/replay/data/memory.ts'
import type { PlayOptions } from '../../src/replay/player/options.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../src/frame/model/nothing.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_FAILURES, NO_LOSS } from '../../src/frame/model/counters.generated.ts'

/** 2026-11-22T14:30:00Z */
export const START = wallMicros(Date.UTC(2026, 10, 22, 14, 30) * 1000)

const backend = (id: number, address: string): Backend => ({ id, address, netns: 1, names: null })
export const BACKENDS = {
  orders: backend(1, '10.0.1.10:8080'),
  users: backend(2, '10.0.1.11:8080'),
  checkout: backend(3, '10.0.1.12:8080'),
  six: backend(4, '[fd00::1]:8080'),
  tls: backend(5, '10.0.1.20:8443'),
} as const

const route = (id: number, method: string, path: string): Route => ({ id, method, path })
export const ROUTES = {
  orders: route(1, 'GET', '/api/orders'),
  order: route(2, 'GET', '/api/orders/:id'),
  health: route(3, 'GET', '/healthz'),
  users: route(4, 'GET', '/api/users'),
  checkout: route(5, 'POST', '/checkout'),
  hostile: route(6, 'GET', '/\u001b[2J\u202eevil\u200b'),
  wide: route(7, 'GET', '/商品/一覧/😀'),
} as const

export interface Share {
  readonly backend: Backend
  readonly route: Route
  /** requests in the tick */
  readonly requests: number
  readonly headerMs: number
  readonly fivexx?: number
  readonly resets?: number
  readonly inFlight?: number
  readonly oldestMs?: number
}

/** A frame from the few numbers that matter to a test. */
export function frameOf(
  seq: number,
  start: WallMicros,
  shares: readonly Share[],
  more: Partial<SecondFrame> = {},
): SecondFrame {
  return {
    seq,
    start,
    mono: monotonicNanos(BigInt(seq) * 1_000_000_000n),
    length: micros(1_000_000),
    traffic: shares.map(trafficRow),
    connections: [],
    wires: [],
    requests: shares.flatMap((share) => eventsOf(share, start)),
    loss: NO_LOSS,
    excluded: NO_EXCLUDED,
    control: NO_CONTROL,
    cost: { cpu: micros(0), rssBytes: 0, commit: micros(0) },
    gapBefore: null,
    final: false,
    ...more,
  }
}

export const opaqueRow = (to: Backend, flows: number): ConnectionRow => ({
  ...NO_CONNECTIONS,
  backend: to,
  opaque: flows,
})

function trafficRow({
  requests,
  headerMs,
  fivexx = 0,
  resets = 0,
  inFlight = 0,
  oldestMs = 0,
  ...of
}: Share): TrafficRow {
  const answered = requests - resets
  const header = distribution(answered, headerMs)
  return {
    ...NO_COUNTS,
    backend: of.backend,
    route: of.route,
    requests,
    answered,
    codes: codesOf(answered - fivexx, fivexx),
    failures: { ...NO_FAILURES, reset: resets },
    inFlight,
    sentBytes: requests * 400,
    receivedBytes: answered * 5000,
    oldest: micros(oldestMs * 1000),
    header,
    total: header,
  }
}

const codesOf = (ok: number, fivexx: number): Codes => [
  ...(ok > 0 ? [200, ok] : []),
  ...(fivexx > 0 ? [503, fivexx] : []),
]

/** One in ten at three times the mean, the others at the mean. */
function distribution(count: number, meanMs: number): Distribution {
  if (count === 0) return { count: 0, sum: micros(0), sampled: 0, min: null, max: null, buckets: [] }
  const slow = Math.floor(count / 10)
  const [low, high] = [micros(Math.round(meanMs * 1000)), micros(Math.round(meanMs * 3000))]
  const buckets = [bucketOf(low), count - slow, ...(slow > 0 ? [bucketOf(high), slow] : [])]
  return {
    count,
    sum: micros((count - slow) * low + slow * high),
    sampled: count,
    min: low,
    max: slow > 0 ? high : low,
    buckets,
  }
}

function eventsOf(
  { backend: to, route: of, requests, headerMs, fivexx = 0, resets = 0 }: Share,
  start: WallMicros,
): RequestEvent[] {
  return Array.from({ length: Math.min(requests, 6) }, (_, i): RequestEvent => {
    const at = addMicros(start, 20_000 + i * 150_000 + to.id * 7_000 + of.id * 900)
    if (i < resets) return { backend: to, route: of, at, outcome: 'reset', header: null, total: null }
    const time = micros(Math.round(headerMs * 1000 * (1 + i / 4)))
    return {
      backend: to,
      route: of,
      at,
      outcome: i < resets + fivexx ? 503 : 200,
      header: time,
      total: micros(time * 1.2),
    }
  })
}

export const EXAMPLE_INFO: MemoryInfo = {
  file: 'incident.db',
  host: 'web1',
  timeZone: 'Europe/Berlin',
  tool: 'upstreamtop 0.1.0',
  format: 2,
  kernel: '6.18.0',
  arguments: [],
  interfaces: ['eth0'],
  complete: true,
}

/**
 * Three minutes of quiet traffic, with: at 55 s a marker `deploy 1.4`; at 60 s 5xx of checkout for 10 s; at 100 s slow orders
 * for 15 s; at 130 s a gap of 8 s; from 150 s on no requests to the users backend.
 */
export function exampleRecording(recording = new MemoryRecording(EXAMPLE_INFO)): MemoryRecording {
  for (let second = 0, seq = 1; second < 180; second++) {
    if (second >= 130 && second < 138) continue
    recording.append(exampleFrame(seq++, second))
  }
  recording.mark({ at: addMicros(START, 55_000_000), kind: 'deploy', text: 'deploy 1.4' })
  return recording
}

const LONG_NAMES = new Map<Backend, readonly string[]>([
  [BACKENDS.orders, ['storefront-api-production']],
  [BACKENDS.users, ['storefront-api-production']],
  [BACKENDS.checkout, ['checkout', 'legacy-checkout.example.com', 'payments_internal_gateway']],
  [BACKENDS.six, ['画像配信サーバー']],
  [BACKENDS.tls, []],
])

/** The same with names: two servers of one upstream, one server of three, wide characters. */
export function namedRecording(): MemoryRecording {
  const example = exampleRecording()
  const recording = new MemoryRecording(EXAMPLE_INFO)
  const named = <T extends { readonly backend: Backend }>(row: T): T => ({
    ...row,
    backend: { ...row.backend, names: LONG_NAMES.get(row.backend) ?? null },
  })
  for (const { seq } of example.ticks) {
    const { traffic, connections, requests, ...rest } = example.frame(seq)!
    recording.append({
      ...rest,
      traffic: traffic.map(named),
      connections: connections.map(named),
      requests: requests.map(named),
    })
  }
  return recording
}

function exampleFrame(seq: number, second: number): SecondFrame {
  const wave = Math.round(6 * Math.sin(second / 7))
  const burst = second >= 60 && second < 70
  const slow = second >= 100 && second < 115
  const { orders, users, checkout, six, tls } = BACKENDS
  const shares: Share[] = [
    {
      backend: orders,
      route: ROUTES.orders,
      requests: 60 + wave,
      headerMs: slow ? 40 : 2,
      inFlight: slow ? 7 : 0,
      oldestMs: slow ? 1400 : 0,
    },
    { backend: orders, route: ROUTES.order, requests: 14, headerMs: slow ? 60 : 3 },
    { backend: orders, route: ROUTES.health, requests: 30, headerMs: 1 },
    ...(second < 150 ? [{ backend: users, route: ROUTES.users, requests: 40 - wave, headerMs: 5 }] : []),
    {
      backend: checkout,
      route: ROUTES.checkout,
      requests: 31,
      headerMs: 140,
      fivexx: burst ? 12 : second % 20 === 3 ? 1 : 0,
      resets: burst ? 4 : 0,
    },
    { backend: six, route: ROUTES.wide, requests: 8, headerMs: 1.3 },
    ...(second % 3 === 0 ? [{ backend: six, route: ROUTES.hostile, requests: 1, headerMs: 0.4 }] : []),
  ]
  return frameOf(seq, addMicros(START, second * 1_000_000), shares, {
    connections: [opaqueRow(tls, 2)],
    gapBefore: second === 138 ? 'stopped' : null,
  })
}

/** Options of a player at the start of an ended recording. */
export const PLAY_DEFAULTS: Omit<PlayOptions, 'signal'> = {
  board: BOARD_DEFAULTS,
  sort: 'rps',
  filter: '',
  windowSeconds: 1,
  timeZone: 'Europe/Berlin',
  begin: 'start',
  playing: false,
  speed: 1,
  loop: false,
  idleLimit: null,
  growth: null,
  isLive: false,
  leaving: null,
  mark: null,
  command: ({ at }) => `upstreamtop replay incident.db --at ${at}`,
  now: () => addMicros(START, 3_600_000_000),
  empty: 'waiting for the first second',
  notice: null,
}
