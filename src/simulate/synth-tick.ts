/** Builds the rows of a frame from one tick of synthetic traffic. */
import { NO_CONTROL, type Control, type Failures } from '../frame/model/counters.generated.ts'
import type {
  Backend,
  Codes,
  ConnectionRow,
  Counts,
  Distribution,
  RequestEvent,
  TrafficRow,
} from '../frame/model/frame.ts'
import { bucketOf } from '../frame/model/histogram.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../frame/model/nothing.ts'
import { micros, type WallMicros } from '../frame/model/units.ts'
import { sampleOf } from '../frame/sum/sample.ts'
import { failedRequests } from '../frame/sum/sums.generated.ts'
import type { PlannedRequest } from './synth-request.ts'
import type { Pair, SynthPlan } from './synth-plan.ts'
import type { Random } from './synth-random.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

class Row {
  readonly codes = new Map<number, number>()
  readonly failures: Mutable<Failures> = { reset: 0, closed: 0, aborted: 0, unanswered: 0 }
  requests = 0
  answered = 0
  retries = 0
  retransmits = 0
  inFlight = 0
  oldestSince = Infinity
  readonly header: number[] = []
  readonly total: number[] = []
}

class BackendRow {
  connects = 0
  refused = 0
  readonly connect: number[] = []
}

export class TickBuilder {
  readonly #rows = new Map<Pair, Row>()
  readonly #backends = new Map<Backend, BackendRow>()
  readonly #finished: RequestEvent[] = []

  constructor(
    readonly plan: SynthPlan,
    readonly random: Random,
  ) {}

  /** A request that was open when the tick began: it has a row even if nothing happens to it. */
  addOpen({ pair, isAnswered }: PlannedRequest): void {
    if (!isAnswered) this.#row(pair)
  }

  begin({ pair, connect }: PlannedRequest, retries: number): void {
    const row = this.#row(pair)
    row.requests++
    row.retries += retries
    if (this.random.chance(0.0005)) row.retransmits++
    if (connect === null) return
    const backend = this.#backend(pair.backend)
    backend.connects++
    backend.connect.push(connect)
  }

  refuse(backend: Backend): void {
    this.#backend(backend).refused++
  }

  /** Counts the events of a request before `end`. @returns whether it goes on in the next tick */
  advance(request: PlannedRequest, end: WallMicros): boolean {
    const row = this.#row(request.pair)
    if (request.headAt >= end) {
      row.inFlight++
      row.oldestSince = Math.min(row.oldestSince, request.at)
      return true
    }
    if (typeof request.outcome !== 'number') {
      row.failures[request.outcome]++
      this.#finished.push(eventOf(request))
      return false
    }
    if (!request.isAnswered) {
      request.isAnswered = true
      row.answered++
      row.codes.set(request.outcome, (row.codes.get(request.outcome) ?? 0) + 1)
      row.header.push(request.header)
    }
    if (request.endAt >= end) return true
    row.total.push(request.total)
    this.#finished.push(eventOf(request))
    return false
  }

  frame(end: WallMicros): {
    readonly traffic: readonly TrafficRow[]
    readonly connections: readonly ConnectionRow[]
    readonly requests: readonly RequestEvent[]
    readonly control: Control
  } {
    const traffic = [...this.#rows].map(([{ backend, route }, row]) => ({
      backend,
      route,
      ...countsOf(row, end),
    }))
    return {
      traffic: traffic.filter(isActive),
      connections: [...this.#backends].map(([backend, row]) => connectionOf(backend, row)),
      requests: sampleOf(this.#finished, this.plan.requests),
      control: controlOf(traffic, this.random),
    }
  }

  #row(pair: Pair): Row {
    let row = this.#rows.get(pair)
    if (row === undefined) this.#rows.set(pair, (row = new Row()))
    return row
  }

  #backend(backend: Backend): BackendRow {
    let row = this.#backends.get(backend)
    if (row === undefined) this.#backends.set(backend, (row = new BackendRow()))
    return row
  }
}

const eventOf = ({ pair, at, outcome, header, total }: PlannedRequest): RequestEvent => {
  const isAnswered = typeof outcome === 'number'
  return {
    backend: pair.backend,
    route: pair.route,
    at,
    outcome,
    header: isAnswered ? header : null,
    total: isAnswered ? total : null,
  }
}

/** Bytes of a request and of a response with its header. The values are arbitrary. */
const REQUEST_BYTES = 420
const ANSWER_BYTES = 5200

const countsOf = (row: Row, end: WallMicros): Counts => ({
  ...NO_COUNTS,
  requests: row.requests,
  answered: row.answered,
  codes: sorted(row.codes),
  failures: row.failures,
  retransmits: row.retransmits,
  retries: row.retries,
  sentBytes: row.requests * REQUEST_BYTES,
  receivedBytes: row.answered * ANSWER_BYTES,
  inFlight: row.inFlight,
  oldest: row.inFlight === 0 ? micros(0) : micros(end - row.oldestSince),
  header: distributionOf(row.header),
  total: distributionOf(row.total),
})

const sorted = (counts: ReadonlyMap<number, number>): Codes => [...counts].sort(([a], [b]) => a - b).flat()

const connectionOf = (backend: Backend, { connects, refused, connect }: BackendRow): ConnectionRow => ({
  backend,
  ...NO_CONNECTIONS,
  connects,
  refused,
  connect: distributionOf(connect),
})

function distributionOf(values: readonly number[]): Distribution {
  if (values.length === 0) return NONE
  let sum = 0
  let [min, max] = [values[0]!, values[0]!]
  const counts = new Map<number, number>()
  for (const value of values) {
    sum += value
    min = Math.min(min, value)
    max = Math.max(max, value)
    const bucket = bucketOf(micros(value))
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  const buckets = sorted(counts)
  return {
    count: values.length,
    sum: micros(sum),
    sampled: values.length,
    min: micros(min),
    max: micros(max),
    buckets,
  }
}

const NONE: Distribution = { count: 0, sum: micros(0), sampled: 0, min: null, max: null, buckets: [] }

const isActive = (row: Counts): boolean =>
  row.requests + row.answered + row.inFlight + row.total.count + failedRequests(row.failures) > 0

/** Each message begins in its own segment; longer answers continue in further ones. */
function controlOf(rows: readonly Counts[], random: Random): Control {
  let [requests, answered, failed, retransmits] = [0, 0, 0, 0]
  for (const row of rows) {
    requests += row.requests
    answered += row.answered
    failed += failedRequests(row.failures)
    retransmits += row.retransmits
  }
  const starts = requests + answered
  const continuations = random.below(1 + Math.floor(answered / 2))
  return {
    ...NO_CONTROL,
    segments: starts + continuations + retransmits,
    starts,
    continuations,
    retransmits,
    requests,
    answered,
    failed,
  }
}
