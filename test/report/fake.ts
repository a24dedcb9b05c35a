/** An in-memory implementation of the Recording port, and frames for it: report tests without SQLite. */
import { ofFrame, sumOf } from '../../src/frame/sum/merge.ts'
import type {
  Backend,
  Codes,
  Counts,
  Distribution,
  Gap,
  GapReason,
  Marker,
  RequestEvent,
  Route,
  SecondFrame,
  ConnectionCounts,
} from '../../src/frame/model/frame.ts'
import { bucketOf } from '../../src/frame/model/histogram.ts'
import { classCount } from '../../src/frame/expression/measure.ts'
import type { Recording, RecordingInfo } from '../../src/frame/model/recording.ts'
import {
  addMicros,
  micros,
  monotonicNanos,
  wallMicros,
  type WallMicros,
} from '../../src/frame/model/units.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../src/frame/model/nothing.ts'
import { NO_CONTROL, NO_EXCLUDED, NO_LOSS, type Loss } from '../../src/frame/model/counters.generated.ts'

export const at = (iso: string): WallMicros => wallMicros(Date.parse(iso) * 1000)
export const START = at('2026-11-22T14:00:00Z')

export const backend = (address: string, over: Partial<Backend> = {}): Backend => ({
  id: 0,
  address,
  netns: 4026531840,
  names: null,
  ...over,
})
export const route = (method: string, path: string): Route => ({ id: 0, method, path })

export interface Traffic {
  readonly backend: Backend
  readonly route: Route
  /** header times of the answers, µs; total time is twice that */
  readonly times: readonly number[]
  /** codes of the answers, repeated in a cycle; 200 by default */
  readonly codes?: readonly number[]
  readonly resets?: number
  readonly open?: number
  /** gRPC exchanges that ended, by status; none by default; null: unknown */
  readonly grpc?: Codes | null
}

export interface FrameOptions {
  readonly connections?: readonly { readonly backend: Backend; readonly counts: Partial<ConnectionCounts> }[]
  readonly length?: number
  readonly loss?: Partial<Loss>
  readonly gapBefore?: GapReason
  /** default: none; null: unknown */
  readonly wires?: SecondFrame['wires']
}

export function frame(
  seq: number,
  start: WallMicros,
  traffic: readonly Traffic[],
  options: FrameOptions = {},
): SecondFrame {
  const rows = traffic.map((row) => ({ ...countsOf(row), backend: row.backend, route: row.route }))
  return {
    seq,
    start,
    mono: monotonicNanos(BigInt(seq) * 1_000_000_000n),
    length: micros(options.length ?? 1_000_000),
    traffic: rows,
    connections: (options.connections ?? []).map(({ backend: of, counts }) => ({
      ...NO_CONNECTIONS,
      ...counts,
      backend: of,
    })),
    wires: options.wires === undefined ? [] : options.wires,
    requests: traffic.flatMap((row) => eventsOf(row, start)),
    loss: { ...NO_LOSS, ...options.loss },
    excluded: NO_EXCLUDED,
    control: NO_CONTROL,
    cost: { cpu: micros(1000), rssBytes: 50_000_000, commit: micros(900) },
    gapBefore: options.gapBefore ?? null,
    final: false,
  }
}

function countsOf({ times, codes = [200], resets = 0, open = 0, grpc = [] }: Traffic): Counts {
  const counted = new Map<number, number>()
  times.forEach((_, i) => {
    const code = codes[i % codes.length]!
    counted.set(code, (counted.get(code) ?? 0) + 1)
  })
  return {
    ...NO_COUNTS,
    requests: times.length + resets,
    answered: times.length,
    codes: [...counted].sort(([a], [b]) => a - b).flat(),
    grpc,
    failures: { ...NO_COUNTS.failures, reset: resets },
    inFlight: open,
    sentBytes: (times.length + resets) * 400,
    receivedBytes: times.length * 5000,
    header: distribution(times),
    total: distribution(times.map((time) => time * 2)),
  }
}

const eventsOf = (
  { backend: of, route: to, times, codes = [200] }: Traffic,
  start: WallMicros,
): RequestEvent[] =>
  times.map((time, i) => ({
    backend: of,
    route: to,
    at: addMicros(start, i),
    outcome: codes[i % codes.length]!,
    header: micros(time),
    total: micros(time * 2),
  }))

