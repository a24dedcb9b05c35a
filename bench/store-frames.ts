/** Frames of an exact shape: a number of active rows, each with a number of requests and both distributions. */
import type {
  Backend,
  Distribution,
  RequestEvent,
  Route,
  SecondFrame,
  TrafficRow,
} from '../src/frame/model/frame.ts'
import { bucketOf } from '../src/frame/model/histogram.ts'
import { addMicros, micros, monotonicNanos, wallMicros, type Micros } from '../src/frame/model/units.ts'
import { Random } from '../src/simulate/synth-random.ts'
import { NO_CONNECTIONS } from '../src/frame/model/nothing.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS } from '../src/frame/model/counters.generated.ts'

export interface Shape {
  readonly ticks: number
  readonly rows: number
  readonly requests: number
  /** requests listed per tick, at most */
  readonly ring: number
}

const BACKENDS = 10
const START = wallMicros(1_795_356_000_000_000)

export function* benchFrames({ ticks, rows, requests, ring }: Shape): Generator<SecondFrame> {
  const random = new Random(1)
  const pairs = pairsOf(rows)
  for (let seq = 0; seq < ticks; seq++) {
    const start = addMicros(START, seq * 1_000_000)
    const events: RequestEvent[] = []
    const traffic = pairs.map((pair) => rowOf(pair, requests, ring, start, random, events))
    yield {
      seq,
      start,
      mono: monotonicNanos(5_000_000_000_000n + BigInt(seq) * 1_000_000_000n),
      length: micros(1_000_000),
      traffic,
      connections: pairs
        .slice(0, BACKENDS)
        .map(({ backend }) => ({ backend, ...NO_CONNECTIONS, connects: 1 })),
      wires: [],
      // Ordered by start, as the helper lists them.
      requests: events.sort((a, b) => a.at - b.at),
      loss: NO_LOSS,
      excluded: NO_EXCLUDED,
      control: { ...NO_CONTROL, segments: rows * requests * 2, starts: rows * requests * 2 },
      cost: { cpu: micros(4000), rssBytes: 60_000_000, commit: micros(1000) },
      gapBefore: null,
      final: seq === ticks - 1,
    }
  }
}

interface Pair {
  readonly backend: Backend
  readonly route: Route
  readonly median: number
}

function pairsOf(rows: number): Pair[] {
  const random = new Random(2)
  const backends = Array.from({ length: BACKENDS }, (_, i): Backend => ({
    id: i,
    address: `10.0.1.${i + 10}:8080`,
    netns: 1,
    names: null,
  }))
  const routes = Array.from({ length: Math.ceil(rows / BACKENDS) }, (_, i): Route => ({
    id: i,
    method: 'GET',
    path: `/api/things${i}/:id`,
  }))
  return Array.from({ length: rows }, (_, i) => ({
    backend: backends[i % BACKENDS]!,
    route: routes[Math.floor(i / BACKENDS)]!,
    median: random.logNormal(12_000, 1),
  }))
}

function rowOf(
  { backend, route, median }: Pair,
  requests: number,
  ring: number,
  start: SecondFrame['start'],
  random: Random,
  events: RequestEvent[],
): TrafficRow {
  const headers = Array.from({ length: requests }, () => micros(Math.round(random.logNormal(median, 0.6))))
  const totals = headers.map((header) => micros(header + Math.round(random.logNormal(250, 0.6))))
  headers.forEach((header, i) => {
    if (events.length >= ring) return
    const at = addMicros(start, random.below(1_000_000))
    events.push({ backend, route, at, outcome: random.chance(0.02) ? 502 : 200, header, total: totals[i]! })
  })
  const failed = random.chance(0.02) ? 1 : 0
  const codes = failed === 0 ? [200, requests] : requests === 1 ? [502, 1] : [200, requests - 1, 502, 1]
  // An object literal, as in the recorder: rows with different hidden classes would cost the writer a third more time.
  return {
    backend,
    route,
    requests,
    answered: requests,
    codes,
    grpc: [],
    failures: { reset: 0, closed: 0, aborted: 0, unanswered: 0 },
    interim: 0,
    retransmits: 0,
    retries: 0,
    bodyReset: 0,
    unseen: 0,
    sentBytes: 300 * requests,
    receivedBytes: 5000 * requests,
    inFlight: 0,
    oldest: micros(0),
    header: distributionOf(headers),
    total: distributionOf(totals),
  }
}

function distributionOf(values: readonly Micros[]): Distribution {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(bucketOf(value), (counts.get(bucketOf(value)) ?? 0) + 1)
  return {
    count: values.length,
    sum: micros(values.reduce((sum, value) => sum + value, 0)),
    sampled: values.length,
    min: micros(Math.min(...values)),
    max: micros(Math.max(...values)),
    buckets: [...counts].sort(([a], [b]) => a - b).flat(),
  }
}
