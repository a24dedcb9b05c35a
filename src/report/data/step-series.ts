/** A few numbers per step, kept for all steps of a range at once. Findings and the slowest requests are computed from them. */
import { classCount, quietGrpcErrors, statistic } from '../../frame/expression/measure.ts'
import { matches, type Selection } from '../../frame/expression/selection.ts'
import { addressKey, backendKey, routeKey } from '../../frame/model/aggregate.ts'
import type { Backend, ConnectionRow, Distribution, Route, TrafficRow } from '../../frame/model/frame.ts'
import { grpcEnded } from '../../frame/model/grpc.ts'
import { OCTAVES, octaveOf, type Buckets } from '../../frame/model/histogram.ts'
import type { Recording } from '../../frame/model/recording.ts'
import type { Span } from '../../frame/model/span.ts'
import { DistributionSum } from '../../frame/sum/distribution-sum.ts'
import { Interned } from '../../frame/sum/interned.ts'
import { failedConnects, failedRequests } from '../../frame/sum/sums.generated.ts'
import { Exposure, type Exposed } from './exposure.ts'
import { homesOf } from './home.ts'
import type { StepGrid } from './stretches.ts'

/** Sums of the selected rows. A step without a tick has 0 seconds. */
export interface StepSeries extends Exposed {
  readonly grid: StepGrid
  readonly count: number
  readonly requests: readonly number[]
  /** of each recording, the greatest header or total time, µs; -1 where nothing was measured */
  readonly slowest: readonly (readonly number[])[]
  /** of each host, the recorded seconds of each step */
  readonly hosts: readonly { readonly host: string; readonly seconds: readonly number[] }[]
  readonly backends: readonly BackendSeries[]
}

/**
 * A backend that was renamed is one, called as it was last: its address neither vanished nor appeared. Its seconds are those in which hosts that use it recorded: none of the others would have seen it.
 */
export interface BackendSeries extends Exposed {
  readonly backend: Backend
  readonly requests: readonly number[]
  readonly answered: readonly number[]
  readonly fivexx: readonly number[]
  /** gRPC exchanges that ended, and those of them whose error neither 5xx nor failures tell */
  readonly grpcEnded: readonly number[]
  readonly grpcErrors: readonly number[]
  /** of requests: reset, closed, aborted, unanswered */
  readonly failures: readonly number[]
  /** refused and timed-out connections */
  readonly refused: readonly number[]
  readonly routes: readonly RouteSeries[]
}

/** The steps in which the route had answers, the median header time of each (µs), and the number of sampled answers. */
export interface RouteSeries {
  readonly route: Route
  readonly steps: readonly number[]
  readonly medians: readonly number[]
  readonly answered: readonly number[]
  /** answers by octave of their header time, OCTAVES numbers per step; empty if there are too many routes */
  readonly octaves: ArrayLike<number>
}

/** What a recording has in a step. */
export interface PartOfStep {
  /** index of the recording */
  readonly index: number
  readonly spans: readonly Span[]
}

/** Most route times that are kept. Routes that first appear later are ignored. */
const MAX_TIMES = 1_000_000

/** Routes that first appear after so many route times have no octaves: 24 MB. */
const MAX_OCTAVES = 200_000

export class SeriesBuilder {
  readonly #requests: number[]
  readonly #slowest: number[][]
  readonly #backends: Interned<Backend, BackendBuilder>
  /** without the network namespace of their host */
  readonly #atHome = new Interned(backendKey, (backend: Backend) => ({ ...backend, netns: 0 }))
  readonly #homes: ReturnType<typeof homesOf>
  readonly #hosts: readonly string[]
  readonly #exposure: Exposure
  /** by host */
  readonly #amounts: number[]
  #times = 0

  constructor(
    readonly recordings: readonly Recording[],
    readonly count: number,
    readonly rows: Selection['rows'],
  ) {
    this.#homes = homesOf(recordings)
    this.#hosts = [...new Set(recordings.map(({ info }) => info.host))]
    this.#requests = zeros(count)
    this.#slowest = recordings.map(() => zeros(count).fill(-1))
    this.#backends = new Interned(
      addressKey,
      (backend) => backendBuilder(backend, count, this.#hosts.length),
      (builder, backend) => (builder.backend = backend),
    )
    this.#exposure = new Exposure(this.#hosts.length, count)
    this.#amounts = zeros(this.#hosts.length)
  }

