/** The data of the HTML page for every step, with the finest step that fits into its size. */
import { classCount, failureCount, statistic, type Measurable } from '../../frame/expression/measure.ts'
import { selectRows } from '../../frame/expression/selection.ts'
import {
  backendKey,
  hasGrpc,
  routeKey,
  type Aggregate,
  type BackendSum,
  type RouteSum,
} from '../../frame/model/aggregate.ts'
import { grpcEnded, grpcErrors } from '../../frame/model/grpc.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { micros, toSeconds } from '../../frame/model/units.ts'
import { changesOffset } from '../../frame/time/timezone.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { visible } from '../../render/text.ts'
import { stepSums } from '../data/steps.ts'
import { lengthOf, StepGrid, stretchesOf } from '../data/stretches.ts'
import type { Summary } from '../data/summary.ts'
import { pointOf } from '../data/timeline.ts'
import { severalNamespaces } from '../document/json.ts'

/** Moments are in seconds since 1970, latencies in µs; -1 is "nothing measured". */
export interface PageData {
  /** the first step, and the first step after each hole: its number, and when it starts */
  readonly starts: readonly (readonly [index: number, second: number])[]
  readonly step: number
  readonly zone: string
  /** its offset changes within the range */
  readonly withOffset: boolean
  /** recorded seconds of each step; 0 is a gap */
  readonly seconds: readonly number[]
  readonly totals: Readonly<
    Record<'rps' | 'fivexx' | 'failures' | 'grpcErrors' | 'p50' | 'p99', readonly (number | null)[]>
  >
  /** there was gRPC: rows have two more numbers, the gRPC exchanges that ended, and the errors among them */
  readonly withGrpc: boolean
  readonly backends: readonly string[]
  readonly routes: readonly (readonly [backend: number, method: string, route: string])[]
  /** per step: backends, routes; seven numbers per row: id, requests, 5xx, answered, failures, p50, p99; nine with gRPC */
  readonly boards: readonly (readonly [readonly number[], readonly number[]])[]
  readonly bands: readonly { readonly from: number; readonly to: number; readonly kind: string }[]
  /** the step to show first */
  readonly first: number
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]
/** A chart cannot show more steps. With steps of a second this is more than 15 minutes. */
const MAX_STEPS = 1500
/** Steps of a hole: enough to be seen. */
const HOLE_STEPS = 3
/** Characters of all boards together, so that the page stays below 2 MB. */
const MAX_TEXT = 1_200_000
/** Most routes per backend, and most backends, that a board shows. */
const ROUTES = 4
const BACKENDS = 8

export function pageData(recordings: readonly Recording[], summary: Summary, timeZone: string): PageData {
  const { range } = summary.query
  const found = stretchesOf(recordings, range)
  const holes = (found.length - 1) * HOLE_STEPS
  const stretches = holes > MAX_STEPS / 2 ? [range] : found
  const length = lengthOf(stretches) / 1e6
  const dataAt = (seconds: number, most?: number): PageData | null =>
    dataOf(new StepGrid(stretches, micros(seconds * 1e6), HOLE_STEPS), recordings, summary, timeZone, most)
  for (const step of STEPS) {
    if (length / step > MAX_STEPS) continue
    const data = dataAt(step)
    if (data !== null) return data
  }
  return dataAt(Math.ceil(length / 24), Infinity)!
}

