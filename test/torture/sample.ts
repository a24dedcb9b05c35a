/** A small recording with every kind of row, and its frames as they were written. */
import type { SecondFrame, Wire, WireRow } from '../../src/frame/model/frame.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { failedConnects, failedRequests } from '../../src/frame/sum/sums.generated.ts'
import { planSynth, type Incident } from '../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../src/simulate/synth.ts'
import { createRecording, type WriterOptions } from '../../src/store/write/writer.ts'

export interface SampleOptions {
  readonly secs: number
  readonly seed?: number
  readonly rps?: number
  readonly backends?: number
  readonly routes?: number
  readonly requests?: number
  readonly incidents?: readonly Incident[]
}

export const sampleFrames = (options: SampleOptions): Generator<SecondFrame> =>
  synthFrames(
    planSynth({
      seed: 1,
      rps: 60,
      backends: 3,
      routes: 8,
      requests: 20,
      start: wallMicros(1_795_356_000_000_000),
      incidents: [],
      ...options,
    }),
  )

export const PODS: readonly [Wire, Wire] = [
  { id: 1, address: '10.244.1.7:8080' },
  { id: 2, address: '10.244.2.9:8080' },
]

/**
 * The same frames, the first backend of which is a ClusterIP with two pods: the first one answers what is answered, all that fails fails
 * at the second. Each tenth tick has a request that is not translated.
 */
export function* translated(frames: Iterable<SecondFrame>): Generator<SecondFrame> {
  for (const frame of frames) yield { ...frame, wires: wiresOf(frame) }
}

function wiresOf({ seq, traffic, connections }: SecondFrame): readonly WireRow[] {
  const backend = [...traffic, ...connections]
    .map((row) => row.backend)
    .find(({ address }) => address === CLUSTER_IP)
  if (backend === undefined) return []
  const own = traffic.filter((row) => row.backend === backend)
  const others = connections.filter((row) => row.backend === backend)
  const sum = <T>(rows: readonly T[], of: (row: T) => number): number =>
    rows.reduce((total, row) => total + of(row), 0)
  const failedExchanges = sum(own, ({ failures }) => failedRequests(failures))
  const answering = sum(own, ({ requests }) => requests) - failedExchanges - (seq % 10 === 0 ? 1 : 0)
  const failures = failedExchanges + sum(others, failedConnects)
  const [good, bad] = PODS
  const connects = sum(others, (row) => row.connects)
  return [
    { backend, wire: good, connects, requests: Math.max(0, answering), failures: 0 },
    { backend, wire: bad, connects: 0, requests: failedExchanges, failures },
  ].filter((row) => row.connects + row.requests + row.failures > 0)
}

/** The first backend of synthetic traffic. */
export const CLUSTER_IP = '10.0.1.10:8080'

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: ['record'], interfaces: ['eth0'] }

/** Not durable by default: tests write many. */
export function writeSample(
  file: string,
  options: SampleOptions,
  writer: WriterOptions = { durable: false },
  change: (frames: Iterable<SecondFrame>) => Iterable<SecondFrame> = (frames) => frames,
): SecondFrame[] {
  const sink = createRecording(file, META, writer)
  const frames = [...change(sampleFrames(options))]
  for (const frame of frames) sink.append(frame)
  sink.close()
  return frames
}