export function distribution(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b)
  const buckets = new Map<number, number>()
  for (const value of sorted) {
    const bucket = bucketOf(micros(value))
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
  }
  return {
    count: sorted.length,
    sum: micros(sorted.reduce((a, b) => a + b, 0)),
    sampled: sorted.length,
    min: sorted.length === 0 ? null : micros(sorted[0]!),
    max: sorted.length === 0 ? null : micros(sorted.at(-1)!),
    buckets: [...buckets].flat(),
  }
}

export interface FakeOptions {
  readonly info?: Partial<RecordingInfo>
  readonly gaps?: readonly Gap[]
  readonly markers?: readonly Marker[]
}

/** Frames in order of sequence. */
export function recording(frames: readonly SecondFrame[], options: FakeOptions = {}): Recording {
  const bySeq = new Map(frames.map((one) => [one.seq, one]))
  const within = (from: number, to: number): SecondFrame[] =>
    frames.filter(({ seq }) => seq >= from && seq < to)
  const last = frames.at(-1)
  return {
    info: {
      file: 'fake.db',
      host: 'web1',
      timeZone: 'Europe/Berlin',
      tool: 'upstreamtop 0.1.0',
      format: 2,
      kernel: '6.18.0',
      arguments: [],
      interfaces: ['eth0'],
      complete: true,
      start: frames[0]?.start ?? START,
      end: last === undefined ? START : addMicros(last.start, last.length),
      ticks: frames.length,
      ...options.info,
    },
    ticks: frames.map((one) => {
      const { totals } = ofFrame(one)
      const { reset, closed, aborted, unanswered } = totals.failures
      const { refused, connectTimeout } = totals.connection
      return {
        seq: one.seq,
        start: one.start,
        length: one.length,
        requests: totals.requests,
        answered: totals.answered,
        fivexx: classCount(totals, 5),
        failures: reset + closed + aborted + unanswered + refused + connectTimeout,
        headerSum: totals.header.sum,
        gapBefore: one.gapBefore,
      }
    }),
    gaps: options.gaps ?? [],
    markers: options.markers ?? [],
    damage: [],
    frame: (seq) => bySeq.get(seq) ?? null,
    aggregate: ({ from, to }) => sumOf(within(from, to).map(ofFrame)),
    *requests({ from, to }) {
      for (const one of within(from, to)) yield* one.requests
    },
    refresh: () => false,
    close: () => undefined,
  }
}

const A = backend('10.0.1.10:8080')
const B = backend('10.0.1.12:8080', { names: ['checkout'] })
export const HOSTILE = '/x\u001b[2J|<img src=x onerror=alert(1)>`=`\u009b\u202e,"'

/**
 * Three minutes of two backends: some 5xx, a reset per second in the last minute, a refused connection every 10 s, a gap of 20
 * s.
 */
export function incident(host = 'web1', seed = 1): Recording {
  const gap = 20
  const frames = Array.from({ length: 160 }, (_, i) => {
    const second = i < 100 ? i : i + gap
    const slow = second >= 120 ? 5 : 1
    const jitter = (i * 37 + seed * 11) % 50
    return frame(
      i,
      addMicros(START, second * 1e6),
      [
        { backend: A, route: route('GET', '/api/orders'), times: [900 + jitter, 1000, 1100, 2100] },
        { backend: A, route: route('GET', '/healthz'), times: [80] },
        {
          backend: B,
          route: route('POST', '/checkout'),
          times: [60_000 * slow + jitter, 90_000 * slow],
          codes: [201, 503],
          resets: second >= 120 ? 1 : 0,
          open: 1,
        },
        ...(i === 30 ? [{ backend: A, route: route('GET', HOSTILE), times: [5] }] : []),
        ...(i === 31 ? [{ backend: A, route: route('=CMD', '/y'), times: [5], codes: [101] }] : []),
      ],
      {
        connections:
          i % 10 === 0
            ? [{ backend: B, counts: { connects: 2, refused: 1, connect: distribution([300, 400]) } }]
            : [],
        loss: i === 50 ? { ringDropped: 3, mapRefused: 2 } : {},
        ...(i === 100 ? { gapBefore: 'stopped' } : {}),
      },
    )
  })
  return recording(frames, {
    info: { host, file: `${host}.db` },
    gaps: [{ from: addMicros(START, 100e6), to: addMicros(START, 120e6), reason: 'stopped' }],
    markers: [{ at: addMicros(START, 115e6), kind: 'deploy', text: 'v42' }],
  })
}