  get series(): Omit<StepSeries, 'grid'> {
    return {
      count: this.count,
      ...this.#exposure.of(this.#amounts),
      requests: this.#requests,
      slowest: this.#slowest,
      hosts: this.#hosts.map((host, i) => ({ host, seconds: this.#exposure.seconds[i]! })),
      backends: this.#backends.values.map((builder) => ({
        ...builder,
        ...this.#exposure.of(builder.amounts),
        routes: builder.routes.values,
      })),
    }
  }

  /** The same index may be added more than once: the caller adds what lies beyond the last step to the last step. */
  add(step: number, parts: readonly PartOfStep[]): void {
    const touched = new Set<RouteBuilder>()
    for (const { index, spans } of parts) {
      const recording = this.recordings[index]!
      const home = this.#homes(recording)
      const host = this.#hosts.indexOf(recording.info.host)
      const place = { step, index, host }
      const named = (backend: Backend): Backend =>
        backend.netns === home ? this.#atHome.of(backend) : backend
      for (const span of spans) {
        for (const row of span.traffic) this.#addTraffic(place, row, named(row.backend), touched)
        for (const row of span.connections) this.#addConnection(place, row, named(row.backend))
        this.#exposure.add(host, step, span.length / 1e6, span)
      }
    }
    for (const route of touched) this.#addTime(step, route)
  }

  #addTraffic(
    { step, index, host }: Place,
    row: TrafficRow,
    backend: Backend,
    touched: Set<RouteBuilder>,
  ): void {
    const { route, header } = row
    if (this.rows !== null && !matches(this.rows, { backend, route, outcome: null })) return
    const builder = this.#backends.of(backend)
    this.#requests[step]! += row.requests
    this.#amounts[host]! += row.requests
    const slowest = this.#slowest[index]!
    slowest[step] = Math.max(slowest[step]!, header.max ?? -1, row.total.max ?? -1)
    builder.amounts[host]! += row.requests
    builder.requests[step]! += row.requests
    builder.answered[step]! += row.answered
    builder.fivexx[step]! += classCount(row, 5)
    builder.grpcEnded[step]! += grpcEnded(row.grpc) ?? 0
    builder.grpcErrors[step]! += quietGrpcErrors(row)
    builder.failures[step]! += failedRequests(row.failures)
    if (header.sampled === 0) return
    const times = builder.routes.of(route)
    times.pending.push(header)
    touched.add(times)
  }

  #addConnection({ step, host }: Place, row: ConnectionRow, backend: Backend): void {
    if (this.rows !== null && !matches(this.rows, { backend, route: null, outcome: null })) return
    const [builder, refused] = [this.#backends.of(backend), failedConnects(row)]
    builder.amounts[host]! += refused
    builder.refused[step]! += refused
  }

  #addTime(index: number, builder: RouteBuilder): void {
    const pending = sumOfTimes(builder.pending)
    builder.pending = []
    if (builder.steps.length === 0 && this.#times >= MAX_TIMES) return
    this.#times++
    builder.steps.push(index)
    builder.medians.push(statistic(pending, 'p50') ?? 0)
    builder.answered.push(pending.sampled)
    if (builder.hasOctaves || (builder.steps.length === 1 && this.#times <= MAX_OCTAVES))
      builder.addOctaves(pending.buckets)
  }
}

/** Nearly always one of one host. */
function sumOfTimes(times: readonly Distribution[]): Distribution {
  if (times.length === 1) return times[0]!
  const sum = new DistributionSum()
  for (const each of times) sum.add(each)
  return sum.value()
}

interface Place {
  readonly step: number
  /** of the recording */
  readonly index: number
  readonly host: number
}

type BackendBuilder = ReturnType<typeof backendBuilder>

const backendBuilder = (backend: Backend, count: number, hosts: number) => ({
  backend,
  /** by host: requests, and refused connections */
  amounts: zeros(hosts),
  requests: zeros(count),
  answered: zeros(count),
  fivexx: zeros(count),
  grpcEnded: zeros(count),
  grpcErrors: zeros(count),
  failures: zeros(count),
  refused: zeros(count),
  routes: new Interned<Route, RouteBuilder>(routeKey, (route) => new RouteBuilder(route)),
})

class RouteBuilder implements RouteSeries {
  readonly steps: number[] = []
  readonly medians: number[] = []
  readonly answered: number[] = []
  /** of the current step */
  pending: Distribution[] = []
  octaves = new Uint32Array(0)
  hasOctaves = false

  constructor(readonly route: Route) {}

  /** Adds the octaves of the step that was added last. */
  addOctaves(buckets: Buckets): void {
    this.hasOctaves = true
    const at = (this.steps.length - 1) * OCTAVES
    if (at === this.octaves.length) {
      const larger = new Uint32Array(Math.max(8 * OCTAVES, 2 * at))
      larger.set(this.octaves)
      this.octaves = larger
    }
    for (let i = 0; i < buckets.length; i += 2) this.octaves[at + octaveOf(buckets[i]!)]! += buckets[i + 1]!
  }
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0)
