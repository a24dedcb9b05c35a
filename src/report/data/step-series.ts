/** A few numbers per step, kept for all steps of a range at once. Findings and the slowest requests are computed from them. */
import { classCount, statistic } from '../../frame/expression/measure.ts'
import { matches, type Selection } from '../../frame/expression/selection.ts'
import { backendKey, routeKey } from '../../frame/model/aggregate.ts'
import { mergeDistribution } from '../../frame/model/distribution.ts'
import type { Backend, ConnectionRow, Distribution, Route, TrafficRow } from '../../frame/model/frame.ts'
import { OCTAVES, octaveOf, type Buckets } from '../../frame/model/histogram.ts'
import type { Span } from '../../frame/model/span.ts'
import { Interned } from '../../frame/sum/interned.ts'
import { failedConnects, failedRequests } from '../../frame/sum/sums.generated.ts'
import type { StepGrid } from './stretches.ts'

/** Sums of the selected rows. A step without a tick has 0 seconds. */
export interface StepSeries {
  readonly grid: StepGrid
  readonly count: number
  readonly seconds: readonly number[]
  readonly requests: readonly number[]
  /** greatest header or total time, µs; -1 where nothing was measured */
  readonly slowest: readonly number[]
  readonly backends: readonly BackendSeries[]
}

export interface BackendSeries {
  readonly backend: Backend
  readonly requests: readonly number[]
  readonly answered: readonly number[]
  readonly fivexx: readonly number[]
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

/** The spans of a host in a step. */
export interface HostSpans {
  readonly host: string
  readonly spans: readonly Span[]
}

/** Most route times that are kept. Routes that first appear later are ignored. */
const MAX_TIMES = 1_000_000

/** Routes that first appear after so many route times have no octaves: 24 MB. */
const MAX_OCTAVES = 200_000

export class SeriesBuilder {
  readonly #seconds: number[]
  readonly #requests: number[]
  readonly #slowest: number[]
  readonly #backends: Interned<Backend, BackendBuilder>
  /** backends without their network namespace: its number has no meaning on another host */
  readonly #withoutNamespace = new Interned(backendKey, (backend) => ({ ...backend, netns: 0 }))
  #times = 0

  constructor(
    readonly count: number,
    readonly rows: Selection['rows'],
  ) {
    this.#seconds = zeros(count)
    this.#requests = zeros(count)
    this.#slowest = zeros(count).fill(-1)
    this.#backends = new Interned(backendKey, (backend) => backendBuilder(backend, count))
  }

  get series(): Omit<StepSeries, 'grid'> {
    return {
      count: this.count,
      seconds: this.#seconds,
      requests: this.#requests,
      slowest: this.#slowest,
      backends: this.#backends.values.map((builder) => ({ ...builder, routes: builder.routes.values })),
    }
  }

  /** The same index may be added more than once: the caller adds what lies beyond the last step to the last step. */
  add(index: number, hosts: readonly HostSpans[]): void {
    const touched = new Set<RouteBuilder>()
    for (const { spans } of hosts) {
      const dropsNamespace = hosts.length > 1 && namespaces(spans).size === 1
      const nameOf = (backend: Backend): Backend =>
        dropsNamespace ? this.#withoutNamespace.of(backend) : backend
      for (const span of spans) {
        for (const row of span.traffic) this.#addTraffic(index, row, nameOf(row.backend), touched)
        for (const row of span.connections) this.#addConnection(index, row, nameOf(row.backend))
      }
    }
    this.#seconds[index]! += meanLength(hosts) / 1e6
    for (const route of touched) this.#addTime(index, route)
  }

  #addTraffic(index: number, row: TrafficRow, backend: Backend, touched: Set<RouteBuilder>): void {
    const { route, header } = row
    if (this.rows !== null && !matches(this.rows, { backend, route, outcome: null })) return
    const builder = this.#backends.of(backend)
    this.#requests[index]! += row.requests
    this.#slowest[index] = Math.max(this.#slowest[index]!, header.max ?? -1, row.total.max ?? -1)
    builder.requests[index]! += row.requests
    builder.answered[index]! += row.answered
    builder.fivexx[index]! += classCount(row, 5)
    builder.failures[index]! += failedRequests(row.failures)
    if (header.sampled === 0) return
    const times = builder.routes.of(route)
    times.pending = times.pending === null ? header : mergeDistribution(times.pending, header)
    touched.add(times)
  }

  #addConnection(index: number, row: ConnectionRow, backend: Backend): void {
    if (this.rows !== null && !matches(this.rows, { backend, route: null, outcome: null })) return
    this.#backends.of(backend).refused[index]! += failedConnects(row)
  }

  #addTime(index: number, builder: RouteBuilder): void {
    const { pending } = builder
    builder.pending = null
    if (pending === null || (builder.steps.length === 0 && this.#times >= MAX_TIMES)) return
    this.#times++
    builder.steps.push(index)
    builder.medians.push(statistic(pending, 'p50') ?? 0)
    builder.answered.push(pending.sampled)
    if (builder.hasOctaves || (builder.steps.length === 1 && this.#times <= MAX_OCTAVES))
      builder.addOctaves(pending.buckets)
  }
}

const namespaces = (spans: readonly Span[]): Set<number> =>
  new Set(
    spans.flatMap(({ traffic, connections }) => [...traffic, ...connections].map((row) => row.backend.netns)),
  )

/** Recorded time per host, µs, because hosts run in parallel. */
const meanLength = (hosts: readonly HostSpans[]): number =>
  Math.round(hosts.flatMap(({ spans }) => spans).reduce((sum, { length }) => sum + length, 0) / hosts.length)

type BackendBuilder = ReturnType<typeof backendBuilder>

const backendBuilder = (backend: Backend, count: number) => ({
  backend,
  requests: zeros(count),
  answered: zeros(count),
  fivexx: zeros(count),
  failures: zeros(count),
  refused: zeros(count),
  routes: new Interned<Route, RouteBuilder>(routeKey, (route) => new RouteBuilder(route)),
})

class RouteBuilder implements RouteSeries {
  readonly steps: number[] = []
  readonly medians: number[] = []
  readonly answered: number[] = []
  /** of the current step */
  pending: Distribution | null = null
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
