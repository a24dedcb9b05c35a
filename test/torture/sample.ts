/** A small recording with every kind of row, and its frames as they were written. */
import type {
  Backend,
  RequestEvent,
  Route,
  SecondFrame,
  TrafficRow,
  Wire,
  WireRow,
} from '../../src/frame/model/frame.ts'
import { GRPC_NONE } from '../../src/frame/model/grpc.ts'
import { NO_CONNECTIONS } from '../../src/frame/model/nothing.ts'
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

const CART_METHODS = ['GetCart', 'AddItem', 'WatchCart', 'RemoveItem', 'GetTotal', 'Merge', 'Clear', 'Share']
const NOT_FOUND = 5
const UNAVAILABLE = 14

/**
 * The same frames, the first backend of which speaks gRPC: each answer is a 200, what was 5xx is UNAVAILABLE, what was 404 NOT_FOUND, and
 * what failed ended without a status.
 */
export function* overGrpc(frames: Iterable<SecondFrame>): Generator<SecondFrame> {
  const cart = new Cart()
  for (const frame of frames) yield cart.frame(frame)
}

class Cart {
  readonly #routes = new Map<Route, Route>()
  #backend: Backend | null = null

  frame(frame: SecondFrame): SecondFrame {
    const traffic = frame.traffic.map((row) => (isFirst(row) ? this.#row(row) : row))
    const own = traffic.filter(({ backend }) => backend === this.#backend)
    const read = own.reduce((sum, { requests }) => sum + requests, 0)
    const connection = frame.connections.find(isFirst) ?? NO_CONNECTIONS
    const connections = frame.connections.filter((row) => !isFirst(row))
    return {
      ...frame,
      traffic,
      connections:
        this.#backend === null
          ? connections
          : [{ ...connection, backend: this.#backend, h2Requests: read, grpcRequests: read }, ...connections],
      requests: frame.requests.map((event) => (isFirst(event) ? this.#event(event) : event)),
    }
  }

  #row({ codes, failures, ...row }: TrafficRow): TrafficRow {
    const counts = new Map<number, number>()
    const add = (status: number, count: number): unknown =>
      counts.set(status, (counts.get(status) ?? 0) + count)
    for (let i = 0; i < codes.length; i += 2)
      add(codes[i]! >= 500 ? UNAVAILABLE : codes[i] === 404 ? NOT_FOUND : 0, codes[i + 1]!)
    if (failedRequests(failures) > 0) add(GRPC_NONE, failedRequests(failures))
    return {
      ...row,
      ...this.#named(row),
      failures,
      codes: row.answered === 0 ? [] : [200, row.answered],
      grpc: [...counts].sort(([a], [b]) => a - b).flat(),
    }
  }

  #event(event: RequestEvent): RequestEvent {
    const outcome = typeof event.outcome === 'number' ? 200 : event.outcome
    return { ...event, ...this.#named(event), outcome }
  }

  #named({ backend, route }: Pick<TrafficRow, 'backend' | 'route'>): Pick<TrafficRow, 'backend' | 'route'> {
    this.#backend ??= { ...backend, address: '10.0.1.20:50051' }
    let method = this.#routes.get(route)
    if (method === undefined) {
      const name = CART_METHODS[this.#routes.size % CART_METHODS.length]!
      method = { id: 100 + this.#routes.size, method: 'POST', path: `/shop.Cart/${name}` }
      this.#routes.set(route, method)
    }
    return { backend: this.#backend, route: method }
  }
}

const isFirst = ({ backend }: { readonly backend: Backend }): boolean => backend.address === CLUSTER_IP

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