/** null if the boards need more than `most` characters. */
function dataOf(
  grid: StepGrid,
  recordings: readonly Recording[],
  summary: Summary,
  zone: string,
  most = MAX_TEXT,
): PageData | null {
  const { range, selection } = summary.query
  const { count, step } = grid
  const names = new Names(severalNamespaces(summary.selected))
  const withGrpc = hasGrpc(summary.selected)
  const seconds = new Array<number>(count).fill(0)
  const boards: [number[], number[]][] = Array.from({ length: count }, () => [[], []])
  const totals = {
    rps: nulls(count),
    fivexx: nulls(count),
    failures: nulls(count),
    grpcErrors: withGrpc ? nulls(count) : [],
    p50: nulls(count),
    p99: nulls(count),
  }
  let size = 0
  for (const { start, aggregate } of stepSums(recordings, range, step)) {
    const selected = selectRows(aggregate, selection.rows)
    const point = pointOf(selected)
    const index = grid.indexOf(start)
    // What begins after the last whole step is one tick of some µs.
    if (point === null || seconds[index] !== 0) continue
    seconds[index] = Number(toSeconds(selected.length).toFixed(3))
    totals.rps[index] = short(point.rps)
    totals.fivexx[index] = short(point.fivexx)
    totals.failures[index] = short(point.failures)
    if (withGrpc) totals.grpcErrors[index] = short(point.grpcErrors ?? 0)
    totals.p50[index] = rounded(statistic(selected.totals.header, 'p50'))
    totals.p99[index] = rounded(point.p99)
    boards[index] = boardOf(selected, names, withGrpc)
    size += boards[index][0].join().length + boards[index][1].join().length
    if (size > most) return null
  }
  return {
    starts: grid.starts.map(({ index, start }) => [index, start / 1e6]),
    step: step / 1e6,
    zone,
    withOffset: changesOffset(range, zone),
    seconds,
    totals,
    withGrpc,
    backends: names.backends,
    routes: names.routes,
    boards,
    bands: [],
    first: Math.max(
      0,
      seconds.findIndex((length) => length > 0),
    ),
  }
}

const nulls = (count: number): (number | null)[] => new Array<number | null>(count).fill(null)

/** The busiest rows: a board shows no others. */
function boardOf({ backends }: Aggregate, names: Names, withGrpc: boolean): [number[], number[]] {
  const cells = (id: number, line: Measurable): number[] => [
    ...plainCells(id, line),
    ...(withGrpc ? [grpcEnded(line.grpc) ?? 0, grpcErrors(line.grpc) ?? 0] : []),
  ]
  const shown = busiest(backends, BACKENDS)
  const rows = shown.flatMap((sum) => cells(names.backend(sum), sum))
  const routes = shown.flatMap((sum) =>
    busiest(sum.routes, ROUTES).flatMap((route) => cells(names.route(sum, route), route)),
  )
  return [rows, routes]
}

const busiest = <T extends { readonly requests: number }>(sums: readonly T[], most: number): T[] =>
  [...sums].sort((a, b) => b.requests - a.requests).slice(0, most)

const plainCells = (id: number, line: Measurable): number[] => [
  id,
  line.requests,
  classCount(line, 5),
  line.answered,
  failureCount(line),
  rounded(statistic(line.header, 'p50')) ?? -1,
  rounded(statistic(line.header, 'p99')) ?? -1,
]

/** Three digits: no more are shown. */
const rounded = (value: number | null): number | null =>
  value === null ? null : Number(value.toPrecision(3))
const short = (value: number): number => Number(value.toPrecision(5))

/** Numbers backends and routes in the order in which they appear. */
class Names {
  readonly backends: string[] = []
  readonly routes: [number, string, string][] = []
  readonly #several: boolean
  readonly #backendIds = new Map<string, number>()
  readonly #routeIds = new Map<string, number>()

  constructor(several: boolean) {
    this.#several = several
  }

  backend({ backend }: BackendSum): number {
    const key = backendKey(backend)
    let id = this.#backendIds.get(key)
    if (id === undefined) {
      id = this.backends.push(visible(labelOf(backend, this.#several))) - 1
      this.#backendIds.set(key, id)
    }
    return id
  }

  route(sum: BackendSum, { route }: RouteSum): number {
    const backend = this.backend(sum)
    const key = `${backend} ${routeKey(route)}`
    let id = this.#routeIds.get(key)
    if (id === undefined) {
      id = this.routes.push([backend, visible(route.method), visible(route.path)]) - 1
      this.#routeIds.set(key, id)
    }
    return id
  }
}
